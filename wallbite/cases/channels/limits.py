"""Case ``limits``: what a tool's payload is given of memory and of room in files, alone and together with others."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from wallbite.cases.channels.calling import call, lay_library, library
from wallbite.cases.channels.confinement import STATES
from wallbite.cases.channels.tools import PYTHON, WORK, lay_file, lay_work, left, needs, sandbox_tool, shell
from wallbite.cases.scene import Scene
from wallbite.content import content

HOLD: Final = 4  # seconds that processes keep what they took together
TIME: Final = 30  # seconds that the tool is given
MANY: Final = 2  # processes, each of which takes more than half of the limit
_SCRIPT: Final = f"exec {PYTHON} -I -S taker.py take.json\n"


def plan(postures: Sequence[str]) -> Iterator[dict[str, Any]]:
    """One case for each state in which tools run, as a plain user."""
    if "unprivileged" in postures:
        for state in STATES:
            case = {"kind": "limits", "posture": "unprivileged", "params": {"state": state, "whole_proc": True}}
            yield {"case": f"limits-{state}@unprivileged", **case}


def run(scene: Scene) -> None:
    """One process, then one that takes a part, then as many as take more than the limit together."""
    needs(scene)
    lay_library(scene)
    more = sandbox_tool(scene, "works" if scene.params["state"] == "confined" else "absent")
    lay_work(scene)
    lay_file(scene, f"{WORK}/taker.py", (content("probes") / "taker.py").read_text())
    lay_file(scene, f"{WORK}/take.sh", _SCRIPT)
    most = library(scene).limits
    by_itself(scene, more, most)
    for count in (1, MANY):
        in_sum(scene, more, count, most["address-space"] * 6 // 10)


def taken(scene: Scene, more: Mapping[str, str], **order: Any) -> tuple[str, dict[str, Any]]:
    """Run the payload; its nonce, and what came of the call."""
    nonce = secrets.token_hex(8)
    lay_file(scene, f"{WORK}/take.json", json.dumps({"nonce": nonce, "answer": f"answer-{nonce}.json", **order}))
    called = call(scene, [shell("bash take.sh", timeout=TIME)], TIME + 20, more=more)
    outcome = called.outcomes[0].seen if called.outcomes else {"error": "none", "text": called.problem, "answer": {}}
    return nonce, {**outcome, "answer": str(outcome["answer"])[:300]}


def by_itself(scene: Scene, more: Mapping[str, str], most: Mapping[str, int]) -> None:
    """One process: half of its limits, and more than them."""
    nonce, told = taken(scene, more, space=most["address-space"], size=most["file-size"])
    scene.note("taken", "alone", said=left(f"{WORK}/answer-{nonce}.json", nonce), told=told)


def in_sum(scene: Scene, more: Mapping[str, str], count: int, each: int) -> None:
    """Some processes that take their parts and keep them."""
    nonce, told = taken(scene, more, together=count, each=each, hold=HOLD)
    seen = {name: os.path.exists(f"{WORK}/{name}-{nonce}") for name in ("began", "held")}
    seen["returned"] = "seconds" in told
    scene.note("taken", f"by-{count}", count=count, each=each, hold=HOLD, time=TIME, told=told, **seen)
