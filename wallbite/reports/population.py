"""The whole population at a glance: each account against each surface, each requirement against each posture."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from wallbite.evidence.model import Record
from wallbite.evidence.summary import Standing, Summary
from wallbite.reports.called import declared_by
from wallbite.reports.text import SYMBOLS, label, plural
from wallbite.verdict import Ruling, Verdict, worst

NOTHING: Final = "no verdict"
AS_A_WHOLE: Final = "(as a whole)"
TITLED: Final = 2000  # cells of a matrix that say in a title what their headings say
_NAMED: Final = 4


@dataclass(frozen=True, slots=True)
class Cell:
    """What came of one pair: a word (``pass``...), a symbol, and a longer text where it is not a pass."""

    word: str
    symbol: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a matrix."""

    name: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Matrix:
    """Accounts against surfaces in one posture, and the same in a sentence.

    Attributes:
        walls: whether the columns are the declared surfaces; else they are what else the verdicts name.
        heading: what is against what.
        corner: what the rows are.
    """

    posture: str
    walls: bool
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    sentence: str
    heading: str = "accounts against surfaces"
    corner: str = "account"


@dataclass(frozen=True, slots=True)
class Line:
    """One requirement against the postures."""

    standing: Standing
    statement: str
    cells: tuple[Cell, ...]


EMPTY: Final = Cell(NOTHING, "\N{MIDDLE DOT}")
_PASS: Final = Cell(str(Ruling.PASS), SYMBOLS[Ruling.PASS])

Pair = tuple[str, str]  # account, surface


def matrices(record: Record) -> list[Matrix]:
    """Accounts against surfaces, then against whatever else verdicts name, in each posture with such verdicts.

    Every declared account is a row and every declared surface a column, whether or not anything was tried there. Of a
    library, which has neither, it is the requirements of each family against what their verdicts name.
    """
    if library := declared_by(record.header):
        return list(_of_library(record, list(library["channels"])))
    surfaces = [str(item.get("name", "")) for item in record.header.surfaces]
    declared = set(surfaces)
    walls, others = _by_pair(record, lambda name: name in declared), _by_pair(record, lambda name: name not in declared)
    accounts = record.header.accounts
    postures = postures_of(record)
    return [
        *(_matrix(posture, True, accounts, surfaces, walls[posture]) for posture in postures if posture in walls),
        *(_matrix(posture, False, accounts, (), others[posture]) for posture in postures if posture in others),
    ]


def _of_library(record: Record, channels: Sequence[str]) -> Iterator[Matrix]:
    """The requirements of each family against channels, states and whatever else was tried, in each posture."""
    grouped: dict[Pair, dict[Pair, list[Verdict]]] = defaultdict(lambda: defaultdict(list))
    for verdict in record.verdicts:
        family = verdict.requirement.partition("-")[0]
        grouped[verdict.posture, family][verdict.requirement, verdict.surface].append(verdict)
    rank = {name: place for place, name in enumerate(postures_of(record))}
    for (posture, family), found in sorted(grouped.items(), key=lambda item: rank[item[0][0]]):
        named = [surface for _, surface in found]
        columns = _axis([name for name in channels if name in named], named)
        rows = list(dict.fromkeys(requirement for requirement, _ in found))
        cells = _titled({pair: _cell(_asked(pair), verdicts) for pair, verdicts in found.items()})
        lines = tuple(Row(label(row), tuple(cells.get((row, name), EMPTY) for name in columns)) for row in rows)
        names = tuple(label(name) if name else AS_A_WHOLE for name in columns)
        sentence = _sentence(found, len(found), _asked)
        heading = f"{label(family)} against channels, states and what else was tried"
        yield Matrix(posture, False, names, lines, sentence, heading, "requirement")


def _asked(pair: Pair) -> str:
    requirement, surface = pair
    return f"{label(requirement)} \N{MULTIPLICATION SIGN} {label(surface) if surface else AS_A_WHOLE}"


def _by_pair(record: Record, wanted: Callable[[str], bool]) -> dict[str, dict[Pair, list[Verdict]]]:
    """The verdicts on an account or a surface, by posture and pair."""
    grouped: dict[str, dict[Pair, list[Verdict]]] = {}
    for verdict in record.verdicts:
        if (verdict.account or verdict.surface) and wanted(verdict.surface):
            pairs = grouped.setdefault(verdict.posture, {})
            pairs.setdefault((verdict.account, verdict.surface), []).append(verdict)
    return grouped


def lines(record: Record, summary: Summary, postures: Sequence[str]) -> list[Line]:
    """Each requirement against the postures."""
    found: dict[Pair, list[Verdict]] = defaultdict(list)
    for verdict in record.verdicts:
        found[verdict.requirement, verdict.posture].append(verdict)
    statements = {row["id"]: str(row.get("statement", "")) for row in record.header.requirements}
    return [
        Line(
            item,
            statements.get(item.id, ""),
            tuple(
                _cell(f"{label(item.id)} in {posture or 'any'}", found.get((item.id, posture), []))
                for posture in postures
            ),
        )
        for item in summary.requirements
    ]


def postures_of(record: Record) -> list[str]:
    """The postures that verdicts speak of, in the record's order; the empty one for those that speak of none."""
    found = {verdict.posture for verdict in record.verdicts}
    return [name for name in dict.fromkeys((*record.header.postures, *sorted(found))) if name in found]


def _axis(declared: Iterable[str], found: Iterable[str]) -> list[str]:
    """The names of an axis: those of verdicts beside the declared ones; the empty one last."""
    names = dict.fromkeys((*declared, *found))
    return sorted(names, key=lambda name: not name)


def _matrix(
    posture: str, walls: bool, accounts: Sequence[str], surfaces: Sequence[str], found: Mapping[Pair, list[Verdict]]
) -> Matrix:
    columns = _axis(surfaces, (surface for _, surface in found))
    rows = _axis(accounts, (account for account, _ in found))
    cells = _titled({pair: _cell(_pair(pair), verdicts) for pair, verdicts in found.items()})
    lines = tuple(Row(_row_name(row), tuple(cells.get((row, name), EMPTY) for name in columns)) for row in rows)
    sentence = _sentence(found, len(rows) * len(columns) if walls else len(found))
    heading = "accounts against surfaces" if walls else "what else was judged"
    return Matrix(posture, walls, tuple(map(_column_name, columns)), lines, sentence, heading)


def _titled(cells: dict[Pair, Cell]) -> dict[Pair, Cell]:
    """The cells, without their titles where there are too many: the headings say the same."""
    if sum(1 for cell in cells.values() if cell.title) <= TITLED:
        return cells
    return {pair: Cell(cell.word, cell.symbol) for pair, cell in cells.items()}


def _cell(where: str, verdicts: Sequence[Verdict]) -> Cell:
    if not verdicts:
        return EMPTY
    ruling = worst(verdict.ruling for verdict in verdicts)
    if ruling is Ruling.PASS:
        return _PASS
    names = dict.fromkeys(label(verdict.requirement) for verdict in verdicts if verdict.ruling is ruling)
    return Cell(str(ruling), SYMBOLS[ruling], f"{where}: {ruling} ({', '.join(list(names)[:_NAMED])})")


def _sentence(found: Mapping[Pair, list[Verdict]], size: int, naming: Callable[[Pair], str] | None = None) -> str:
    """The matrix in words."""
    rulings = {pair: worst(verdict.ruling for verdict in verdicts) for pair, verdicts in found.items()}
    counted = Counter(rulings.values())
    parts = [f"{counted[ruling]:,} {ruling}" for ruling in Ruling if counted[ruling] or ruling is Ruling.FAIL]
    failing = [pair for pair, ruling in rulings.items() if ruling is Ruling.FAIL]
    named = ", ".join(map(naming or _pair, failing[:_NAMED]))
    more = f" and {len(failing) - _NAMED:,} more" if len(failing) > _NAMED else ""
    failed = f" Failing: {named}{more}." if failing else ""
    untried = f", {size - len(found):,} without a verdict" if size > len(found) else ""
    return f"{plural(size, 'pair')}: {', '.join(parts)}{untried}.{failed}"


def _pair(pair: Pair) -> str:
    account, surface = pair
    return f"{_row_name(account)} \N{MULTIPLICATION SIGN} {_column_name(surface)}"


def _row_name(account: str) -> str:
    return label(account) if account else "(no account)"


def _column_name(surface: str) -> str:
    return label(surface) if surface else "(the account itself)"
