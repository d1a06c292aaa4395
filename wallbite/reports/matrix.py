"""Several records beside each other on one page: the same checks on the systems that people run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wallbite.evidence.model import Record
from wallbite.evidence.reader import locate, read
from wallbite.evidence.summary import Standing, Summary, summary_of
from wallbite.reports.html import TITLES
from wallbite.reports.pages import environment, style
from wallbite.reports.text import LABEL, SYMBOLS, inert
from wallbite.verdict import Ruling

NOT_RUN = "not run"


@dataclass(frozen=True)
class Column:
    """One record, or a folder in which there should be one.

    Attributes:
        name: the folder's.
        record, summary: None where it was not run.
    """

    name: str
    record: Record | None = None
    summary: Summary | None = None

    @property
    def word(self) -> str:
        """Its outcome."""
        return TITLES[self.summary.outcome][0] if self.summary else NOT_RUN

    @property
    def ruling(self) -> str:
        """The colour of its outcome; what was not run is never green."""
        return TITLES[self.summary.outcome][1] if self.summary else str(Ruling.INCONCLUSIVE)

    @property
    def standings(self) -> Mapping[str, Standing]:
        """Where each requirement stands in it."""
        return {item.id: item for item in self.summary.requirements} if self.summary else {}

    def facts(self) -> Iterator[tuple[str, str]]:
        """What it was run on."""
        if self.record is None:
            return
        header = self.record.header
        yield "target", header.target
        yield "stage", header.stage
        for name in ("engine", "image", "image digest", "distribution", "python", "C library", "machine"):
            if name in header.host:
                yield name, str(header.host[name])
        yield "control groups", str(header.kernel.get("cgroup", "unknown"))
        yield "kernel", str(header.kernel.get("release", "unknown"))
        yield "seeded fault", header.fault or "none"
        yield "finished", self.record.footer.finished
        yield "record", self.record.digest


def columns(folders: Iterable[Path]) -> list[Column]:
    """A column for each folder, in their order.

    Raises:
        UsageProblem: a record is not as it was written.
    """
    found = []
    for folder in folders:
        if locate(folder).is_file():
            record = read(folder)
            found.append(Column(folder.name or str(folder), record, summary_of(record)))
        else:
            found.append(Column(folder.name or str(folder)))
    return found


def render(found: Sequence[Column]) -> str:
    """The page."""
    values = {
        **style("report"),
        "symbols": SYMBOLS,
        "columns": [_head(column) for column in found],
        "rows": list(_rows(found)),
        "absent": [inert(column.name, LABEL) for column in found if column.record is None],
    }
    return environment().get_template("matrix.html.j2").render(values)


def _head(column: Column) -> dict[str, Any]:
    return {
        "name": inert(column.name, LABEL),
        "word": column.word,
        "ruling": column.ruling,
        "line": _line(column),
        "facts": [(name, inert(value)) for name, value in column.facts()],
    }


def _line(column: Column) -> str:
    if column.record is None or column.summary is None:
        return "no record in this folder: nothing is known"
    fault = column.record.header.fault
    return f"{column.summary.line}{f' [seeded fault in place: {inert(fault)}]' if fault else ''}"


def _rows(found: Sequence[Column]) -> Iterator[dict[str, Any]]:
    """Each requirement with its cell in each column, and whether the records disagree on it."""
    for name in dict.fromkeys(name for column in found for name in column.standings):
        cells = [_cell(column.standings.get(name), column) for column in found]
        told = {column.standings[name].ruling for column in found if name in column.standings}
        yield {"name": inert(name, LABEL), "level": _level(name, found), "cells": cells, "differs": len(told) > 1}


def _cell(standing: Standing | None, column: Column) -> dict[str, str]:
    if standing is None:
        word = NOT_RUN if column.record is None else "not selected"
        return {"word": word, "shown": "no-verdict", "symbol": "·", "title": word}
    word = str(standing.ruling)
    return {
        "word": word,
        "shown": word.replace(" ", "-"),
        "symbol": SYMBOLS[standing.ruling],
        "title": inert(standing.reason),
    }


def _level(name: str, found: Sequence[Column]) -> str:
    return next(str(column.standings[name].level) for column in found if name in column.standings)
