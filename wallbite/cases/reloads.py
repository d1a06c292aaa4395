"""Case ``reload``: a running, enforcing gateway is told to read a changed configuration; afterwards a plugin runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from wallbite.cases.drops import ungranted_everywhere
from wallbite.cases.events import signalled
from wallbite.cases.scene import CaseProblem, Scene
from wallbite.cases.spawning import Errand, identity_attempts, spawn
from wallbite.installation.document import Plain, with_value
from wallbite.postures import ENFORCING


def plan(postures: Sequence[str]) -> Iterator[dict[str, Any]]:
    """One case for each enforcing posture."""
    for posture in postures:
        if posture in ENFORCING:
            yield {"case": f"reload@{posture}", "kind": "reload", "posture": posture, "params": {}}


def run(scene: Scene) -> None:
    """Violating configurations first, then a sound one: the gate judges each."""
    scene.lay_down()
    gateway = scene.gateway()
    scene.boot(gateway)
    account = scene.accounts[0]
    for name, (document, expected) in documents(scene).items():
        scene.installation.write_config(document)
        seen: dict[str, Any] = {"expected": expected, "accepted": False, "refused": False, "ended": False, "tail": ""}
        try:
            answer = signalled(gateway, _signal(scene), ("reload-accepted", "reload-refused"))
            seen["accepted"], seen["refused"] = answer == "reload-accepted", answer == "reload-refused"
        except CaseProblem as problem:
            seen |= {"ended": not gateway.alive, "tail": str(problem)}
        scene.note("reload", name, **seen)
        if not gateway.alive:
            return
        spawn(scene, gateway, Errand(account, f"after-{name}", identity_attempts(scene, account)))
    gateway.kill()


def documents(scene: Scene) -> dict[str, tuple[dict[str, Any], str]]:
    """The configurations, each with what a reload must come to."""
    gate = scene.target.gate
    assert gate is not None
    sound = scene.installation.config_document()
    bare = ungranted_everywhere(sound, gate.grant.rpartition(".")[2])
    return {
        "no-accounts": (with_value(bare, gate.accounts, None), "refused"),
        "null-accounts": (with_value(bare, gate.accounts, Plain("null")), "refused"),
        "empty-accounts": (with_value(bare, gate.accounts, {}), "refused"),
        "misspelt-accounts": (with_value(with_value(bare, gate.accounts, None), "acounts", {}), "refused"),
        "override-of-wrong-type": (with_value(sound, gate.override, "yes"), "refused"),
        "sound": (sound, "accepted"),
    }


def _signal(scene: Scene) -> str:
    action = scene.target.gateway.reload
    if action is None:
        raise CaseProblem("the descriptor names no reload")
    return action.signal
