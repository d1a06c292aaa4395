"""A self-test from its options to its result: plan the trials, run or replay them, hold them against what must be."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from wallbite import run
from wallbite.installation import fault as faults
from wallbite.options import RunOptions
from wallbite.progress import Progress
from wallbite.run import Plan
from wallbite.selftest import backing, breadth, folder, page, result, suite
from wallbite.selftest.conducting import Judged, conduct, replay
from wallbite.selftest.fakes import of_fakes
from wallbite.selftest.options import FAULTS, PARTS, TARGETS, VARIANTS, SelfTestOptions
from wallbite.selftest.result import Row, SelfTest
from wallbite.selftest.trials import Trial, loaded, of_faults
from wallbite.selftest.variants import of_variants
from wallbite.stages.namespace import probe_environment


def selftest(options: SelfTestOptions, progress: Progress) -> SelfTest:
    """Do a self-test, and write its folder.

    Raises:
        Problem: what the user wrote is wrong, or the machine cannot do it.
    """
    base, started = run.plan(RunOptions(seed=options.seed)), run.now()
    if options.replay is None:
        probe_environment()
    else:
        folder.load(options.replay)
    with tempfile.TemporaryDirectory(prefix="wallbite-") as descriptors:
        trials = tuple(planned(base, options, Path(descriptors)))
        folder.claim(options.out, started)
        found = of(base, options, done(options, trials, progress), started)
    data = folder.write(options.out, found.as_json(), page.render(found))
    if options.whole and found.passed:
        backing.keep(data)
    return found


def planned(base: Plan, options: SelfTestOptions, folder: Path) -> Iterator[Trial]:
    """The trials of every part that is asked for; their descriptors go into a folder."""
    if TARGETS in options.parts:
        yield from of_fakes(base, folder)
    if VARIANTS in options.parts:
        yield from of_variants(base, folder, options)
    if FAULTS in options.parts:
        yield from of_faults(base, options)


def done(options: SelfTestOptions, trials: tuple[Trial, ...], progress: Progress) -> Iterator[Judged]:
    """The trials, run or replayed."""
    if options.replay is not None:
        return replay(trials, options.replay, progress)
    return conduct(trials, options.out, options.jobs, progress)


def of(base: Plan, options: SelfTestOptions, judged: Iterable[Judged], started: str) -> SelfTest:
    """What some trials add up to."""
    rows = [Row.of(one.trial, one.trial.outcome(one.verdicts), one.seconds) for one in judged]
    rows.sort(key=lambda row: (PARTS.index(row.part), row.name))
    seeded = [loaded(name) for name in faults.names()]
    named: dict[str, tuple[str, ...]] = defaultdict(tuple)
    for one in seeded:
        for requirement in one.noticed_by:
            named[requirement] = (*named[requirement], one.name)
    chosen = (
        breadth.selected(base.catalogue, options.select) if options.select else base.catalogue.requirements.values()
    )
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


def _families(base: Plan) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for one in base.catalogue.requirements.values():
        if not one.parts:
            found[one.family] = (*found.get(one.family, ()), one.id)
    return found
