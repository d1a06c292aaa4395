"""Trials done: one pool of workers for all of them, and a record of each, to be judged again at any time."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from wallbite import checks, planning, run
from wallbite.evidence.model import Record
from wallbite.evidence.reader import read
from wallbite.evidence.record import RecordWriter
from wallbite.facts import Facts
from wallbite.observation import Observation
from wallbite.problems import UsageProblem
from wallbite.progress import Progress
from wallbite.selftest.trials import Trial
from wallbite.stages.pool import CaseResult, Pool
from wallbite.verdict import Verdict

# Kinds of case that may have to wait long for what a broken target never says.
WAITING: Final = frozenset({"reload", "stops", "pipes", "timeouts", "beside", "limits", "keeping", "runaways"})
SPREAD: Final = 0.75  # of all other cases: among so many are those begun that may wait for what is never said


@dataclass(frozen=True)
class Judged:
    """A trial that was run and judged.

    Attributes:
        verdicts: what today's checks say.
        seconds: of all its stages, one after the other.
    """

    trial: Trial
    verdicts: tuple[Verdict, ...]
    seconds: float


def conduct(trials: Sequence[Trial], folder: Path, jobs: int, progress: Progress) -> Iterator[Judged]:
    """Run every trial; its record is kept in the folder that is named as it is."""
    waiting = deque(_mingled([case for trial in trials for case in trial.cases]))
    known, left = {trial.key: trial for trial in trials}, Counter(case["trial"] for case in waiting)
    done: dict[str, list[CaseResult]] = defaultdict(list)
    total = len(waiting)
    progress.total(total)
    yield from (_keep(trial, [], folder) for trial in trials if not left[trial.key])  # nothing is ever observed
    with Pool(jobs, run.CONDUCT) as pool:
        for result in pool.run(waiting, run.CASE_SECONDS, on_started=lambda case: progress.started(_named(case))):
            progress.finished(_named(result.case), result.seconds, result.problem)
            trial = known[result.case["trial"]]
            done[trial.key].append(result)
            again = planning.unfinished(result.case, run.observations_of(result))
            waiting.extend(trial.about(case) for case in again)
            left[trial.key] += len(again) - 1
            if again:
                total += len(again)
                progress.total(total)
            if not left[trial.key]:
                yield _keep(trial, done.pop(trial.key), folder)


def replay(trials: Sequence[Trial], folder: Path, progress: Progress) -> Iterator[Judged]:
    """Have today's checks judge what an earlier self-test observed.

    Raises:
        UsageProblem: the folder has no record of a trial, or one of another trial.
    """
    progress.total(len(trials))
    for trial in trials:
        progress.started(trial.key)
        record = read(folder / trial.key)
        header = record.header
        if (header.fault or "", header.postures) != (trial.planned.options.fault, trial.planned.setting.postures):
            raise UsageProblem(
                "this record is of another trial", str(folder / trial.key), f"one of {trial.key}", "run it again"
            )
        seconds = seconds_of(record)
        progress.finished(trial.key, seconds, None)
        yield Judged(trial, tuple(judge(trial, record.observations)), seconds)


def judge(trial: Trial, seen: Sequence[Observation]) -> list[Verdict]:
    """What the checks say of a trial's observations."""
    planned = trial.planned
    return checks.judge(planned.requirements, Facts(planned.setting, seen, planned.tables), planned.checks)


def _keep(trial: Trial, results: Sequence[CaseResult], folder: Path) -> Judged:
    """Write the trial's record, and judge what it holds."""
    with RecordWriter(folder / trial.key) as writer:
        writer.header(run.header_of(trial.planned))
        seen: list[Observation] = []
        for one in results:
            told = run.observations_of(one)
            seen += writer.case(one.case, told, seconds=one.seconds, problem=one.problem)
        verdicts = writer.verdicts(judge(trial, seen))
        record = writer.footer(finished=run.now())
    return Judged(trial, verdicts, seconds_of(record))


def seconds_of(record: Record) -> float:
    """Of all its stages, as the record has them: a replay says the same."""
    return sum(case.seconds for case in record.cases)


def _mingled(cases: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The cases, those that may have to wait long spread evenly among the others.

    Begun late they would be waited for alone, and many at once would leave the processors idle.
    """
    patient = [case for case in cases if case["kind"] in WAITING]
    others = iter([case for case in cases if case["kind"] not in WAITING])
    each = int(SPREAD * (len(cases) - len(patient)) / max(1, len(patient)))
    for case in patient:
        yield case
        yield from itertools.islice(others, each)
    yield from others


def _named(case: dict[str, Any]) -> str:
    return f"{case['trial']} {case['case']}"
