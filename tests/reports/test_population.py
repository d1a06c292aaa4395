"""The population at a glance."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from wallbite.evidence.model import Record
from wallbite.evidence.reader import read
from wallbite.evidence.summary import summary_of
from wallbite.reports.population import EMPTY, lines, matrices, postures_of
from wallbite.verdict import Ruling, Verdict

BY = "\N{MULTIPLICATION SIGN}"


def test_each_posture_shows_every_account_and_surface(failing: Path) -> None:
    """4 accounts, 25 surfaces, 3 postures; a cell is the worst verdict on its pair."""
    found = matrices(read(failing))
    assert all(matrix.walls for matrix in found)
    assert [(matrix.posture, len(matrix.rows), len(matrix.columns)) for matrix in found] == [
        ("root", 4, 25),
        ("ambient-caps", 4, 25),
        ("file-caps", 4, 25),
    ]
    untrusted = found[1].rows[3]
    assert (untrusted.name, untrusted.cells[0].word) == ("untrusted", "fail")
    assert untrusted.cells[0].title == f"untrusted {BY} age-key: fail (WALL-01)"
    assert found[1].sentence == (f"100 pairs: 2 fail, 98 pass. Failing: beta {BY} config-file, untrusted {BY} age-key.")


def test_a_declared_pair_without_a_verdict_is_shown(conformant: Record) -> None:
    """What was not tried is not hidden."""
    record = replace(conformant, verdicts=tuple(item for item in conformant.verdicts if item.account != "beta"))
    matrix = matrices(record)[0]
    assert set(matrix.rows[1].cells) == {EMPTY}
    assert "25 without a verdict" in matrix.sentence


def test_what_was_not_declared_is_shown_too(conformant: Record) -> None:
    """An account, a surface, an account by itself, a surface without an account."""
    more = (
        Verdict("WALL-01", Ruling.FAIL, "", "root", "ghost", "cellar"),
        Verdict("DROP-01", Ruling.FAIL, "", "root", "alpha"),
        Verdict("MODE-01", Ruling.FAIL, "", "root", "", "vault"),
    )
    walls, others = matrices(replace(conformant, verdicts=more))
    assert [row.name for row in walls.rows] == ["alpha", "beta", "default", "untrusted", "(no account)"]
    assert walls.rows[-1].cells[walls.columns.index("vault")].word == "fail"
    assert [row.name for row in others.rows] == ["alpha", "beta", "default", "untrusted", "ghost"]
    assert others.columns == ("cellar", "(the account itself)")
    assert (others.rows[0].cells[-1].word, others.rows[-1].cells[0].word) == ("fail", "fail")


def test_requirements_stand_against_postures(failing: Path) -> None:
    """Also those that have neither account nor surface."""
    record = read(failing)
    found = {line.standing.id: line for line in lines(record, summary_of(record), postures_of(record))}
    assert [cell.word for cell in found["BOOT-03"].cells] == ["pass", "pass", "fail"]
    assert [cell.word for cell in found["CONF-01"].cells] == ["no verdict"] * 3
