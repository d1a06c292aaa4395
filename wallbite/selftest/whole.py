"""A self-test from its options to its result: plan the trials, run or replay them, hold them against what must be."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import cache

from wallbite import catalogue, run
from wallbite.installation import fault as faults
from wallbite.options import RunOptions
from wallbite.progress import Progress
from wallbite.run import Plan
from wallbite.selftest import backing, folder, page, result, suite
from wallbite.selftest.conducting import Judged, conduct, replay
from wallbite.selftest.options import FAULTS, SelfTestOptions
from wallbite.selftest.result import Row, SelfTest
from wallbite.selftest.trials import Trial, of_faults
from wallbite.stages.namespace import probe_environment


def selftest(options: SelfTestOptions, progress: Progress) -> SelfTest:
    """Do a self-test, and write its folder.

    Raises:
        Problem: what the user wrote is wrong, or the machine cannot do it.
    """
    base = run.plan(RunOptions(seed=options.seed))
    trials = tuple(planned(base, options))
    started = run.now()
    if options.replay is None:
        probe_environment()
    else:
        folder.load(options.replay)
    folder.claim(options.out, started)
    found = of(base, options, trials, done(options, trials, progress), started)
    data = folder.write(options.out, found.as_json(), page.render(found))
    if options.whole and found.passed:
        backing.keep(data)
    return found


def planned(base: Plan, options: SelfTestOptions) -> Iterator[Trial]:
    """The trials of every part that is asked for."""
    if FAULTS in options.parts:
        yield from of_faults(base, options)


def done(options: SelfTestOptions, trials: tuple[Trial, ...], progress: Progress) -> Iterator[Judged]:
    """The trials, run or replayed."""
    if options.replay is not None:
        return replay(trials, options.replay, progress)
    return conduct(trials, options.out, options.jobs, progress)


def of(
    base: Plan, options: SelfTestOptions, trials: Sequence[Trial], judged: Iterable[Judged], started: str
) -> SelfTest:
    """What some trials add up to."""
    rows = [Row.of(one.trial, one.trial.outcome(one.verdicts), one.seconds) for one in judged]
    order = {(trial.part, trial.name): number for number, trial in enumerate(trials)}
    rows.sort(key=lambda row: order[row.part, row.name])
    seeded = [_fault(name) for name in faults.names()]
    named: dict[str, tuple[str, ...]] = defaultdict(tuple)
    for one in seeded:
        for requirement in one.noticed_by:
            named[requirement] = (*named[requirement], one.name)
    chosen = catalogue.select(base.catalogue, options.select) if options.select else base.requirements
    return SelfTest(
        options=options,
        rows=tuple(rows),
        families=_families(base),
        gaps=tuple(result.gaps(base.catalogue, base.checks, seeded, [one.id for one in chosen])),
        faults=named,
        suite=suite.digest(),
        started=started,
        finished=run.now(),
    )


_fault = cache(faults.load)


def _families(base: Plan) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for one in base.requirements:
        if not one.parts:
            found[one.family] = (*found.get(one.family, ()), one.id)
    return found
