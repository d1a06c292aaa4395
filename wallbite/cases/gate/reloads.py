"""Case ``reload``: a running, enforcing gateway is told to read a changed configuration; afterwards a plugin runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from wallbite.cases.asking import who_runs
from wallbite.cases.drops.drops import ungranted_everywhere
from wallbite.cases.scene import CaseProblem, Scene
from wallbite.cases.spawning import Errand
from wallbite.cases.walls.events import signalled
from wallbite.installation.document import Plain, with_value
from wallbite.installation.gateway import Gateway
from wallbite.postures import ENFORCING

ENDING: Final = 5.0  # seconds that a gateway may take to end in good order
CHANGED: Final = "changed"  # the plugin's grant names another account


def plan(postures: Sequence[str]) -> Iterator[dict[str, Any]]:
    """One case for each enforcing posture."""
    for posture in postures:
        if posture in ENFORCING:
            yield {"case": f"reload@{posture}", "kind": "reload", "posture": posture, "params": {}}


def run(scene: Scene) -> None:
    """Violating configurations, one that gives a plugin another account, and a sound one: the gate judges each."""
    scene.lay_down()
    gateway = scene.gateway()
    scene.boot(gateway)
    account, other = scene.accounts[:2]
    plugin = str(scene.installation.expanded(scene.target.spawn.plugin, account=account)) if scene.target.spawn else ""
    note_landing(scene, gateway, "before", account, plugin)
    for name, (document, expected) in documents(scene, plugin, other).items():
        scene.installation.write_config(document)
        seen = told(scene, gateway)
        scene.note("reload", name, **{**seen, "expected": expected, "ended": not gateway.alive})
        lands = other if name == CHANGED else account
        if not gateway.alive or not note_landing(scene, gateway, name, lands, plugin):
            return
    gateway.kill()


def note_landing(scene: Scene, gateway: Gateway, moment: str, account: str, plugin: str) -> bool:
    """Who a plugin runs as, and who it must run as. False where none ran, because the gateway was ending."""
    who = who_runs(scene, gateway, Errand(account, f"reload-{moment}"), plugin)
    ended = not gateway.alive or (not who["uids"] and gateway.wait_end(ENDING))
    seen = {"expected": scene.ids(account), "ended": ended, **who}
    scene.emit("landed", moment, account=account, vantage="harness", seen=seen)
    return not ended


def told(scene: Scene, gateway: Gateway) -> dict[str, Any]:
    """What the gateway says of a reload."""
    seen: dict[str, Any] = {"accepted": False, "refused": False, "tail": ""}
    try:
        answer = signalled(gateway, _signal(scene), ("reload-accepted", "reload-refused"))
    except CaseProblem as problem:
        return {**seen, "tail": str(problem)}
    return {**seen, "accepted": answer == "reload-accepted", "refused": answer == "reload-refused"}


def documents(scene: Scene, plugin: str, other: str) -> dict[str, tuple[dict[str, Any], str]]:
    """The configurations, each with what a reload must come to."""
    gate = scene.target.gate
    assert gate is not None
    sound = scene.installation.config_document()
    place, _, key = gate.grant.rpartition(".")
    bare = ungranted_everywhere(sound, key)
    return {
        "no-accounts": (with_value(bare, gate.accounts, None), "refused"),
        "null-accounts": (with_value(bare, gate.accounts, Plain("null")), "refused"),
        "empty-accounts": (with_value(bare, gate.accounts, {}), "refused"),
        "misspelt-accounts": (with_value(with_value(bare, gate.accounts, None), "acounts", {}), "refused"),
        "override-of-wrong-type": (with_value(sound, gate.override, "yes"), "refused"),
        "override-of-number": (with_value(bare, gate.override, 1), "refused"),
        CHANGED: (with_value(sound, f"{place.rpartition('.')[0]}.{plugin}.{key}", other), "accepted"),
        "sound": (sound, "accepted"),
    }


def _signal(scene: Scene) -> str:
    action = scene.target.gateway.reload
    if action is None:
        raise CaseProblem("the descriptor names no reload")
    return action.signal
