"""Writing a record: append-only JSON lines, each chained to the one before by SHA-256.

    with RecordWriter(folder) as writer:
        writer.header(header)
        observations = writer.case(case, seen, seconds=1.2)
        verdicts = writer.verdicts(judge(observations))
        record = writer.footer(finished="2026-01-01T00:00:00Z")

What `case` and `verdicts` give back is what was written: bounded, valid Unicode, with ids. Judge that, and not what
came from the stage, else a verdict may rest on what the record does not hold.

The record has no name until its footer is written; without one, nothing is left.
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from wallbite import ids, waivers
from wallbite.evidence import folder
from wallbite.evidence.canonical import bounded, canonical, digest
from wallbite.evidence.model import ORIGIN, SCHEMA, Case, Footer, Header, Record, compact
from wallbite.evidence.summary import counts, summary_under
from wallbite.observation import Observation
from wallbite.observations import FIELDS, Observations
from wallbite.verdict import Verdict

BATCH: Final = 500  # observations or verdicts on a line
_SHORT: Final = 256  # characters, far below every bound
_SMALL: Final = 2048  # characters of what was seen, likewise
_FLAT: Final = 6  # lists and mappings in it, and so at most its depth
_UNUSUAL: Final = re.compile(r"\\u|[0-9]{19}")  # other letters, and what may be an integer past its bound
_HEADER_BUDGET: Final = 16 << 20
_HEADER_ITEMS: Final = 100_000
_HEADER_TEXT: Final = 1 << 16
_HEADER_DEPTH: Final = 32


class RecordWriter:
    """Writes one record into a folder; a context manager.

    Raises:
        UsageProblem: on entry, when the folder holds something that is not a report of Wallbite.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._previous, self._lines = ORIGIN, 0
        self._whole = hashlib.sha256()
        self._header: Header | None = None
        self._cases: list[Case] = []
        self.observations = Observations()  # as they were written
        self._verdicts: list[Verdict] = []
        self._digest = ""

    def __enter__(self) -> Self:
        """Claim the folder."""
        folder.claim(self._directory)
        self._file = os.fdopen(folder.create(self._directory), "wb")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave a whole record or none."""
        self._file.close()
        if not self._digest:
            folder.discard(self._directory)

    def header(self, header: Header) -> Header:
        """Write what is known before the first observation.

        Raises:
            RuntimeError: there is a header already.
        """
        if self._header is not None:
            raise RuntimeError("a record has one header")
        kept = bounded(header, text=_HEADER_TEXT, items=_HEADER_ITEMS, depth=_HEADER_DEPTH, budget=_HEADER_BUDGET)
        self._header = header_of(kept)
        self._write("header", {"schema": SCHEMA, "catalogue": self._header.catalogue_digest, **kept})
        return self._header

    def case(
        self, case: Mapping[str, Any], seen: Iterable[Observation], *, seconds: float = 0.0, problem: str | None = None
    ) -> Sequence[Observation]:
        """Write a case and what was observed in it; gives the observations as they were written, with their ids."""
        first, left = len(self.observations), iter(seen)
        while batch := [self._observation(item) for item in itertools.islice(left, BATCH)]:
            self._fitting("observations", [compact(item) for item in batch])
        kept = self.observations[first:]
        params = bounded(case.get("params", {}))
        names = [str(bounded(case.get(name, ""))) for name in ("case", "kind", "posture")]
        entry = Case(names[0], names[1], names[2], params, bounded(problem), round(float(seconds), 3), len(kept))
        self._write("case", {"value": dataclasses.asdict(entry)})
        self._cases.append(entry)
        return kept

    def verdicts(self, verdicts: Iterable[Verdict]) -> tuple[Verdict, ...]:
        """Write verdicts; gives them as they were written."""
        first, left = len(self._verdicts), iter(verdicts)
        while batch := [_verdict(item) for item in itertools.islice(left, BATCH)]:
            self._fitting("verdicts", [compact(item) for item in batch])
            self._verdicts += batch
        return tuple(self._verdicts[first:])

    def footer(self, finished: str, self_test: str = "none") -> Record:
        """Close the record and give it its name.

        Raises:
            RuntimeError: there was no header.
        """
        if self._header is None:
            raise RuntimeError("a record without a header")
        total = summary_under(self._header, self._verdicts)
        entry = Footer(counts(total, len(self._cases), len(self.observations)), total.outcome, finished, self_test)
        self._write("footer", dataclasses.asdict(entry))
        self._file.flush()
        os.fsync(self._file.fileno())
        folder.commit(self._directory)
        self._digest = self._whole.hexdigest()
        found = self.observations, tuple(self._verdicts)
        return Record(self._header, tuple(self._cases), *found, entry, self._digest)

    def _observation(self, item: Observation) -> Observation:
        name = f"o{len(self.observations) + 1}"
        seen = _small(item.seen) if item.seen else item.seen
        if seen is not None and _plain(item):
            one = dataclasses.replace(item, id=name, seen=seen)
            self.observations.append(one)
            return one
        kept = bounded(item)
        values: dict[str, Any] = {name: value if value is None else str(value) for name, value in kept.items()}
        seen = kept["seen"] if isinstance(kept["seen"], dict) else {"seen": kept["seen"]}
        one = Observation(**{**values, "seen": seen, "id": name})
        self.observations.append(one)
        return one

    def _fitting(self, kind: str, items: list[dict[str, Any]]) -> None:
        """One line, or as many as it takes to keep each below the reader's bound."""
        raw = canonical(self._line(kind, {kind: items}))
        if len(items) > 1 and len(raw) > _HEADER_BUDGET:
            self._fitting(kind, items[: len(items) // 2])
            self._fitting(kind, items[len(items) // 2 :])
        else:
            self._append(raw)

    def _line(self, kind: str, value: dict[str, Any]) -> dict[str, Any]:
        """The next line of the record, as it would be."""
        return {**value, "kind": kind, "line": self._lines + 1, "previous": self._previous}

    def _write(self, kind: str, value: dict[str, Any]) -> None:
        line = self._line(kind, value)
        if kind == "footer":
            line["seal"] = seal(line)
        self._append(canonical(line))

    def _append(self, raw: bytes) -> None:
        self._lines += 1
        self._previous = digest(raw)
        self._whole.update(raw + b"\n")
        self._file.write(raw + b"\n")
        self._file.flush()


def _small(seen: Mapping[str, Any]) -> dict[str, Any] | None:
    """What was seen, where there is nothing to bound: little, flat, of letters and of numbers that JSON has."""
    try:
        text = json.dumps(seen, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return None
    nested = text.count("[") + text.count("{")
    if len(text) > _SMALL or nested > _FLAT or _UNUSUAL.search(text):
        return None
    kept: dict[str, Any] = json.loads(text)
    return kept


def _plain(item: Observation) -> bool:
    """Whether there is nothing to bound in its texts: every one is short and of letters. Most are."""
    texts = (getattr(item, field) for field in FIELDS)
    return all(one is None or (type(one) is str and len(one) <= _SHORT and one.isascii()) for one in texts)


def seal(footer: Mapping[str, Any]) -> str:
    """The digest of a footer's line without its seal: no later line vouches for it."""
    return digest(canonical({name: value for name, value in footer.items() if name != "seal"}))


def header_of(value: Mapping[str, Any]) -> Header:
    """The header of its mapping.

    Raises:
        TypeError: a field is unknown or missing.
        ValueError: a waiver is none.
    """
    fields: dict[str, Any] = {name: tuple(item) if isinstance(item, list) else item for name, item in value.items()}
    fields["waivers"] = tuple(map(waivers.from_json, fields.get("waivers", ())))
    return Header(**fields)


def _verdict(item: Verdict) -> Verdict:
    kept = bounded(item)
    values: dict[str, Any] = {name: str(value) for name, value in kept.items()}
    return Verdict(**{**values, "ruling": item.ruling, "evidence": ids.of(map(str, kept["evidence"]))})
