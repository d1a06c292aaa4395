"""Case ``keeping``: what a daemon's log keeps over a restart, and telemetry over a rotation and in a backup."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator, Sequence
from typing import Any

from wallbite.cases.channels import daemons
from wallbite.cases.channels.calling import HOME, call, lay_library, library, own_directory
from wallbite.cases.channels.daemons import event, logged
from wallbite.cases.channels.products import below, read
from wallbite.cases.channels.shares import COMMON, SURFACES, exported
from wallbite.cases.scene import Scene


def plan(postures: Sequence[str]) -> Iterator[dict[str, Any]]:
    """One case, as a plain user."""
    if "unprivileged" in postures:
        yield {"case": "keeping@unprivileged", "kind": "keeping", "posture": "unprivileged", "params": {}}


def run(scene: Scene) -> None:
    """Two runs of a daemon, one after the other; then records of usage."""
    lay_library(scene)
    for name, part in {"daemon": restart, "telemetry": telemetry}.items():
        if name in library(scene).calls:
            part(scene)
        else:
            scene.note(part.__name__, name, problem=f"the descriptor has no call `{name}`")


def restart(scene: Scene) -> None:
    """Start, stop, and the same again; where each start is logged, and whether the first still is."""
    home = own_directory(scene, f"{HOME}/daemon", 0o700)
    runs: list[dict[str, Any]] = []
    first = None
    for _ in range(2):
        one = daemons.start(scene, home)
        first = first or one
        durable = daemons.awaited(scene, one, home) if one.pid else []
        lived = one.lives
        fleeting = logged(COMMON, event(scene, one)) if one.pid and not durable else []
        problem = one.stop()
        durable = durable or (logged([home], event(scene, one)) if one.pid else [])  # written at its end
        printed = bool(one.pid and re.search(event(scene, one), one.caller.printed))
        seen = {"durable": durable, "fleeting": fleeting, "printed": printed, "lived": lived, "problem": problem}
        runs.append({"pid": one.pid, **seen})
    kept = logged([home], event(scene, first)) if first and first.pid else []
    problem = "; ".join(filter(None, (one["problem"] for one in runs)))
    scene.note("restart", "daemon", runs=runs, kept=kept, problem=problem)


def telemetry(scene: Scene) -> None:
    """Two records; the file is renamed, as a rotation does; a third record; a backup of all of it."""
    home = own_directory(scene, f"{HOME}/used", 0o700)
    marks = [secrets.token_hex(16) for _ in range(3)]
    problems = [use(scene, home, mark) for mark in marks[:2]]
    before = [holding(home, mark) for mark in marks[:2]]
    for path in sorted({*before[0], *before[1]}):
        os.rename(path, f"{path}.1")
    problems.append(use(scene, home, marks[2]))
    after = [holding(home, mark) for mark in marks]
    archive, told = exported(scene, home, dict.fromkeys(SURFACES, "-"), marks)
    seen = {"before": before, "after": after, "archived": [mark in archive for mark in marks], "backup": told}
    scene.note("telemetry", "telemetry", problem="; ".join(filter(None, problems)), **seen)


def use(scene: Scene, home: str, mark: str) -> str:
    """One record of usage with a mark; why there is none."""
    called = call(scene, [{"call": "telemetry", "arguments": {"home": home, "mark": mark}}], home=home)
    return called.trouble


def holding(home: str, mark: str) -> list[str]:
    """The files with a mark."""
    return [path for path, _ in below(home) if mark.encode() in read(path)]
