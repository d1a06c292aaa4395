"""Case ``map``: any number of freely named accounts by configuration alone, and manifests that name an account."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from wallbite.cases.gate.boots import gate_document, gate_plugins
from wallbite.cases.scene import CaseProblem, Scene
from wallbite.installation.document import with_value
from wallbite.installation.gateway import Gateway
from wallbite.postures import representative
from wallbite.probing.answers import AnswerProblem
from wallbite.probing.carriers import lay_down
from wallbite.probing.storm import parse_storm
from wallbite.target.model import Step

COUNTS: Final = (1, 3, 64)
FIRST: Final = 30  # numbers of these accounts, past the first of the stage; they end before its last
WITHIN: Final = 10.0
SILENCE: Final = 2.0  # seconds after which a plugin that was to be refused has not run
NAMES: Final = ("billing", "Mail.2", "night_shift-7")


def plan(postures: Sequence[str]) -> Iterator[dict[str, Any]]:
    """One case, in one posture."""
    if posture := representative(postures):
        yield {"case": f"map@{posture}", "kind": "map", "posture": posture, "params": {}}


def run(scene: Scene) -> None:
    """Boot with one account, with three, with sixty-four; then with manifests that name another account."""
    gate = scene.target.gate
    assert gate is not None
    if not {"uid", "gid", "directory"} <= gate.account.keys() or not gate.grant:
        raise CaseProblem("the descriptor does not say what an account's entry holds, or where a grant stands")
    scene.lay_down(plugins=gate_plugins(scene.target))
    carrier = next(step for step in scene.target.install if step.kind == "carrier" and step.name in gate.grant)
    for count in COUNTS:
        note_map(scene, carrier, count)
    note_manifests(scene, carrier)


def note_map(scene: Scene, carrier: Step, count: int) -> None:
    """As many accounts, with names that no program knows; one plugin is granted to each."""
    gate = scene.target.gate
    assert gate is not None
    names = [*NAMES, *(f"tenant-{number:02d}" for number in range(count))][:count]
    numbers = {name: scene.identities.base + FIRST + at for at, name in enumerate(names)}
    above = os.path.dirname(scene.ids(scene.accounts[0])["directory"])
    entries = {}
    for name, number in numbers.items():
        directory = f"{above}/{name}"
        os.makedirs(directory, mode=0o700, exist_ok=True)
        os.chown(directory, number, number)
        entries[name] = {gate.account[key]: value for key, value in _entry(number, directory)}
    document = with_value(scene.installation.expanded(dict(gate.document)), gate.accounts, entries)
    for name in names:
        plugin = f"{carrier.name}-{name.replace('.', '-')}"
        if not os.path.isdir(f"{os.path.dirname(carrier.path)}/{plugin}"):
            lay(scene, carrier, plugin)
        document = with_value(document, gate.grant.replace(carrier.name, plugin), name)
    document = with_value(document, gate.grant, names[0])
    gateway, ended = start(scene, document)
    found = ran(scene, count + 1, WITHIN) if ended == "ready" else []
    tail = gateway.tail()
    gateway.stop(WITHIN)  # in good order: what runs is not run again by the next one
    seen = {"expected": sorted(numbers.values()), "found": found, "tail": tail}
    scene.note("open-map", str(count), came_up=ended == "ready", **seen)


def _entry(number: int, directory: str) -> list[tuple[str, Any]]:
    return [("uid", number), ("gid", number), ("directory", directory)]


def lay(scene: Scene, carrier: Step, name: str) -> None:
    """One more plugin like the small configuration's own."""
    step = replace(carrier, path=f"{os.path.dirname(carrier.path)}/{name}", name=name)
    lay_down("storm", Path(step.path), name, scene.installation.interpreter)


def start(scene: Scene, document: dict[str, Any]) -> tuple[Gateway, str]:
    """Start it on a configuration, with an inbox that is empty."""
    for letter in scene.inbox.path.iterdir():
        letter.unlink()
    scene.installation.write_config(document)
    gateway = scene.gateway(burdened=False, ready=scene.target.gate.ready if scene.target.gate else None)
    gateway.start()
    return gateway, gateway.wait(WITHIN)


def ran(scene: Scene, count: int, within: float) -> list[dict[str, Any]]:
    """Who the plugins are that told of themselves, in no order; waits until there are so many."""
    found: list[dict[str, Any]] = []
    for _, owner, data in scene.inbox.await_storm(count, time.monotonic() + within):
        try:
            who = parse_storm(data, owner)
        except AnswerProblem as problem:
            found.append({"uids": [], "gids": [], "problem": str(problem)})
        else:
            found.append({"uids": sorted({*who["uids"], owner}), "gids": sorted({*who["gids"], *who["groups"]})})
    return found


def note_manifests(scene: Scene, carrier: Step) -> None:
    """The plugin's own manifest names another account than its grant does, in several words; and none, as a control."""
    gate = scene.target.gate
    assert gate is not None
    granted, other = scene.accounts[:2]
    number = scene.identities.uid(other)
    keys = gate.account
    variants = {
        "silent": "",
        "grant": f"{gate.grant.rpartition('.')[2]}: {other}\n",
        "account": f"account: {other}\nuser: {other}\nrun_as: {other}\n",
        "ids": f"{keys['uid']}: {number}\n{keys['gid']}: {number}\n",
        "unconfined": "unconfined: true\n",
    }
    manifest = Path(carrier.path, "manifest.yaml")
    plain = manifest.read_text()
    document = with_value(gate_document(scene, tuple(scene.accounts)), gate.grant, granted)
    for name, lines in variants.items():
        manifest.write_text(plain + lines)
        gateway, ended = start(scene, document)
        found = ran(scene, 1, SILENCE if lines else WITHIN) if ended == "ready" else []
        tail = gateway.tail()
        gateway.stop(WITHIN)
        scene.note(
            "manifest", name, came_up=ended == "ready", expected=scene.identities.uid(granted), found=found, tail=tail
        )
    manifest.write_text(plain)
