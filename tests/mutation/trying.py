"""Mutants tried: the quickest kinds of case first, and no further once one is killed; one pool for all of them.

A mutant is killed by a failure. It is also killed where nothing can be decided because its gateway broke: the gateway
ended, or the same requirement is left undecided when the same cases are run a second time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from tests.mutation.mutants import Mutant
from tests.mutation.subjects import SUBJECTS
from wallbite import checks, planning, run
from wallbite.content import content
from wallbite.facts import Facts
from wallbite.observation import Observation
from wallbite.progress import Progress
from wallbite.run import Plan
from wallbite.selftest.trials import plan_for
from wallbite.selftest.variants import judged
from wallbite.stages.pool import CaseResult, Pool
from wallbite.verdict import Ruling, Verdict

# A program of the gateway's that was started and failed: what no load of the machine does to a sound one.
ENDED: Final = (
    "the gateway ended",
    "the backup verb ended",
    "the command that fills the vault ended",
    "the gateway's own user could not lock",
)


@dataclass(frozen=True)
class Tried:
    """A mutant, what killed it (empty: nothing did), and the processor seconds of its stages."""

    mutant: Mutant
    killer: str
    seconds: float


@dataclass(frozen=True)
class Step:
    """Cases to be run, and all that is judged once they are done."""

    cases: Sequence[Mapping[str, Any]]
    planned: Plan


class Steps:
    """The steps of each module, made of the plan of a run."""

    def __init__(self, base: Plan) -> None:
        self.base = base
        self.of = lru_cache(maxsize=None)(self._of)

    def _of(self, module: str) -> tuple[Step, ...]:
        subject, done = SUBJECTS[module], set[str]()
        wanted = [(group, subject.postures[:1]) for group in subject.quick] + [(subject.slow, subject.postures)]
        steps, planned_so_far = [], set[str]()
        for group, postures in wanted:
            done |= set(group.split())
            planned = self._plan(frozenset(done), postures)
            fresh = [case for case in planned.cases if case["case"] not in planned_so_far]
            if not fresh:
                raise ValueError(f"{module}: no case of {group} in {', '.join(postures)}")
            steps.append(Step(fresh, planned))
            planned_so_far |= {case["case"] for case in fresh}
        return tuple(steps)

    def _plan(self, kinds: frozenset[str], postures: tuple[str, ...]) -> Plan:
        chosen = judged(self.base, kinds, full=False)
        return plan_for(self.base, content("fixtures", "targets") / "reference.yaml", chosen, postures)


@dataclass
class _Trial:
    """A mutant that is being tried."""

    mutant: Mutant
    steps: deque[Step]
    seen: list[Observation] = field(default_factory=list)
    before: int = 0  # observations of earlier steps
    left: int = 0  # cases of this step
    doubted: str = ""  # what was undecided when this step was done for the first time
    seconds: float = 0.0

    def begin(self) -> list[dict[str, Any]]:
        """The cases of its next step."""
        self.before, self.left = len(self.seen), len(self.steps[0].cases)
        return [self.about(case) for case in self.steps[0].cases]

    def about(self, case: Mapping[str, Any]) -> dict[str, Any]:
        """A case, as a worker takes it."""
        sources = {self.mutant.module: self.mutant.text}
        context = {"target": self.steps[0].planned.options.target, "fault": "", "sources": sources}
        return {**case, "trial": self.mutant.name, "context": context}

    def take(self, result: CaseResult) -> list[dict[str, Any]]:
        """A case is over; what of it is to be done again."""
        told = list(run.observations_of(result))
        again = [self.about(case) for case in planning.unfinished(result.case, told)]
        self.seen += told
        self.seconds += result.cpu_seconds
        self.left += len(again) - 1
        return again

    def killer(self) -> str | None:
        """What kills it after this step; None where that is not known yet."""
        verdicts = judge(self.steps[0].planned, self.seen)
        if failed := next((one for one in verdicts if one.ruling is Ruling.FAIL), None):
            return said(failed)
        undecided = [one for one in verdicts if one.ruling is Ruling.INCONCLUSIVE]
        for one in undecided:
            if any(text in one.reason for text in ENDED) or one.requirement in self.doubted.split():
                return said(one)
        if undecided and not self.doubted:
            self.doubted = " ".join(one.requirement for one in undecided)
            del self.seen[self.before :]
            return None
        self.doubted = ""
        self.steps.popleft()
        return None if self.steps else ""


def judge(planned: Plan, seen: Sequence[Observation]) -> list[Verdict]:
    """What the checks say."""
    return checks.judge(planned.requirements, Facts(planned.setting, seen, planned.tables), planned.checks)


def said(one: Verdict) -> str:
    """A verdict as a killer's name."""
    return f"{one.ruling}: {one.requirement}: {one.reason}"


def tried(mutants: Iterable[Mutant], base: Plan, jobs: int, progress: Progress) -> Iterator[Tried]:
    """Each mutant with what killed it, as soon as it is known."""
    steps, fresh, trials = Steps(base), iter(mutants), dict[str, _Trial]()
    waiting = deque[dict[str, Any]]()

    def feed() -> None:
        while len(waiting) < jobs and (one := next(fresh, None)) is not None:
            trials[one.name] = _Trial(one, deque(steps.of(one.module)))
            waiting.extend(trials[one.name].begin())

    feed()
    with Pool(jobs, run.CONDUCT) as pool:
        for result in pool.run(waiting, run.CASE_SECONDS):
            trial = trials[result.case["trial"]]
            progress.finished(f"{trial.mutant.module} {result.case['case']}", result.seconds, result.problem)
            waiting.extendleft(trial.take(result))
            if not trial.left:
                killer = trial.killer()
                if killer is None:
                    waiting.extendleft(trial.begin())
                else:
                    del trials[trial.mutant.name]
                    yield Tried(trial.mutant, killer, trial.seconds)
            feed()
