"""Spawns of a target that takes no plan with a request and gives no answer back: fixed plans, and answers in logs."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Final

from wallbite.cases.scene import Scene
from wallbite.installation.logged import plugin_of
from wallbite.probing.answers import AnswerProblem, parse
from wallbite.probing.inbox import Letter, await_answers_in_file
from wallbite.probing.plan import Plan

ENDS_WITHIN: Final = 5.0  # seconds that a gateway may take to reap what it spawned
TICK: Final = 0.005


def takes_a_plan(scene: Scene) -> bool:
    """Whether the request carries the plan's path; else each plugin has its plan at a fixed place, by its own name."""
    return scene.target.spawn is not None and "{plan}" in repr(scene.target.spawn.request)


def letters_in_log(scene: Scene, account: str, plan_: Plan, job: str, *, count: int, deadline: float) -> list[Letter]:
    """The answers to a plan that stand in the plugin's log, each with its owner where an empty letter signs it."""
    terms = scene.target.spawn
    if terms is None:
        return []
    plugin = plugin_of(job) or scene.installation.expanded(terms.plugin, account=account)
    path = Path(str(scene.installation.expanded(terms.answer_file, account=account, plugin=plugin)))
    answers = await_answers_in_file(path, plan_, count, deadline)
    return [("", _owner(scene, plan_, data), data) for data in answers]  # type: ignore[misc]  # one without may be told


def _owner(scene: Scene, plan_: Plan, data: bytes) -> int | None:
    try:
        return scene.inbox.signer(plan_.nonce, parse(data, plan_).who["pid"])
    except AnswerProblem:
        return None


def await_reaped(scene: Scene, plan_: Plan, pid: int) -> None:
    """Wait until a spawned process is gone, where the same plugin could not be started again before."""
    if takes_a_plan(scene) or plan_.hold or plan_.first:
        return
    deadline = time.monotonic() + ENDS_WITHIN
    while os.path.exists(f"/proc/{pid}") and time.monotonic() < deadline:
        time.sleep(TICK)
