"""How a figure comes about: several ways of doing the same thing, in turns, and the median of what each took."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Spread:
    """The median of some samples, with the least and the largest."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, samples: list[float]) -> Spread:
        """Of at least one sample."""
        return cls(statistics.median(samples), min(samples), max(samples))

    def to_json(self) -> dict[str, float]:
        """Rounded to four digits that count."""
        return {name: float(f"{getattr(self, name):.4g}") for name in ("median", "least", "most")}


def in_turns(rounds: int, ways: Mapping[str, Callable[[], float]]) -> dict[str, list[float]]:
    """What each way gives in each round; a round has every way once, so that what disturbs one disturbs all."""
    found: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(rounds):
        names = list(ways) if turn % 2 == 0 else list(ways)[::-1]
        for name in names:
            found[name].append(ways[name]())
    return found


def ratios(some: list[float], others: list[float]) -> Spread:
    """Of what was measured in the same round."""
    return Spread.of([one / other for one, other in zip(some, others, strict=True)])


def goal(what: str, wanted: str, ratio: Spread, *, at_least: float | None = None, at_most: float | None = None) -> Any:
    """A goal as it stands in the results: what was wanted, what was measured, and whether it is reached."""
    reached = (at_least is None or ratio.median >= at_least) and (at_most is None or ratio.median <= at_most)
    return {"what": what, "wanted": wanted, "measured": ratio.to_json(), "reached": reached}
