"""Which cases a run needs, from the checks of the requirements that it selected."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from wallbite.cases.backups import backing
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
from wallbite.cases.code import fingerprints, locking, races
from wallbite.cases.configuration import admission, documents, mapping
from wallbite.cases.disk import modes, places, planted, raced
from wallbite.cases.drops import drops, spawns, storm
from wallbite.cases.ends import besides, ends
from wallbite.cases.gate import boots, matrix, reloads, sharing, verbs
from wallbite.cases.secrets import deliveries, environments, secret_boots
from wallbite.cases.system import installs, sidedoors
from wallbite.cases.walls import crash, walls
from wallbite.catalogue import Requirement
from wallbite.checks import Check
from wallbite.facts import Setting, SurfaceFact
from wallbite.observation import Observation
from wallbite.target.library import Library
from wallbite.target.model import Target

Case = dict[str, Any]
_PLANS: Final[tuple[Callable[[Sequence[str]], Iterator[Case]], ...]] = (
    walls.plan,
    crash.plan,
    spawns.plan,
    storm.plan,
    drops.plan,
    fingerprints.plan,
    races.plan,
    locking.plan,
    reloads.plan,
    verbs.plan,
    boots.plan,
    sidedoors.plan,
    installs.plan,
    mapping.plan,
    admission.plan,
    modes.plan,
    places.plan,
    raced.plan,
    ends.plan,
    besides.plan,
    backing.plan,
    environments.plan,
    deliveries.plan,
    secret_boots.plan,
)
OF_THE_HARNESS: Final = ("/run/wallbite", "/opt/wallbite-own", "/opt/wallbite-opened", "/dev")
# The kinds of case that take a part of the descriptor.
_TAKES: Final = {
    "gate": "matrix drawn reload tiers unknown-keys override documents map writable sealed places raced side-doors"
    " fingerprints lock-records lock-tiers code-race unconfined secrets-unconfined",
    "spawn": "walls crash spawns storm drop-fails no-default reload timeouts pipes stops beside backup harried"
    " fingerprints lock-records lock-tiers code-race environment unconfined secrets secrets-unconfined",
    "fingerprints": "fingerprints lock-records lock-tiers code-race",
    "side_doors": "side-doors",
    "installer": "install",
    "vault": "secrets secrets-unconfined secret-boots",
}


def cases(
    target: Target,
    requirements: Iterable[Requirement],
    checks: Mapping[str, Check],
    postures: Sequence[str],
    tables: Mapping[str, Any],
    seed: int,
) -> list[Case]:
    """The cases whose observations the checks need, the long ones first."""
    wanted = _wanted(target, requirements, checks, postures)
    found = [case for plan in _PLANS for case in plan(postures)]
    found += matrix.plan_matrix(tuple(postures), tables["boot_matrix"])
    if "drawn" in {kind for kind, _ in wanted}:
        found += matrix.plan_drawn(tuple(postures), tables["boot_matrix"], seed)
    if target.library is not None:
        found += called_cases(target.library, postures, seed)
    found = [*documents.plan(postures, tables["documents"], seed), *planted.plan(postures, seed), *found]
    return [case for case in found if (case["kind"], case["posture"]) in wanted]


def called_cases(library: Library, postures: Sequence[str], seed: int) -> Iterator[Case]:
    """The cases of a library."""
    channels = tuple(library.channels)
    yield from products.plan(postures)
    yield from writes.plan(postures, channels)
    yield from writers.plan(postures, channels)
    if library.switches:
        yield from states.plan(postures)
        yield from confinement.plan(postures)
        yield from limits.plan(postures)
    yield from asked.plan(postures)
    yield from shares.plan(postures)
    yield from keeping.plan(postures)
    yield from redactions.plan(postures, seed)


def unfinished(case: Case, seen: Iterable[Observation]) -> list[Case]:
    """What is to be done again of a case of several cells, where ``seen`` does not hold one observation of each."""
    if not case["params"].get("cells"):
        return []
    told = [one.operation for one in seen]
    cells = sum(operation != "case" for operation in told)
    return sharing.rest(case, cells, broke=cells < len(told))


def _wanted(
    target: Target, requirements: Iterable[Requirement], checks: Mapping[str, Check], postures: Sequence[str]
) -> set[tuple[str, str]]:
    """Kind and posture of every case that an applicable requirement needs."""
    if target.library is not None:
        return _applicable(target, requirements, checks, postures, frozenset())
    lacking = [kinds for part, kinds in _TAKES.items() if getattr(target, part) is None]
    impossible = {kind for kinds in lacking for kind in kinds.split()}
    if target.gate is None and "default" in target.accounts:  # nothing says how that account would be taken away
        impossible |= {"no-default"}
    return _applicable(target, requirements, checks, postures, impossible)


def _applicable(
    target: Target,
    requirements: Iterable[Requirement],
    checks: Mapping[str, Check],
    postures: Sequence[str],
    impossible: Collection[str],
) -> set[tuple[str, str]]:
    return {
        (kind, posture)
        for requirement in requirements
        if requirement.id in checks and not target.claims.reason(requirement.id)
        for kind in checks[requirement.id].needs
        if kind not in impossible
        for posture in postures
        if posture in requirement.postures
    }


def setting_of(target: Target, stage: str, postures: Sequence[str], places: Sequence[str] = ()) -> Setting:
    """What checks need to know of the target. ``places``: where anybody may write on this stage's system besides."""
    spawn, gateway = target.spawn, target.gateway
    declared: dict[str, Any] = {
        "scratch": [*target.scratch, *OF_THE_HARNESS, *places],
        "loopback": _closed(target),
        "storm": spawn.storm.jobs if spawn and spawn.storm else 0,
        "refusals": _refusals(target),
        "program": gateway.program,
        "tree": [asdict(one) for one in target.installer.tree] if target.installer else [],
        "code-refusals": dict(target.fingerprints.refusals) if target.fingerprints else {},
        "passthrough": bool(target.gate and target.gate.passthrough),
        **declared_by(target.library),
        "verbs": [name for name in ("check", "version", "backup") if getattr(gateway, name)],
    }
    return Setting(
        target=target.name,
        stage=stage,
        accounts=tuple(target.accounts),
        postures=tuple(postures),
        surfaces=tuple(
            SurfaceFact(one.name, one.role, one.class_, one.kind, one.owner, f"{one.mode:04o}")
            for one in target.surfaces
        ),
        paths=tuple(spawn.paths) if spawn else (),
        excused=dict(target.claims.not_applicable),
        declared=declared,
    )


def declared_by(library: Library | None) -> dict[str, Any]:
    """What checks need to know of a library."""
    if library is None:
        return {}
    channels = {name: {**asdict(one), "mode": f"{one.mode:04o}"} for name, one in library.channels.items()}
    return {
        "channels": channels,
        "readable": dict(library.readable),
        "telemetry": list(library.telemetry),
        "states": dict(library.states),
        "limits": dict(library.limits),
        "network-skills": list(library.network_skills),
        "printed": {name: each["ends"] for name, each in library.printed.items()},
        "promises": dict(library.promises),
        "calls": list(library.calls),
        "access-lists": dict(library.access_lists),
        "bare-environment": list(library.bare),
    }


def _closed(target: Target) -> list[str]:
    """What of the loopback API must not answer without credentials, the request that starts a plugin among it."""
    if target.loopback is None:
        return []
    starts = target.spawn is not None and target.spawn.request is not None and target.spawn.request.url
    return [*target.loopback.closed, *([walls.SPAWN_REQUEST] if starts else [])]


def _refusals(target: Target) -> dict[str, Any]:
    """The error classes that the descriptor names; empty text where it names none."""
    named = target.spawn.refusals if target.spawn else None
    return {
        "drop": named.drop if named else "",
        "ungranted": named.ungranted if named else "",
        "other": dict(named.other) if named else {},
    }
