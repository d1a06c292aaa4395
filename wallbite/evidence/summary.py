"""What the verdicts add up to: a ruling for each requirement, and an outcome for the run.

The worst verdict of a requirement is its ruling. A requirement without a verdict is inconclusive, unless the target
declared it not applicable. A split row (``WALL-04.1``) counts by itself; its parent (``WALL-04``) is shown as the
roll-up of its rows and is not counted again. A roll-up that holds a MUST speaks of its MUST rows only, so that a MUST
that fails always means that the run is not conformant.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from wallbite.evidence.model import Header, Record
from wallbite.evidence.waived import Waived, WaiverStanding, WaiverState, standings
from wallbite.verdict import Level, Outcome, Ruling, Verdict, worst
from wallbite.waivers import Waiver

NOT_RUN: Final = "not run: no check gave a verdict"


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one requirement stands.

    Attributes:
        id, level: the requirement's.
        ruling: the worst of its verdicts.
        verdicts: how many it has.
        reason: why it stands there: the first verdict that decides; empty for a pass.
        waived: how many of its verdicts are failures that a waiver lies over.
        binding: the worst of its other verdicts; None where there is no other.
    """

    id: str
    level: Level
    ruling: Ruling
    verdicts: int = 0
    reason: str = ""
    waived: int = 0
    binding: Ruling | None = None

    @property
    def is_waived(self) -> bool:
        """Whether it fails, and a waiver lies over every failure."""
        return self.ruling is Ruling.FAIL and self.waived > 0 and self.binding is not Ruling.FAIL


@dataclass(frozen=True, slots=True)
class Summary:
    """A run, added up.

    Attributes:
        outcome: what the run comes to.
        requirements: where each requirement stands, in the order of the catalogue.
        rollups: where the parents of split rows stand; not counted.
        verdicts: how many verdicts there are.
        waivers: where each waiver stands.
    """

    outcome: Outcome
    requirements: tuple[Standing, ...]
    rollups: tuple[Standing, ...]
    verdicts: int
    waivers: tuple[WaiverStanding, ...] = ()

    def count(self, ruling: Ruling, level: Level | None = None) -> int:
        """How many requirements (of a level) have this ruling."""
        return sum(1 for item in self.requirements if item.ruling is ruling and level in {None, item.level})

    @property
    def waived(self) -> int:
        """How many requirements fail, and a waiver lies over every failure."""
        return sum(1 for item in self.requirements if item.is_waived)

    @property
    def line(self) -> str:
        """The run in one line."""
        counts = ", ".join(f"{self.count(ruling):,} {word}" for ruling, word in _WORDS.items())
        total = f"(of {len(self.requirements):,}; {self.verdicts:,} verdict{'' if self.verdicts == 1 else 's'})"
        return f"{self.outcome}: {counts} {total}{''.join(f' [{note}]' for note in self._notes())}"

    def _notes(self) -> Iterator[str]:
        """What the counts do not say by themselves."""
        failed = sum(
            1
            for one in self.requirements
            if (one.ruling, one.level) == (Ruling.FAIL, Level.SHOULD) and not one.is_waived
        )
        if failed:
            yield f"{failed:,} fail{' is' if failed == 1 else 's are'} SHOULD: shown, not decisive"
        if self.waived:
            yield f"{self.waived:,} fail{' is' if self.waived == 1 else 's are'} waived: shown, not decisive"
        for state in (WaiverState.EXPIRED, WaiverState.STALE):
            if number := sum(1 for item in self.waivers if item.state is state):
                yield f"{number:,} waiver{' is' if number == 1 else 's are'} {state}"


_WORDS: Final = {
    Ruling.PASS: "pass",
    Ruling.FAIL: "fail",
    Ruling.INCONCLUSIVE: "inconclusive",
    Ruling.NOT_APPLICABLE: "not applicable",
}


def summarise(
    levels: Mapping[str, Level],
    verdicts: Iterable[Verdict],
    declared: Mapping[str, str] | None = None,
    waivers: Sequence[Waiver] = (),
    day: str = "",
) -> Summary:
    """Add up the verdicts on the selected requirements.

    Args:
        levels: the selected requirements, in the catalogue's order. A verdict on any other one counts as a MUST.
        verdicts: all of them.
        declared: the reason for each id or family that the target declared not applicable.
        waivers: what somebody answers for.
        day: the day of the run, ISO 8601; on it a waiver holds or has expired.
    """
    found: dict[str, list[Verdict]] = defaultdict(list)
    for verdict in verdicts:
        found[verdict.requirement].append(verdict)
    known = {**levels, **{name: Level.MUST for name in found if name not in levels}}
    parents = {parent for name in known if (parent := parent_of(name))}
    waived = Waived(waivers, day)
    counted = tuple(
        _standing(name, level, found[name], declared or {}, waived)
        for name, level in known.items()
        if found[name] or name not in parents
    )
    rollups = tuple(_rollup(parent, counted) for parent in sorted(parents))
    stood = standings(waivers, (verdict for each in found.values() for verdict in each), day)
    return Summary(_outcome(counted, stood), counted, rollups, sum(map(len, found.values())), stood)


def summary_of(record: Record) -> Summary:
    """Add up a record."""
    return summary_under(record.header, record.verdicts)


def summary_under(header: Header, verdicts: Iterable[Verdict]) -> Summary:
    """Add up verdicts under a record's header: its requirements, what does not apply, its waivers on its day."""
    return summarise(header.levels, verdicts, header.not_applicable, header.waivers, header.day)


def parent_of(requirement: str) -> str:
    """``WALL-04`` for ``WALL-04.1``; empty for a requirement that is not a split row."""
    return requirement.rpartition(".")[0]


def counts(summary: Summary, cases: int, observations: int) -> dict[str, int]:
    """The counts of a footer."""
    found = Counter(str(item.ruling) for item in summary.requirements)
    waived = {"waived": summary.waived} if summary.waivers else {}
    return {
        "cases": cases,
        "observations": observations,
        "verdicts": summary.verdicts,
        "requirements": len(summary.requirements),
        **{str(ruling): found[ruling] for ruling in Ruling},
        **waived,
    }


def _standing(
    name: str, level: Level, verdicts: list[Verdict], declared: Mapping[str, str], waived: Waived
) -> Standing:
    if verdicts:
        ruling = worst(verdict.ruling for verdict in verdicts)
        rest = [verdict for verdict in verdicts if waived.by(verdict) is None]
        binding = worst(verdict.ruling for verdict in rest) if rest else None
        reason = _reason(ruling, verdicts, rest, waived)
        return Standing(name, level, ruling, len(verdicts), reason, len(verdicts) - len(rest), binding)
    reason = next((declared[key] for key in _covers(name) if key in declared), "")
    ruling = Ruling.NOT_APPLICABLE if reason else Ruling.INCONCLUSIVE
    return Standing(
        name, level, ruling, reason=f"declared by the target: {reason}" if reason else NOT_RUN, binding=ruling
    )


def _reason(ruling: Ruling, verdicts: list[Verdict], rest: list[Verdict], waived: Waived) -> str:
    """The first verdict that decides, and how many others say the same; a pass needs none.

    A failure that nobody answers for comes before one that is waived.
    """
    if ruling is Ruling.PASS:
        return ""
    deciding = [verdict for verdict in verdicts if verdict.ruling is ruling]
    first = next((verdict for verdict in rest if verdict.ruling is ruling), deciding[0])
    scope = " ".join(filter(None, (first.posture, first.account, first.surface)))
    others = f" (and {len(deciding) - 1:,} more)" if len(deciding) > 1 else ""
    waiver = waived.by(first)
    borne = f" [waived by {waiver.owner} until {waiver.expires}]" if waiver else ""
    return f"{scope}: {first.reason}{others}{borne}" if scope else f"{first.reason}{others}{borne}"


def _covers(name: str) -> tuple[str, ...]:
    """What a declaration may say to speak of a requirement: its id, its parent, its family."""
    return name, parent_of(name), name.partition("-")[0]


def _rollup(parent: str, standings: Iterable[Standing]) -> Standing:
    rows = [item for item in standings if parent in {item.id, parent_of(item.id)}]
    level = Level.MUST if any(item.level is Level.MUST for item in rows) else Level.SHOULD
    binding = [item for item in rows if item.level is level]
    unwaived = [item.binding for item in binding if item.binding is not None]
    return Standing(
        parent,
        level,
        worst(item.ruling for item in binding),
        sum(item.verdicts for item in binding),
        "rolls up " + ", ".join(item.id for item in binding),
        sum(item.waived for item in binding),
        worst(unwaived) if unwaived else None,
    )


def _outcome(standings: Iterable[Standing], waivers: Iterable[WaiverStanding]) -> Outcome:
    """What the run comes to; a waived failure decides nothing, and what else its requirement came to still does."""
    items, states = list(standings), {item.state for item in waivers}
    binding = {item.binding for item in items if item.level is Level.MUST}
    if Ruling.FAIL in binding or WaiverState.EXPIRED in states:
        return Outcome.NOT_CONFORMANT
    if WaiverState.STALE in states:
        return Outcome.WAIVERS_WRONG
    if Ruling.INCONCLUSIVE in binding or not any(item.ruling is Ruling.PASS or item.is_waived for item in items):
        return Outcome.UNDECIDED
    return Outcome.CONFORMANT
