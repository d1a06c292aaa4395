"""Requirements with their verdicts and what those rest on, cut to a size that can be read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from wallbite.evidence.model import Record
from wallbite.evidence.summary import NOT_RUN, Standing, Summary
from wallbite.evidence.waived import Waived
from wallbite.observation import Observation
from wallbite.observations import ById
from wallbite.reports.controls import Control, controls_of
from wallbite.reports.promises import Promise, promises_of
from wallbite.reports.text import SENTENCE, commands, inert, label, plural, told
from wallbite.verdict import Ruling, Verdict

SHOWN: Final = 60  # verdicts of a finding
QUOTED: Final = 4  # observations of a verdict
ROWS: Final = 6000  # verdicts in the list of all requirements, before passes are grouped
GROUPS: Final = 4000  # lines of that list afterwards
_LONG: Final = 4 * SENTENCE
_NAMES: Final = 400
_WORST_FIRST: Final = {ruling: place for place, ruling in enumerate(Ruling)}


@dataclass(frozen=True, slots=True)
class Entry:
    """A verdict, or several that say the same, as a line of a table; with who answers for it, where somebody does."""

    ruling: str
    posture: str
    account: str
    surface: str
    reason: str
    evidence: tuple[str, ...] = ()
    control: str = ""
    borne: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """A requirement with some of its verdicts.

    Attributes:
        anchor: its name in the page.
        facts: pairs of a heading and a text, from the catalogue.
        controls: what of other frameworks it serves.
        entries: its verdicts; `left` more are not shown.
        commands: what reproduces them.
        promise: what the target's documentation says of it, where the descriptor tells.
    """

    anchor: str
    standing: Standing
    statement: str
    facts: tuple[tuple[str, str], ...]
    entries: tuple[Entry, ...]
    left: str = ""
    commands: tuple[str, ...] = ()
    controls: tuple[Control, ...] = ()
    promise: Promise | None = None


@dataclass(slots=True)
class Desk:
    """A record, indexed."""

    record: Record
    summary: Summary
    verdicts: dict[str, list[Verdict]] = field(default_factory=lambda: defaultdict(list))
    observations: Mapping[str, Observation] = field(default_factory=dict)
    rows: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    anchors: dict[str, str] = field(default_factory=dict)
    promises: dict[str, Promise] = field(default_factory=dict)
    lines: int = 0
    waived: Waived = field(init=False)

    def __post_init__(self) -> None:
        """Index the record."""
        for verdict in self.record.verdicts:
            self.verdicts[verdict.requirement].append(verdict)
        self.waived = Waived(self.record.header.waivers, self.record.header.day)
        self.observations = ById(self.record.observations)
        self.rows = {row["id"]: row for row in self.record.header.requirements}
        self.promises = promises_of(self.record, self.summary)
        items = (*self.summary.requirements, *self.summary.rollups)
        self.anchors = {item.id: f"r{number}" for number, item in enumerate(items)}

    def findings(self, ruling: Ruling) -> Iterator[Finding]:
        """The requirements that stand there, MUST first, with the verdicts that put them there."""
        for item in sorted(self.summary.requirements, key=lambda item: item.level):
            if item.ruling is ruling:
                yield self._finding(item, [one for one in self.verdicts[item.id] if one.ruling is ruling])

    def listed(self) -> Iterator[Finding]:
        """Every requirement with every verdict; passes are grouped where there are very many."""
        few = len(self.record.verdicts) <= ROWS
        for item in self.summary.requirements:
            found = sorted(self.verdicts[item.id], key=lambda one: _WORST_FIRST[one.ruling])
            entries = list(map(self._short, found)) if few else list(self._grouped(found))
            kept = entries[: max(0, GROUPS - self.lines)] if not few else entries
            self.lines += len(kept)
            left = _left(len(entries) - len(kept), "line")
            controls = tuple(controls_of(self.rows.get(item.id, {})))
            told = self.promises.get(item.id)
            yield Finding(self.anchors[item.id], item, *self._row(item), tuple(kept), left, (), controls, told)

    def _finding(self, item: Standing, found: Sequence[Verdict]) -> Finding:
        entries = tuple(map(self._full, found[:SHOWN])) or (Entry(str(item.ruling), "", "", "", inert(item.reason)),)
        left = _left(len(found) - SHOWN, "verdict")
        again = found or [Verdict(item.id, item.ruling, NOT_RUN)]
        lines = tuple(commands(self.record.header, item.id, again))
        controls = tuple(controls_of(self.rows.get(item.id, {})))
        told = self.promises.get(item.id)
        return Finding(self.anchors[item.id], item, *self._row(item), entries, left, lines, controls, told)

    def _row(self, item: Standing) -> tuple[str, tuple[tuple[str, str], ...]]:
        """A requirement's statement, and the rest of its row in the catalogue."""
        row = self.rows.get(item.id, {})
        names = ("expected", "observed", "control", "remediation", "rationale", "source", "vantage")
        facts = ((name, _flat(row[name])) for name in names if row.get(name))
        return inert(row.get("statement", "(not in the record's catalogue)"), _LONG), tuple(facts)

    def _full(self, verdict: Verdict) -> Entry:
        quoted = [self._told(name) for name in verdict.evidence[:QUOTED]]
        if len(verdict.evidence) > QUOTED:
            quoted.append(f"and {plural(len(verdict.evidence) - QUOTED, 'observation')} more")
        return self._entry(verdict, tuple(quoted), self._told(verdict.control) if verdict.control else "")

    def _short(self, verdict: Verdict) -> Entry:
        """As the full one; several observations by what came back."""
        if len(verdict.evidence) == 1:
            return self._entry(verdict, (self._told(verdict.evidence[0]),), label(verdict.control))
        found = [self.observations[name] for name in verdict.evidence if name in self.observations]
        lines = (*_by_errno(found), _names(verdict.evidence)) if verdict.evidence else ()
        return self._entry(verdict, lines, label(verdict.control))

    def _entry(self, verdict: Verdict, evidence: tuple[str, ...], control: str) -> Entry:
        names = label(verdict.posture), label(verdict.account), label(verdict.surface)
        waiver = self.waived.by(verdict)
        borne = f"waived by {inert(waiver.owner)} until {waiver.expires}" if waiver else ""
        return Entry(str(verdict.ruling), *names, inert(verdict.reason), evidence, control, borne)

    def _told(self, name: str) -> str:
        found = self.observations.get(name)
        return f"{label(name)} {told(found)}" if found else f"{label(name)} (not in the record)"

    def _grouped(self, verdicts: Iterable[Verdict]) -> Iterator[Entry]:
        """Verdicts that differ by their surface only, in one line."""
        groups: dict[tuple[Ruling, str, str, bool], list[Verdict]] = defaultdict(list)
        for verdict in verdicts:
            waived = self.waived.by(verdict) is not None
            groups[verdict.ruling, verdict.posture, verdict.account, waived].append(verdict)
        for found in groups.values():
            yield _together(found, self.waived) if len(found) > 1 else self._short(found[0])


def _by_errno(found: Iterable[Observation]) -> Iterator[str]:
    """What was attempted in which layout, by what came back."""
    attempts: dict[tuple[str, str], dict[str, None]] = defaultdict(dict)
    for one in found:
        attempts[one.layout, one.errno or "no errno"][one.operation] = None
    for (layout, errno), operations in attempts.items():
        yield f"{label(layout)}: {_names(list(operations))} \N{RIGHTWARDS ARROW} {label(errno)}"


def _together(found: Sequence[Verdict], waived: Waived) -> Entry:
    first = found[0]
    surfaces = _names([verdict.surface for verdict in found if verdict.surface])
    reasons = len({verdict.reason for verdict in found})
    reason = inert(first.reason) + (f" (and {plural(reasons - 1, 'other reason')})" if reasons > 1 else "")
    evidence = _names([name for verdict in found for name in verdict.evidence])
    controls = _names(list(dict.fromkeys(verdict.control for verdict in found if verdict.control)))
    names = label(first.posture), label(first.account), surfaces
    borne = "waived" if waived.by(first) else ""
    return Entry(str(first.ruling), *names, reason, (evidence,), controls, borne)


def _names(names: Sequence[str]) -> str:
    """An enumeration, cut."""
    text: list[str] = []
    used = 0
    for number, name in enumerate(names):
        used += len(label(name)) + 2
        if used > _NAMES:
            return f"{', '.join(text)} and {len(names) - number:,} more"
        text.append(label(name))
    return ", ".join(text)


def _left(number: int, noun: str) -> str:
    return f"{plural(number, noun)} more; all are in record.jsonl." if number > 0 else ""


def _flat(value: object) -> str:
    """A catalogue's value as a sentence."""
    if isinstance(value, Mapping):
        return "; ".join(f"{inert(name)}: {_flat(item)}" for name, item in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(inert(item) for item in value)
    return inert(value, _LONG)
