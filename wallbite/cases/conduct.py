"""What a worker runs: :func:`prepare` once in the worker, :func:`conduct` once in each stage."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from wallbite import tables, target
from wallbite.cases.backups import backing, harrying
from wallbite.cases.channels import asked, confinement, products, redactions, shares, states, writers, writes
from wallbite.cases.channels.calling import prepare_files
from wallbite.cases.code import fingerprints, locking, races
from wallbite.cases.configuration import admission, documents, mapping
from wallbite.cases.disk import modes, places, planted, raced
from wallbite.cases.drops import drops, spawns
from wallbite.cases.ends import besides, ends
from wallbite.cases.gate import boots, matrix, reloads, verbs
from wallbite.cases.scene import CaseProblem, Scene
from wallbite.cases.secrets import deliveries, environments, secret_boots
from wallbite.cases.system import installs, sidedoors
from wallbite.cases.walls import walls
from wallbite.content import root
from wallbite.installation import fault as faults
from wallbite.installation import runtime
from wallbite.installation.fault import Fault
from wallbite.probing import carriers
from wallbite.probing.run_here import load_probe
from wallbite.target.model import Target

KINDS: Mapping[str, Callable[[Scene], None]] = {
    "matrix": matrix.run,
    "drawn": matrix.run,
    "walls": walls.run,
    "spawns": spawns.run,
    "drop-fails": drops.run,
    "no-default": drops.run_without_default,
    "reload": reloads.run,
    "tiers": boots.run_tiers,
    "unknown-keys": boots.run_unknown_keys,
    "override": boots.run_override,
    "verbs": verbs.run,
    "side-doors": sidedoors.run,
    "install": installs.run,
    "fingerprints": fingerprints.run,
    "lock-records": locking.run_records,
    "lock-tiers": locking.run_tiers,
    "code-race": races.run,
    "documents": documents.run,
    "map": mapping.run,
    "modes": modes.run,
    "places": places.run,
    "planted": planted.run,
    "raced": raced.run,
    "writable": admission.run_writable,
    "sealed": admission.run_sealed,
    "timeouts": ends.run_timeouts,
    "pipes": ends.run_pipes,
    "stops": ends.run_stops,
    "beside": besides.run,
    "backup": backing.run,
    "harried": harrying.run,
    "environment": environments.run,
    "unconfined": environments.run_unconfined,
    "secrets": deliveries.run,
    "secrets-unconfined": deliveries.run_unconfined,
    "secret-boots": secret_boots.run,
    "writes": writes.run,
    "writers": writers.run,
    "product": products.run,
    "redaction": redactions.run,
    "states": states.run,
    **dict.fromkeys(confinement.PARTS, confinement.run),
    "asked": asked.run,
    "shares": shares.run,
}


@dataclass(frozen=True)
class Context:
    """What all cases of a run share: read once, before the worker forks."""

    target: Target
    fault: Fault | None
    tables: Mapping[str, Any]


_prepared: list[Context] = []


def prepare(order: Mapping[str, Any]) -> None:
    """Read the descriptor, the fault and the tables, and compile what is laid down, before any stage is forked."""
    seeded = faults.load(order["fault"]) if order.get("fault") else None
    context = Context(target.load(order["target"]), seeded, tables.load())
    for step in context.target.install:
        if step.kind == "copy":
            runtime.files(root() / step.source, seeded)
    if context.target.library is not None:
        prepare_files(context.target.library, seeded, root())
    load_probe()
    carriers.compiled_probe()
    _prepared[:] = [context]


def conduct(request: dict[str, Any], emit: Callable[[dict[str, Any]], None]) -> None:
    """Run one case in this stage. A problem of the case is an observation, so that what was seen before it is kept."""
    scene = Scene.of(request, _prepared[0], emit)
    try:
        KINDS[request["kind"]](scene)
    except CaseProblem as problem:
        scene.note("case", "case", problem=str(problem))
