"""A trial: one thing that the suite is held against, and what the suite must say of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Final

from wallbite import catalogue, planning
from wallbite.installation import fault as faults
from wallbite.installation.fault import Fault
from wallbite.run import Plan
from wallbite.selftest import breadth
from wallbite.selftest.options import FAULTS, SelfTestOptions
from wallbite.selftest.outcome import Outcome, of_fault
from wallbite.target import load
from wallbite.verdict import Verdict

LIBRARY: Final = "reference-channels"

loaded = cache(faults.load)  # each is asked for again once the trials are over


@dataclass(frozen=True)
class Trial:
    """What is run, and what it must come to.

    Attributes:
        part: the part of the self-test that it belongs to.
        name: unique within it.
        says: one sentence: what is broken, or what is different.
        planned: the run.
        around: what a worker is told besides the target and the fault (see `wallbite.cases.conduct`).
    """

    part: str
    name: str
    says: str
    planned: Plan
    around: Mapping[str, Any] = field(default_factory=dict, kw_only=True)

    @property
    def key(self) -> str:
        """Its name in the whole self-test, and the folder of its record."""
        return f"{self.part}/{self.name}"

    @property
    def cases(self) -> list[dict[str, Any]]:
        """Its cases, each with what it is about."""
        return [self.about(case) for case in self.planned.cases]

    def about(self, case: dict[str, Any]) -> dict[str, Any]:
        """A case of this trial, as a worker takes it."""
        context = {"target": str(self.planned.options.target), "fault": self.planned.options.fault, **self.around}
        return {**case, "trial": self.key, "context": context}

    def outcome(self, verdicts: Iterable[Verdict]) -> Outcome:
        """What the suite said of it, held against what it must say."""
        raise NotImplementedError


@dataclass(frozen=True)
class FaultTrial(Trial):
    """A seeded fault: exactly what it names must fail, for the reason that it names."""

    seeded: Fault

    def outcome(self, verdicts: Iterable[Verdict]) -> Outcome:
        """Noticed or not."""
        return of_fault(self.seeded, self.planned.setting.postures, verdicts)


def of_faults(base: Plan, options: SelfTestOptions) -> Iterator[FaultTrial]:
    """A trial for each fault that is asked for."""
    wanted = {each.id for each in breadth.selected(base.catalogue, options.select)} if options.select else set()
    for name in dict.fromkeys(options.faults) or faults.names():
        seeded = loaded(name)
        if not wanted or wanted & set(seeded.noticed_by):
            yield FaultTrial(FAULTS, name, seeded.breaks, plan_of(base, seeded, options), seeded)


def plan_for(base: Plan, path: Path, select: Sequence[str], postures: Sequence[str] = ()) -> Plan:
    """A run of another target."""
    target = load(path)
    chosen = tuple(postures) or target.postures
    return replace(
        base,
        options=replace(base.options, target=str(path), postures=chosen),
        target=target,
        requirements=catalogue.select(base.catalogue, select),
        checks=breadth.undrawn(base.checks),
        setting=planning.setting_of(target, base.options.stage, chosen),
    )


def at_home(base: Plan, seeded: Fault) -> Plan:
    """The plan of the target that a fault is one of: of the reference's channels where it names nothing else."""
    called = {family.name for family in catalogue.CHANNELS.families}
    if not {name.partition("-")[0] for name in seeded.noticed_by} <= called:
        return base
    target = load(LIBRARY)
    return replace(
        base,
        options=replace(base.options, target=LIBRARY),
        target=target,
        requirements=catalogue.select(base.catalogue, (), target.claims.profile),
    )


def plan_of(base: Plan, seeded: Fault, options: SelfTestOptions) -> Plan:
    """The run of a fault: the cases that can show it, or all that there are."""
    base = at_home(base, seeded)
    if options.full:
        postures, chosen, checks = base.target.postures, base.requirements, base.checks
    else:
        postures = seeded.postures if options.every_posture else breadth.few(seeded)
        chosen = catalogue.select(base.catalogue, breadth.together(seeded, base.checks), base.target.claims.profile)
        checks = breadth.undrawn(base.checks)
    return replace(
        base,
        options=replace(base.options, fault=seeded.name, postures=postures),
        requirements=chosen,
        checks=checks,
        setting=planning.setting_of(base.target, base.options.stage, postures),
    )
