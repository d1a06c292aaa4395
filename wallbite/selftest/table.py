"""A self-test on a screen: a row for each family, then whatever is not as it must be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from wallbite.documents import printable
from wallbite.selftest.outcome import Mark
from wallbite.selftest.result import SelfTest

_COLUMNS: Final = (Mark.KILLED, Mark.MISSED, Mark.ALARM, Mark.UNDECIDED, Mark.GREEN, Mark.WITHHELD)
_TOLD: Final = 6  # problems of one trial


def lines(found: SelfTest) -> Iterator[str]:
    """The lines; the last one says where the results lie."""
    marks: dict[str, Counter[Mark]] = {family: Counter() for family in found.families}
    for row in found.rows:
        for requirement, mark in row.outcome.marks.items():
            marks[requirement.partition("-")[0]][mark] += 1
    yield f"{'':<8}{'faults':>8}" + "".join(f"{mark:>11}" for mark in _COLUMNS)
    for family, names in found.families.items():
        faults = {fault for name in names for fault in found.faults.get(name, ())}
        yield f"{family:<8}{len(faults):>8,}" + "".join(f"{marks[family][mark] or '-':>11}" for mark in _COLUMNS)
    yield ""
    for gap in found.gaps:
        yield printable(f"gap: {gap}")
    for row in found.rows:
        for problem in row.outcome.problems[:_TOLD]:
            yield printable(f"{row.part}/{row.name}: {problem}")
        if (more := len(row.outcome.problems) - _TOLD) > 0:
            yield printable(f"{row.part}/{row.name}: and {more:,} more, which the page tells")
    yield found.line
    yield printable(f"results: {found.options.out}")
