"""The score of all mutants that were ever tried, module by module, and the survivors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import yaml
from cosmic_ray.work_db import WorkDB
from cosmic_ray.work_item import TestOutcome, WorkResult

from tests.mutation.mutants import FLAWS, changed_lines, operator_of
from tests.mutation.operators import used

EQUIVALENT: Final = Path(__file__).with_name("equivalent.yaml")
ENOUGH: Final = 0.95
MOST_EQUIVALENT: Final = 0.05
UNDECIDED: Final = "inconclusive"


@dataclass(frozen=True)
class Score:
    """What became of a module's mutants.

    Attributes:
        made: all that there are.
        nothing: those that change nothing that runs, move a bound, are no Python, or cannot be made; never tried.
        failed, undecided: killed by a failure, or because nothing could be decided.
        equivalent: survivors that are listed with a reason.
        survivors: the diffs of all others.
    """

    module: str
    made: int
    nothing: int
    failed: int
    undecided: int
    equivalent: int
    survivors: tuple[str, ...]

    @property
    def killed(self) -> int:
        """By whatever."""
        return self.failed + self.undecided

    @property
    def tried(self) -> int:
        """Those that were held against the suite."""
        return self.killed + self.equivalent + len(self.survivors)

    @property
    def enough(self) -> bool:
        """Whether enough are killed of those that are not equivalent."""
        return self.killed >= ENOUGH * (self.tried - self.equivalent)

    @property
    def few(self) -> bool:
        """Whether no more are called equivalent than may be."""
        return self.equivalent <= MOST_EQUIVALENT * self.tried

    def line(self) -> str:
        """In words."""
        both = f"{_percent(self.killed, self.tried)} of all, {_percent(self.killed, self.tried - self.equivalent)} of"
        return (
            f"{self.module}: {self.made:,} mutants, {self.nothing} change nothing that counts or do not compile,"
            f" {self.tried:,} tried: {self.failed:,} killed by a failure, {self.undecided} because nothing could be"
            f" decided, {self.equivalent} equivalent, {len(self.survivors)} survive;"
            f" {both} those that are not equivalent"
        )


def score_of(module: str, session: WorkDB, *, every: bool) -> Score:
    """The score of a module, from cosmic-ray's database: of the operators that are used, or of every one."""
    results = [result for item, result in session.completed_work_items if every or used(operator_of(item))]
    killed = [one for one in results if one.test_outcome is TestOutcome.KILLED]
    survived = [one for one in results if one.test_outcome is TestOutcome.SURVIVED]
    undecided = sum(str(one.output).startswith(UNDECIDED) for one in killed)
    return Score(
        module=module,
        made=sum(every or used(operator_of(item)) for item in session.work_items),
        nothing=sum(one.output in FLAWS for one in results),
        failed=len(killed) - undecided,
        undecided=undecided,
        equivalent=sum(is_equivalent(module, one) for one in survived),
        survivors=tuple(str(one.diff) for one in survived if not is_equivalent(module, one)),
    )


def total(scores: Iterable[Score]) -> Score:
    """All modules together."""
    every = list(scores)
    names = ("made", "nothing", "failed", "undecided", "equivalent")
    made, nothing, failed, undecided, equivalent = (sum(getattr(one, name) for one in every) for name in names)
    diffs = tuple(diff for one in every for diff in one.survivors)
    return Score("all", made, nothing, failed, undecided, equivalent, diffs)


def is_equivalent(module: str, result: WorkResult) -> bool:
    """Whether it is listed as one that no observation can tell from the original."""
    return listed(module, str(result.diff))


def listed(module: str, diff: str) -> bool:
    """Whether a change is in the list."""
    return (module, *changed_lines(diff)) in _listed()


@lru_cache(maxsize=1)
def _listed() -> frozenset[tuple[str, str, str]]:
    return frozenset(_entries(EQUIVALENT))


def _entries(path: Path) -> Iterator[tuple[str, str, str]]:
    for group in yaml.safe_load(path.read_text())["equivalent"]:
        if not str(group["why"]).strip():
            raise ValueError(f"{path}: {group['old']!r}: expected a reason")
        for new in [group["new"]] if isinstance(group["new"], str) else group["new"]:
            yield group["module"], group["old"], new


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "nothing"
