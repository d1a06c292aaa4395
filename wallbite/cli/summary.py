"""A run's outcome on a screen: a row for each family, then whatever is not green."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from wallbite.documents import printable
from wallbite.evidence.summary import Standing, Summary
from wallbite.evidence.waived import WaiverState
from wallbite.verdict import Ruling

_COLUMNS: Final = (Ruling.PASS, Ruling.FAIL, Ruling.INCONCLUSIVE, Ruling.NOT_APPLICABLE)
_NOT_GREEN: Final = (Ruling.FAIL, Ruling.INCONCLUSIVE)
_SAID: Final = (WaiverState.EXPIRED, WaiverState.STALE, WaiverState.IDLE)


def lines(summary: Summary, folder: Path) -> Iterator[str]:
    """The lines of a summary; the last one says where the report lies."""
    counts: dict[str, Counter[Ruling]] = {}
    for standing in summary.requirements:
        counts.setdefault(standing.id.partition("-")[0], Counter())[standing.ruling] += 1
    yield f"{'':<8}" + "".join(f"{word:>16}" for word in _COLUMNS)
    for family, counted in counts.items():
        yield f"{family:<8}" + "".join(f"{counted[word] or '-':>16}" for word in _COLUMNS)
    yield ""
    for standing in summary.requirements:
        if standing.ruling in _NOT_GREEN:
            yield printable(f"{_word(standing):<14}{standing.id:<12}{standing.level:<8}{standing.reason}").rstrip()
    for item in summary.waivers:
        if item.state in _SAID:
            waiver = item.waiver
            yield printable(f"waiver {item.state}: {waiver.where}: {waiver.requirement}, {waiver.scope}: {item.detail}")
    yield summary.line
    yield printable(f"report: {folder}")


def _word(standing: Standing) -> str:
    """What it came to; a waiver takes nothing away from it."""
    return f"{standing.ruling} (waived)" if standing.is_waived else str(standing.ruling)
