"""The self-test as one HTML page: the kill matrix as a picture, and whatever is not as it must be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from wallbite import __version__
from wallbite.reports.pages import environment, style
from wallbite.selftest.options import FAULTS, PARTS, TARGETS, VARIANTS
from wallbite.selftest.outcome import Mark
from wallbite.selftest.result import SelfTest

CELL: Final = 9  # pixels, its gap included
LEFT: Final = 330  # for the names of trials
TOP: Final = 78  # for the ids of requirements
GAP: Final = 7  # between two families
_SAYS: Final = {
    Mark.KILLED: "failed, as it must",
    Mark.MISSED: "did not fail for the named reason",
    Mark.ALARM: "said what nothing here gives reason to say",
    Mark.UNDECIDED: "undecided, and must not be",
    Mark.WITHHELD: "undecided, as it must be",
    Mark.GREEN: "judged, and green, as it must be",
}
_TITLES: Final = {FAULTS: "Seeded faults", VARIANTS: "Conformant variants", TARGETS: "Bad targets"}


@dataclass(frozen=True)
class Cell:
    """A marked cell of the picture, and what it says when it is pointed at."""

    x: int
    y: int
    mark: str
    title: str


@dataclass(frozen=True)
class Picture:
    """The matrix of one part."""

    part: str
    title: str
    width: int
    height: int
    families: tuple[tuple[str, int], ...]
    columns: tuple[tuple[str, int], ...]
    rows: tuple[tuple[str, str, int, bool], ...]
    cells: tuple[Cell, ...]
    green: str  # one path, since there are very many of them


def render(found: SelfTest) -> str:
    """The page."""
    return environment().get_template("selftest.html.j2").render(_values(found))


def _values(found: SelfTest) -> dict[str, Any]:
    return {
        **style("selftest"),
        "found": found,
        "version": __version__,
        "legend": [(str(mark), says) for mark, says in _SAYS.items()],
        "pictures": [picture(found, part) for part in PARTS if found.of(part)],
        "wrong": [row for row in found.rows if not row.outcome.well],
        "cell": CELL,
        "top": TOP,
        "left": LEFT,
    }


def picture(found: SelfTest, part: str) -> Picture:
    """Rows are trials, columns are requirements."""
    families, columns = _columns(found)
    rows, cells, green = [], [], []
    for number, row in enumerate(found.of(part)):
        y = TOP + number * CELL
        rows.append((row.name, row.says, y, row.outcome.well))
        for requirement, mark in row.outcome.marks.items():
            x = columns[requirement]
            if mark is Mark.GREEN:
                green.append(f"M{x} {y}h{CELL - 1}v{CELL - 1}h-{CELL - 1}z")
            else:
                cells.append(
                    Cell(x, y, str(mark), f"{row.name}, {requirement}: {_said(row.outcome.named, requirement, mark)}")
                )
    width = max(columns.values(), default=LEFT) + CELL + 2
    height = TOP + len(rows) * CELL + 2
    return Picture(
        part, _TITLES[part], width, height, families, tuple(columns.items()), tuple(rows), tuple(cells), "".join(green)
    )


def _columns(found: SelfTest) -> tuple[tuple[tuple[str, int], ...], dict[str, int]]:
    """Where the families and the requirements stand, from the left."""
    families, x = [], LEFT
    columns: dict[str, int] = {}
    for family, names in found.families.items():
        families.append((family, x))
        columns |= {name: x + CELL * at for at, name in enumerate(names)}
        x += CELL * len(names) + GAP
    return tuple(families), columns


def _said(named: Mapping[str, str], requirement: str, mark: Mark) -> str:
    reason = named.get(requirement)
    return _SAYS[mark] + (f" ({reason})" if reason and mark is Mark.KILLED else "")
