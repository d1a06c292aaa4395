"""Case ``storm``: many jobs at once, interleaved over the accounts; each tells who it was."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any, Final

from wallbite.cases.drops.spawns import send_event
from wallbite.cases.scene import CaseProblem, Scene
from wallbite.cases.spawning import Errand, collect_all, missing, start
from wallbite.installation.gateway import Gateway
from wallbite.postures import ENFORCING
from wallbite.probing.inbox import Letter
from wallbite.probing.shapes import AnswerProblem
from wallbite.probing.storm import parse_storm
from wallbite.target import Storm

WITHIN: Final = 30.0  # seconds


def plan(postures: Sequence[str]) -> Iterator[dict[str, Any]]:
    """One case for each enforcing posture."""
    for posture in postures:
        if posture in ENFORCING:
            yield {"case": f"storm@{posture}", "kind": "storm", "posture": posture, "params": {}}


def run(scene: Scene) -> None:
    """A spawn for each account in peace, then the storm: whose first probe is silent would be waited for in vain."""
    terms = scene.target.spawn
    assert terms is not None
    if terms.storm is None:
        raise CaseProblem("the descriptor tells of no storm")
    scene.lay_down()
    gateway = scene.gateway()
    scene.boot(gateway)
    if terms.request is not None:
        calm(scene, gateway)
    if scene.silent:
        missing(scene, Errand("", "storm"), f"no storm: {'; '.join(dict.fromkeys(scene.silent.values()))}")
    else:
        storm(scene, terms.storm)
    gateway.kill()


def calm(scene: Scene, gateway: Gateway) -> None:
    """One job for each account."""
    errands = [Errand(account, "calm") for account in scene.accounts]
    collect_all(scene, gateway, [(errand, start(scene, errand)) for errand in errands])


def storm(scene: Scene, terms: Storm) -> None:
    """All of them, and what they tell."""
    names = [scene.accounts[number % len(scene.accounts)] for number in range(terms.jobs)]
    send_event(scene, *(str(scene.installation.expanded(terms.event, account=name)) for name in names))
    for letter in scene.inbox.await_storm(terms.jobs, time.monotonic() + WITHIN):
        note(scene, letter)


def note(scene: Scene, letter: Letter) -> None:
    """Who one job was."""
    _, owner, data = letter
    try:
        seen = parse_storm(data, owner)
    except AnswerProblem as problem:
        missing(scene, Errand("", "storm"), str(problem))
        return
    account = str(seen["mark"])
    who = {
        "uids": seen["uids"],
        "gids": seen["gids"],
        "groups": seen["groups"],
        "capabilities": seen["caps"],
        "cwd": seen["cwd"],
        "home": seen["directories"].get("HOME", ""),
        "file_uid": seen["file_uid"],
        "job": seen["job"],
        "expected": scene.ids(account) if account in scene.accounts else {},
        "gateway": scene.gateway_ids,
    }
    scene.emit("storm-job", "spawned", account=account, vantage="spawned", step="storm", errno="OK", seen=who)
