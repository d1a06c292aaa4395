"""What the verdicts add up to: a ruling for each requirement, and an outcome for the run.

The worst verdict of a requirement is its ruling. A requirement without a verdict is inconclusive, unless the target
declared it not applicable. A split row (``WALL-04.1``) counts by itself; its parent (``WALL-04``) is shown as the
roll-up of its rows and is not counted again. A roll-up that holds a MUST speaks of its MUST rows only, so that a MUST
that fails always means that the run is not conformant.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from wallbite.evidence.model import Record
from wallbite.verdict import Level, Outcome, Ruling, Verdict, worst

NOT_RUN: Final = "not run: no check gave a verdict"


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one requirement stands.

    Attributes:
        id, level: the requirement's.
        ruling: the worst of its verdicts.
        verdicts: how many it has.
        reason: why it stands there: the first verdict that decides; empty for a pass.
    """

    id: str
    level: Level
    ruling: Ruling
    verdicts: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Summary:
    """A run, added up.

    Attributes:
        outcome: what the run comes to.
        requirements: where each requirement stands, in the order of the catalogue.
        rollups: where the parents of split rows stand; not counted.
        verdicts: how many verdicts there are.
    """

    outcome: Outcome
    requirements: tuple[Standing, ...]
    rollups: tuple[Standing, ...]
    verdicts: int

    def count(self, ruling: Ruling, level: Level | None = None) -> int:
        """How many requirements (of a level) have this ruling."""
        return sum(1 for item in self.requirements if item.ruling is ruling and level in {None, item.level})

    @property
    def line(self) -> str:
        """The run in one line."""
        counts = ", ".join(f"{self.count(ruling):,} {word}" for ruling, word in _WORDS.items())
        total = f"(of {len(self.requirements):,}; {self.verdicts:,} verdict{'' if self.verdicts == 1 else 's'})"
        return f"{self.outcome}: {counts} {total}{self._shown()}"

    def _shown(self) -> str:
        failed = self.count(Ruling.FAIL, Level.SHOULD)
        return f" [{failed:,} fail{' is' if failed == 1 else 's are'} SHOULD: shown, not decisive]" if failed else ""


_WORDS: Final = {
    Ruling.PASS: "pass",
    Ruling.FAIL: "fail",
    Ruling.INCONCLUSIVE: "inconclusive",
    Ruling.NOT_APPLICABLE: "not applicable",
}


def summarise(
    levels: Mapping[str, Level], verdicts: Iterable[Verdict], declared: Mapping[str, str] | None = None
) -> Summary:
    """Add up the verdicts on the selected requirements.

    Args:
        levels: the selected requirements, in the catalogue's order. A verdict on any other one counts as a MUST.
        verdicts: all of them.
        declared: the reason for each id or family that the target declared not applicable.
    """
    found: dict[str, list[Verdict]] = defaultdict(list)
    for verdict in verdicts:
        found[verdict.requirement].append(verdict)
    known = {**levels, **{name: Level.MUST for name in found if name not in levels}}
    parents = {parent for name in known if (parent := parent_of(name))}
    counted = tuple(
        _standing(name, level, found[name], declared or {})
        for name, level in known.items()
        if found[name] or name not in parents
    )
    rollups = tuple(_rollup(parent, counted) for parent in sorted(parents))
    return Summary(_outcome(counted), counted, rollups, sum(map(len, found.values())))


def summary_of(record: Record) -> Summary:
    """Add up a record."""
    return summarise(record.header.levels, record.verdicts, record.header.not_applicable)


def parent_of(requirement: str) -> str:
    """``WALL-04`` for ``WALL-04.1``; empty for a requirement that is not a split row."""
    return requirement.rpartition(".")[0]


def counts(summary: Summary, cases: int, observations: int) -> dict[str, int]:
    """The counts of a footer."""
    found = Counter(str(item.ruling) for item in summary.requirements)
    return {
        "cases": cases,
        "observations": observations,
        "verdicts": summary.verdicts,
        "requirements": len(summary.requirements),
        **{str(ruling): found[ruling] for ruling in Ruling},
    }


def _standing(name: str, level: Level, verdicts: list[Verdict], declared: Mapping[str, str]) -> Standing:
    if verdicts:
        ruling = worst(verdict.ruling for verdict in verdicts)
        return Standing(name, level, ruling, len(verdicts), _reason(ruling, verdicts))
    reason = next((declared[key] for key in _covers(name) if key in declared), None)
    if reason is None:
        return Standing(name, level, Ruling.INCONCLUSIVE, reason=NOT_RUN)
    return Standing(name, level, Ruling.NOT_APPLICABLE, reason=f"declared by the target: {reason}")


def _reason(ruling: Ruling, verdicts: list[Verdict]) -> str:
    """The first verdict that decides, and how many others say the same; a pass needs none."""
    if ruling is Ruling.PASS:
        return ""
    deciding = [verdict for verdict in verdicts if verdict.ruling is ruling]
    first = deciding[0]
    scope = " ".join(filter(None, (first.posture, first.account, first.surface)))
    others = f" (and {len(deciding) - 1:,} more)" if len(deciding) > 1 else ""
    return f"{scope}: {first.reason}{others}" if scope else f"{first.reason}{others}"


def _covers(name: str) -> tuple[str, ...]:
    """What a declaration may say to speak of a requirement: its id, its parent, its family."""
    return name, parent_of(name), name.partition("-")[0]


def _rollup(parent: str, standings: Iterable[Standing]) -> Standing:
    rows = [item for item in standings if parent in {item.id, parent_of(item.id)}]
    level = Level.MUST if any(item.level is Level.MUST for item in rows) else Level.SHOULD
    binding = [item for item in rows if item.level is level]
    return Standing(
        parent,
        level,
        worst(item.ruling for item in binding),
        sum(item.verdicts for item in binding),
        "rolls up " + ", ".join(item.id for item in binding),
    )


def _outcome(standings: Iterable[Standing]) -> Outcome:
    items = list(standings)
    binding = {item.ruling for item in items if item.level is Level.MUST}
    if Ruling.FAIL in binding:
        return Outcome.NOT_CONFORMANT
    if Ruling.INCONCLUSIVE in binding or not any(item.ruling is Ruling.PASS for item in items):
        return Outcome.UNDECIDED
    return Outcome.CONFORMANT
