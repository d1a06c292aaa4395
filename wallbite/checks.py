"""Checks: pure functions from facts to verdicts, bound to the requirements that they judge.

A module of ``conformance/`` binds a function with :func:`check`. The function receives a :class:`Bench` for one
requirement and yields verdicts. It runs in the harness after a run and in ``verify`` on a record, with the same facts.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from wallbite.catalogue import Requirement
from wallbite.content import content
from wallbite.facts import Facts
from wallbite.observation import Observation
from wallbite.problems import EnvironmentProblem
from wallbite.verdict import Ruling, Verdict

EVIDENCE = 64  # observations that a verdict names: one surface's attempts in both layouts, and some more
NO_CONTROL = "its control is missing: nothing shows that the same attempt succeeds where it must"


@dataclass(frozen=True)
class Bench:
    """One requirement before the bench: what a check asks, and how it says what it concludes."""

    requirement: Requirement
    facts: Facts
    kinds: tuple[str, ...]

    @property
    def postures(self) -> tuple[str, ...]:
        """The postures of this run in which the requirement applies."""
        return self.facts.postures(self.requirement)

    @property
    def accounts(self) -> tuple[str, ...]:
        """The target's accounts."""
        return self.facts.setting.accounts

    def passed(
        self, reason: str, evidence: Iterable[Observation], control: Observation | None, **scope: str
    ) -> Verdict:
        """A pass; inconclusive where it has no control or no evidence, or rests on a probe that is not believed."""
        found = list(evidence)
        if control is None or not found:
            return self.undecided(NO_CONTROL if found else "nothing was observed", found, **scope)
        if doubt := next(filter(None, map(self.facts.doubt, [*found, control])), ""):
            return self.undecided(doubt, found, **scope)
        return self._verdict(Ruling.PASS, reason, found, control, **scope)

    def failed(self, reason: str, evidence: Iterable[Observation], **scope: str) -> Verdict:
        """A fail, with the observations that show it; inconclusive where only a probe that is not believed says so."""
        found = list(evidence)
        doubts = [self.facts.doubt(one) for one in found if one.vantage == "spawned"]
        if doubts and all(doubts):
            return self.undecided(f"{doubts[0]}; it said: {reason}", found, **scope)
        return self._verdict(Ruling.FAIL, reason, found, None, **scope)

    def undecided(self, reason: str, evidence: Iterable[Observation] = (), **scope: str) -> Verdict:
        """Nothing can be concluded, and why."""
        return self._verdict(Ruling.INCONCLUSIVE, reason, evidence, None, **scope)

    def unobserved(self, posture: str, **scope: str) -> Verdict:
        """Inconclusive, because the cases that should have observed it did not."""
        trouble = self.facts.trouble(posture, self.kinds, scope.get("account", ""))
        return self._verdict(Ruling.INCONCLUSIVE, trouble, (), None, posture=posture, **scope)

    def inapplicable(self, reason: str, **scope: str) -> Verdict:
        """Declared as not applicable, with the reason."""
        return self._verdict(Ruling.NOT_APPLICABLE, reason, (), None, **scope)

    def _verdict(
        self, ruling: Ruling, reason: str, evidence: Iterable[Observation], control: Observation | None, **scope: str
    ) -> Verdict:
        return Verdict(
            self.requirement.id,
            ruling,
            reason,
            evidence=tuple(observation.id for observation in evidence)[:EVIDENCE],
            control=control.id if control else "",
            **scope,
        )


CheckFunction = Callable[[Bench], Iterable[Verdict]]


@dataclass(frozen=True)
class Check:
    """A function and what it is bound to.

    Attributes:
        requirements: the ids that it judges.
        needs: the kinds of case whose observations it reads, and which are run for it.
        reads: further kinds, which it reads where they were run for others: an invariant over a whole run.
        function: yields verdicts for one requirement.
        module: the name of the module in ``conformance/``.
    """

    requirements: tuple[str, ...]
    needs: tuple[str, ...]
    function: CheckFunction
    module: str
    reads: tuple[str, ...] = ()

    def judge(self, requirement: Requirement, facts: Facts) -> list[Verdict]:
        """The verdicts on ``requirement``; an exception of the check is an inconclusive verdict."""
        bench = Bench(requirement, facts.of((*self.needs, *self.reads)), self.needs)
        try:
            found = list(self.function(bench))
        except Exception as error:  # a crash of ours is never a fail of theirs
            return [bench.undecided(f"the check broke: {type(error).__name__}: {error}")]
        return found or [bench.undecided("the check came to no verdict: no posture of this run concerns it")]


def check(*requirements: str, needs: Sequence[str], reads: Sequence[str] = ()) -> Callable[[CheckFunction], Check]:
    """Bind a function to the requirements that it judges and to the kinds of case that it needs and reads."""

    def bind(function: CheckFunction) -> Check:
        return Check(requirements, tuple(needs), function, function.__module__, tuple(reads))

    return bind


def load() -> dict[str, Check]:
    """Every check of ``conformance/``, by the id of the requirement that it judges.

    Raises:
        EnvironmentProblem: two checks judge the same requirement.
    """
    bound: dict[str, Check] = {}
    for path in sorted(content("conformance").glob("test_*.py")):
        for found in of_module(_import(path)):
            for identifier in found.requirements:
                if identifier in bound:
                    raise EnvironmentProblem(f"{identifier} has two checks: {bound[identifier].module}, {found.module}")
                bound[identifier] = found
    return bound


def of_module(module: ModuleType) -> Iterator[Check]:
    """The checks that a module of ``conformance/`` holds."""
    return (value for value in vars(module).values() if isinstance(value, Check))


def judge(requirements: Iterable[Requirement], facts: Facts, checks: Mapping[str, Check]) -> list[Verdict]:
    """Every requirement's verdicts; one without a check, or without postures in this run, is not green."""
    return list(judged(requirements, facts, checks))


def judged(requirements: Iterable[Requirement], facts: Facts, checks: Mapping[str, Check]) -> Iterator[Verdict]:
    """The same, requirement by requirement, for who need not have them all at once."""
    for requirement in (each for each in requirements if not each.parts):  # a split one is judged by its parts
        yield from _judge_one(requirement, facts, checks.get(requirement.id))


def _judge_one(requirement: Requirement, facts: Facts, found: Check | None) -> list[Verdict]:
    bench = Bench(requirement, facts, found.needs if found else ())
    excuse = facts.setting.excused.get(requirement.id) or facts.setting.excused.get(requirement.id.split("-")[0])
    if excuse:
        return [bench.inapplicable(excuse)]
    if found is None:
        return [bench.undecided("no check is bound to it")]
    if not bench.postures:
        return [bench.inapplicable("none of the postures that it speaks of is one that this run was asked for")]
    return [*found.judge(requirement, facts), *_unfinished(bench)]


def _unfinished(bench: Bench) -> Iterator[Verdict]:
    """Where a case broke, what it observed before it did may show a failure, and never shows that all is well."""
    for posture in bench.postures:
        for one in bench.facts.broken(posture, bench.kinds):
            yield bench.undecided(f"{one.case} did not come to its end: {one.seen['problem']}", [one], posture=posture)


def _import(path: Path) -> ModuleType:
    name = f"wallbite_conformance_{path.stem}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
