"""What a seeded fault turns red: the runtime runs with it, and every check judges that can.

A run does the cases that the named requirements read; every requirement that reads no other cases is judged. So a fault
may neither go unnoticed nor show where it does not belong. Drawn configurations are left out: they repeat what the boot
matrix has. Of postures that a notice names alike one is run, another for each fault.

The tests run as few faults as make every requirement fail at least once. With ``WALLBITE_FAULTS=every`` they run all of
them, as ``nox -s selftest`` does. And with ``WALLBITE_FAULTS=whole`` in the environment a run has all named postures
and all requirements of the named families: an hour's work, and for a release.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from wallbite import checks, run
from wallbite.catalogue import CHANNELS
from wallbite.checks import Check
from wallbite.evidence.record import RecordWriter
from wallbite.facts import Facts
from wallbite.installation import fault as faults
from wallbite.installation.fault import Fault
from wallbite.options import RunOptions
from wallbite.progress import Silent
from wallbite.run import Plan
from wallbite.verdict import Ruling, Verdict

WHOLE = os.environ.get("WALLBITE_FAULTS") == "whole"
EVERY = WHOLE or os.environ.get("WALLBITE_FAULTS") == "every"
DRAWN = "drawn"
BROAD = 8  # requirements
CALLED = {family.name for family in CHANNELS.families}  # the profile of libraries


@dataclass(frozen=True)
class Noticed:
    """What a run with a fault came to.

    Attributes:
        postures: those that were run.
        failed: reasons, by requirement and posture.
        undecided: inconclusive verdicts, each in words.
    """

    postures: tuple[str, ...]
    failed: Mapping[tuple[str, str], tuple[str, ...]]
    undecided: tuple[str, ...]


def cover(names: Sequence[str]) -> tuple[str, ...]:
    """Few faults that together make every requirement fail; those that break nearly everything say little of each."""
    named = {name: set(faults.load(name).noticed_by) for name in names}
    named = {name: noticed for name, noticed in named.items() if len(noticed) <= BROAD}
    missing = set().union(*named.values())
    chosen: list[str] = []
    while missing:
        best = max(named, key=lambda name: (len(named[name] & missing), -len(named[name]), name))
        chosen.append(best)
        missing -= named.pop(best)
    return tuple(sorted(chosen))


def notice(name: str, folder: Path) -> Noticed:
    """Run with the fault called ``name``, and say what was noticed."""
    seeded, bound = faults.load(name), checks.load()
    postures = seeded.postures if WHOLE else few(seeded)
    chosen = sorted(families(seeded)) if WHOLE else together(seeded, bound)
    target = "reference-channels" if families(seeded) <= CALLED else "reference"
    options = RunOptions(target, fault=name, postures=postures, select=tuple(chosen), out=folder, seed=1)
    planned = replace(run.plan(options), checks=bound if WHOLE else undrawn(bound))
    return noticed(postures, verdicts(planned))


def verdicts(planned: Plan) -> list[Verdict]:
    """Do a run, and write its record, without renderings."""
    with RecordWriter(planned.options.out) as writer:
        writer.header(run.header_of(planned))
        seen, _ = run.observe(planned, writer, Silent())
        found = checks.judge(planned.requirements, Facts(planned.setting, seen, planned.tables), planned.checks)
        writer.verdicts(found)
        writer.footer(finished="2000-01-01T00:00:00Z")
    return found


def noticed(postures: tuple[str, ...], found: Iterable[Verdict]) -> Noticed:
    """What is red in some verdicts, and what is not decided."""
    failed: dict[tuple[str, str], tuple[str, ...]] = {}
    undecided = []
    for one in found:
        key = (one.requirement, one.posture)
        if one.ruling is Ruling.FAIL:
            failed[key] = (*failed.get(key, ()), one.reason)
        elif one.ruling is Ruling.INCONCLUSIVE:
            undecided.append(" ".join(filter(None, (*key, one.account, one.surface, one.reason))))
    return Noticed(postures, failed, tuple(undecided))


def few(seeded: Fault) -> tuple[str, ...]:
    """Postures in which each of its notices is given at least once; which ones depends on the fault's name."""
    start = sum(seeded.name.encode()) % len(seeded.postures)
    turned = (*seeded.postures[start:], *seeded.postures[:start])
    chosen: list[str] = []
    for wanted in seeded.noticed_by.values():
        if not set(chosen) & set(wanted.postures):
            chosen.append(next(posture for posture in turned if posture in wanted.postures))
    return tuple(chosen)


def together(seeded: Fault, bound: Mapping[str, Check]) -> list[str]:
    """The requirements whose checks read no other cases than those of the named ones."""
    kinds = {kind for name in seeded.noticed_by for kind in bound[name].needs} | {DRAWN}
    return [name for name, check in bound.items() if set(check.needs) <= kinds]


def families(seeded: Fault) -> set[str]:
    """The families of the requirements that it names."""
    return {name.partition("-")[0] for name in seeded.noticed_by}


def undrawn(bound: Mapping[str, Check]) -> dict[str, Check]:
    """The checks, content without drawn configurations."""
    return {name: replace(one, needs=tuple(kind for kind in one.needs if kind != DRAWN)) for name, one in bound.items()}
