"""Reading a record back, and refusing what is not one, or is not as it was written."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from wallbite.evidence import model
from wallbite.evidence.folder import RECORD
from wallbite.evidence.lines import Broken, Line, scan
from wallbite.evidence.model import ORIGIN, SCHEMA, Case, Footer, Header, Record
from wallbite.evidence.record import header_of, seal
from wallbite.evidence.summary import counts, summary_of
from wallbite.observations import Observations
from wallbite.problems import UsageProblem
from wallbite.verdict import Outcome, Verdict

_ENVELOPE: Final = {"kind", "line", "previous"}


def read(place: Path) -> Record:
    """The record of a folder, or of a file.

    Raises:
        UsageProblem: it is not a record, or not as it was written; the problem names the line.
    """
    path = locate(place)
    try:
        return load(path)
    except Broken as broken:
        where = f"{path}:{broken.line}" if broken.line else str(path)
        raise UsageProblem(
            broken.detail, where, "a record as `wallbite run` wrote it", "`wallbite verify` says more"
        ) from broken


def locate(place: Path) -> Path:
    """The record's file in a folder; a file is taken for the record itself."""
    return place / RECORD if place.is_dir() else place


def load(path: Path) -> Record:
    """The record of a file.

    Raises:
        Broken: it is not a record, or not as it was written.
    """
    parts = _Parts()
    for line in _chained(path, parts):
        parts.take(line)
    record = parts.whole()
    if fault := inconsistency(record):
        raise Broken(parts.lines, fault)
    return record


def inconsistency(record: Record) -> str:
    """Where the footer's numbers are not what its record adds up to; empty where they are."""
    total = summary_of(record)
    expected = counts(total, len(record.cases), len(record.observations))
    if dict(record.footer.counts) != expected:
        return f"the counts are {dict(record.footer.counts)}, and the lines add up to {expected}"
    if record.footer.outcome is not total.outcome:
        return f"the outcome is {record.footer.outcome}, and the verdicts add up to {total.outcome}"
    stated = sum(case.observations for case in record.cases)
    found = len(record.observations)
    return "" if stated == found else f"the cases say that they gave {stated} observations, and there are {found}"


def _chained(path: Path, parts: _Parts) -> Iterator[Line]:
    """The lines, each held against the digest of the one before; digests what it reads."""
    previous = ORIGIN
    for line in scan(path):
        parts.digest.update(line.raw + b"\n")
        if line.number == 1 and (line.value.get("kind"), line.value.get("schema")) != ("header", SCHEMA):
            raise Broken(1, f"not the header of a record in the schema {SCHEMA}")
        if line.value.get("line") != line.number:
            raise Broken(line.number, "out of place: lines were removed, added or moved here")
        if line.value.get("previous") != previous:
            raise Broken(max(1, line.number - 1), f"not the line that line {line.number} was chained to")
        previous = hashlib.sha256(line.raw).hexdigest()
        yield line


@dataclass(slots=True)
class _Parts:
    """What was read so far."""

    header: Header | None = None
    footer: Footer | None = None
    cases: list[Case] = field(default_factory=list)
    observations: Observations = field(default_factory=Observations)
    verdicts: list[Verdict] = field(default_factory=list)
    lines: int = 0
    digest: Any = field(default_factory=hashlib.sha256)

    def take(self, line: Line) -> None:
        """Add one line."""
        self.lines = line.number
        kind = line.value.get("kind")
        take = self._takers().get(kind if isinstance(kind, str) else "")
        if take is None:
            raise Broken(line.number, "unknown kind of line")
        if self.footer is not None:
            raise Broken(line.number, "comes after the footer")
        try:
            take({name: value for name, value in line.value.items() if name not in _ENVELOPE})
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise Broken(line.number, f"not a sound {kind}: {error}") from error
        if kind == "footer" and line.value.get("seal") != seal(line.value):
            raise Broken(line.number, "the footer is not as it was written")

    def whole(self) -> Record:
        """The record."""
        if self.header is None or self.footer is None:
            raise Broken(self.lines, "the record ends without a footer")
        found = tuple(self.cases), self.observations, tuple(self.verdicts)
        return Record(self.header, *found, self.footer, self.digest.hexdigest())

    def _takers(self) -> dict[str, Callable[[dict[str, Any]], None]]:
        return {
            "header": self._header,
            "case": self._case,
            "observations": self._observations,
            "verdicts": self._verdicts,
            "footer": self._footer,
        }

    def _header(self, value: dict[str, Any]) -> None:
        if self.header is not None:
            raise ValueError("there is one already")
        del value["schema"]
        stated = value.pop("catalogue")
        header = header_of(value)
        header.levels  # noqa: B018 - raises where an id or a level is missing
        if stated != header.catalogue_digest:
            raise ValueError("the catalogue is not the one that its digest names")
        self.header = header

    def _case(self, value: dict[str, Any]) -> None:
        self.cases.append(Case(**value["value"]))

    def _observations(self, value: dict[str, Any]) -> None:
        for item in value["observations"]:
            found = model.observation(item)
            self.observations.append(found)
            if found.id != f"o{len(self.observations)}":
                raise ValueError(f"observation {found.id!r} is out of order")

    def _verdicts(self, value: dict[str, Any]) -> None:
        self.verdicts.extend(model.verdict(item) for item in value["verdicts"])

    def _footer(self, value: dict[str, Any]) -> None:
        del value["seal"]
        self.footer = Footer(**{**value, "outcome": Outcome(value["outcome"])})
