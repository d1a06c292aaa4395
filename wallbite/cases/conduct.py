"""What a worker runs: :func:`prepare` in the worker before each case, :func:`conduct` once in each stage."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from wallbite import tables, target
from wallbite.cases.backups import backing, harrying
from wallbite.cases.channels import (
    asked,
    confinement,
    keeping,
    limits,
    products,
    redactions,
    shares,
    states,
    writers,
    writes,
)
from wallbite.cases.channels.calling import prepare_files
from wallbite.cases.code import fingerprints, locking, races
from wallbite.cases.configuration import admission, documents, mapping
from wallbite.cases.disk import modes, places, planted, raced
from wallbite.cases.drops import drops, spawns, storm
from wallbite.cases.ends import besides, ends
from wallbite.cases.gate import boots, matrix, reloads, verbs
from wallbite.cases.scene import CaseProblem, Scene
from wallbite.cases.secrets import deliveries, environments, secret_boots
from wallbite.cases.system import installs, sidedoors
from wallbite.cases.walls import crash, walls
from wallbite.content import root
from wallbite.installation import fault as faults
from wallbite.installation import runtime
from wallbite.installation.fault import Fault
from wallbite.probing import carriers
from wallbite.probing.run_here import load_probe
from wallbite.stages import filesystems
from wallbite.target.model import Target

KINDS: Mapping[str, Callable[[Scene], None]] = {
    "matrix": matrix.run,
    "drawn": matrix.run,
    "walls": walls.run,
    "crash": crash.run,
    "spawns": spawns.run,
    "storm": storm.run,
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
    "keeping": keeping.run,
    "limits": limits.run,
}


@dataclass(frozen=True)
class Context:
    """What all cases of a run, or of a trial of the self-test, share: read once, before the worker forks.

    Attributes:
        uids: what is added to the worker's range of uids.
        files: the file system that the target lies on; empty for the stage's own.
        mounted: that file system as a descriptor, where it must be made outside of the stage.
    """

    target: Target
    fault: Fault | None
    tables: Mapping[str, Any]
    uids: int = 0
    files: str = ""
    mounted: int | None = None


_prepared: list[Context] = []


def prepare(order: Mapping[str, Any]) -> None:
    """Read the descriptor, the fault and the tables, and compile what is laid down, before any stage is forked."""
    context, files = _context(order["target"], order.get("fault") or ""), order.get("files", "")
    if "sources" in order:
        context = replace(context, fault=Fault("mutant", "A mutant.", {}, sources=order["sources"]))
        _compile(context)
    for old in _prepared:
        if old.mounted is not None:
            os.close(old.mounted)
    _prepared.clear()
    mounted = filesystems.detached_ext4() if files == filesystems.EXT4 else None
    _prepared.append(replace(context, uids=order.get("uids", 0), files=files, mounted=mounted))
    load_probe()
    carriers.compiled_probe()


@lru_cache(maxsize=2)  # the cases of a trial come together
def _context(name: str, fault: str) -> Context:
    seeded = faults.load(fault) if fault else None
    context = Context(_target(name), seeded, _tables())
    _compile(context)
    return context


def _compile(context: Context) -> None:
    for step in context.target.install:
        if step.kind == "copy":
            runtime.files(root() / step.source, context.fault)
    if context.target.library is not None:
        prepare_files(context.target.library, context.fault, root())


_target = lru_cache(maxsize=2)(target.load)
_tables = lru_cache(maxsize=1)(tables.load)


def conduct(request: dict[str, Any], emit: Callable[[dict[str, Any]], None]) -> None:
    """Run one case in this stage. A problem of the case is an observation, so that what was seen before it is kept."""
    context = _prepared[0]
    if context.files:
        filesystems.put(context.files, context.mounted, [homes_of(context.target)])
    scene = Scene.of(request, context, emit)
    try:
        KINDS[request["kind"]](scene)
    except CaseProblem as problem:
        scene.note("case", "case", problem=str(problem))


def homes_of(target_: Target) -> str:
    """The outermost directory of a target's installation that holds its accounts' directories."""
    first = next(iter(target_.accounts.values())).directory
    return min((one.path for one in target_.install if first.startswith(f"{one.path}/")), key=len)
