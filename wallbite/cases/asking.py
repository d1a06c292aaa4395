"""Having the gateway run a probe only to learn who it is: not an identity that the rules of the drop speak of."""

from __future__ import annotations

import time
from typing import Any, Final

from wallbite.cases import truth
from wallbite.cases.scene import Scene
from wallbite.cases.spawning import Errand, await_letters, start
from wallbite.installation.gateway import Gateway
from wallbite.probing.answers import Answer, AnswerProblem, parse
from wallbite.probing.plan import Plan

WITHIN: Final = 10.0


def answer_to(scene: Scene, gateway: Gateway, errand: Errand, plugin: str = "", command: str = "") -> Answer | str:
    """What one spawned probe answers, or why there is nothing. Whether it speaks the truth is observed."""
    return answer_of(scene, gateway, errand, start(scene, errand, plugin, command))


def answer_of(scene: Scene, gateway: Gateway, errand: Errand, asked: tuple[Plan, str] | str) -> Answer | str:
    """The same of a probe that was asked for already."""
    if isinstance(asked, str):
        return asked
    letters = await_letters(scene, gateway, errand, *asked, 1, time.monotonic() + WITHIN)
    if isinstance(letters, str):
        return letters
    _, owner, data = letters[0]
    try:
        answer = parse(data, asked[0], owner_uid=owner)
    except AnswerProblem as problem:
        return str(problem)
    tried = scene.neighbour.attempts()
    errno, wrong = scene.neighbour.judge(answer.results[: len(tried)])
    where = {"account": errand.account, "vantage": "spawned", "step": errand.step}
    scene.emit(truth.NAME, truth.NAME, errno=errno, seen={"problem": wrong}, **where)
    return answer


def who_runs(scene: Scene, gateway: Gateway, errand: Errand, plugin: str = "") -> dict[str, Any]:
    """The ids of one spawned probe, the owner of its answer among the uids; or none of them, and why."""
    nobody: dict[str, Any] = {"uids": [], "gids": [], "groups": []}
    asked = start(scene, errand, plugin)
    if isinstance(asked, str):
        return {**nobody, "problem": asked}
    letters = await_letters(scene, gateway, errand, *asked, 1, time.monotonic() + WITHIN)
    if isinstance(letters, str):
        return {**nobody, "problem": letters}
    _, owner, data = letters[0]
    try:
        who = parse(data, asked[0], owner_uid=owner).who
    except AnswerProblem as problem:
        return {**nobody, "problem": str(problem)}
    uids = [*who["uids"], owner]
    return {"uids": uids, "gids": list(who["gids"]), "groups": list(who["groups"]), "problem": ""}
