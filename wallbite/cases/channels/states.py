"""Case ``states``: each setting of the sandbox, its tool as a case has it: what is said, and what a payload can do."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from wallbite.cases.channels.calling import HOME, environment, lay_library, library, own_directory
from wallbite.cases.channels.tools import Ran, lay_file, lay_work, needs, probe, sandbox_tool
from wallbite.cases.scene import Scene
from wallbite.installation.command import run_bounded

TOOLS: Final = ("works", "absent", "broken", "elsewhere")
# Errors that say that a call is wrong, or that nothing was heard; they are no refusal.
OURS: Final = {"none", "ImportError", "ModuleNotFoundError", "AttributeError", "TypeError", "NameError", "KeyError"}
DOCTORED: Final = ("nothing", "require=1", "unsafe", "off")


def plan(postures: Sequence[str]) -> Iterator[dict[str, Any]]:
    """One case for each state of the sandbox's tool, as a plain user."""
    if "unprivileged" in postures:
        for tool in TOOLS:
            params = {"tool": tool, "whole_proc": True}
            yield {"case": f"states-{tool}@unprivileged", "kind": "states", "posture": "unprivileged", "params": params}


def settings(switches: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
    """Every setting of the matrix, by name: the variables that it sets."""
    require = {value: dict.fromkeys(switches["require"], value) for value in ("1", "true", "yes")}
    out = {name: dict(switches[name]) for name in ("unsafe", "off")}
    return {
        "nothing": {},
        **{f"require={value}": variables for value, variables in require.items()},
        **out,
        **{f"require=1+{name}": {**require["1"], **variables} for name, variables in out.items()},
    }


def run(scene: Scene) -> None:
    """Every setting, one process each."""
    needs(scene)
    lay_library(scene)
    with_tool = sandbox_tool(scene, scene.params["tool"])
    lay_work(scene)
    outside = own_directory(scene, f"{HOME}/outside", 0o755)
    for name, variables in settings(library(scene).switches).items():
        secret = secrets.token_hex(12)
        lay_file(scene, f"{outside}/secret", secret, 0o600)
        attempts = [["write", "write", f"{outside}/mark"], ["read", "read", f"{outside}/secret"]]
        more = {**with_tool, **variables}
        ran, called = probe(scene, attempts, more, first=[{"call": "state", "arguments": {}}])
        word = called.outcomes[0] if called.outcomes else None
        doctored = doctor(scene, more) if name in DOCTORED else None
        scene.note(
            "state",
            f"{scene.params['tool']}:{name}",
            tool=scene.params["tool"],
            setting=name,
            proven=proven(ran, secret, scene.tables["tool_walls"]),
            said=str(word.answer.get("state", "")) if word else "",
            said_error=f"{word.error}: {word.text}" if word and word.error else "",
            doctor=doctored,
            **ran.seen,
        )


def proven(ran: Ran, secret: str, walls: Mapping[str, Sequence[str]]) -> str:
    """The state that the payload saw: it got out, each wall answered as one, or it never ran; else no state's word."""
    if ran.said is None:
        return "unknown" if ran.outcome.error in OURS else "refused"
    tried = ran.said["attempts"]
    out = tried["write"][0] == "OK" and tried["read"][0] == "OK" and tried["read"][1] == secret
    kept = all(tried[name][0] in walls[name] for name in ("write", "read"))
    return "degraded" if out else "confined" if kept else "unknown"


def told(tail: str, says: Mapping[str, str]) -> str:
    """The lines in which a declared word stands; else the end of all."""
    lines = [line for line in tail.splitlines() if any(re.search(pattern, line) for pattern in says.values())]
    return "\n".join(lines[:5]) or tail[-600:]


def doctor(scene: Scene, more: Mapping[str, str]) -> dict[str, Any] | None:
    """What the doctor says, as whoever calls the library; None where there is none."""
    own = library(scene)
    if not own.doctor:
        return None
    interpreter = own.interpreter(scene.installation.interpreter)
    words = [
        part.replace("{python}", interpreter).replace("{bin}", interpreter.rpartition("/")[0]) for part in own.doctor
    ]
    uid, gid = scene.identities.uid("gateway"), scene.identities.gid("gateway")
    env = environment(scene, more, HOME)
    try:
        status, tail = run_bounded(words, 30, keep=1 << 16, env=env, cwd="/", user=uid, group=gid, extra_groups=[])
    except OSError as error:
        return {"state": "", "status": None, "tail": str(error)}
    found = [state for state, pattern in own.doctor_says.items() if re.search(pattern, tail)]
    return {"state": found[0] if len(found) == 1 else "", "status": status, "tail": told(tail, own.doctor_says)}
