"""How much of the suite a seeded fault is held against: what can see it, in as few postures as show each notice.

A fault's trial does the cases that the named requirements read; every requirement that reads no other cases is judged
besides. So a fault may neither go unnoticed nor show where it does not belong. Drawn configurations are left out: they
repeat what the boot matrix has. Of postures that a notice names alike one is run, another for each fault.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from wallbite.catalogue import PROFILES, Catalogue, Requirement, select
from wallbite.checks import Check
from wallbite.installation.fault import Fault

DRAWN: Final = "drawn"
BROAD: Final = 8  # requirements


def few(seeded: Fault) -> tuple[str, ...]:
    """Postures in which each of its notices is given at least once; which ones depends on the fault's name."""
    start = sum(seeded.name.encode()) % len(seeded.postures)
    turned = (*seeded.postures[start:], *seeded.postures[:start])
    chosen: list[str] = []
    for wanted in seeded.noticed_by.values():
        if not set(chosen) & set(wanted.postures):
            chosen.append(next(posture for posture in turned if posture in wanted.postures))
    return tuple(chosen)


def together(seeded: Fault, bound: Mapping[str, Check]) -> tuple[str, ...]:
    """The requirements that it names, and those whose checks read no other cases than theirs."""
    kinds = {kind for name in seeded.noticed_by if name in bound for kind in bound[name].needs} | {DRAWN}
    beside = (name for name, check in bound.items() if set(check.needs) <= kinds)
    return tuple(dict.fromkeys([*seeded.noticed_by, *beside]))


def selected(known: Catalogue, names: Sequence[str]) -> tuple[Requirement, ...]:
    """What some ids and families mean, of whichever profile.

    Raises:
        UsageProblem: one of them is none.
    """
    found: list[Requirement] = []
    rest = list(names)
    for profile in PROFILES.values():
        families = {family.name for family in profile.families}
        if mine := [name for name in rest if name.partition("-")[0] in families]:
            found += select(known, mine, profile.name)
            rest = [name for name in rest if name not in mine]
    return (*found, *(select(known, rest) if rest else ()))


def undrawn(bound: Mapping[str, Check]) -> dict[str, Check]:
    """The checks, content without drawn configurations."""
    return {name: replace(one, needs=tuple(kind for kind in one.needs if kind != DRAWN)) for name, one in bound.items()}


def cover(faults: Iterable[Fault]) -> tuple[str, ...]:
    """Few faults that together make every requirement fail; those that break nearly everything say little of each."""
    named = {one.name: set(one.noticed_by) for one in faults if len(one.noticed_by) <= BROAD}
    missing = set().union(*named.values())
    chosen: list[str] = []
    while missing:
        best = max(named, key=lambda name: (len(named[name] & missing), -len(named[name]), name))
        chosen.append(best)
        missing -= named.pop(best)
    return tuple(sorted(chosen))
