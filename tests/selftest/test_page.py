"""The page and the table: every mark is shown, what is wrong is told, and nothing in a name does anything."""

from __future__ import annotations

import re
from pathlib import Path

from wallbite.selftest.options import SelfTestOptions
from wallbite.selftest.outcome import Mark, Outcome
from wallbite.selftest.page import render
from wallbite.selftest.result import Row, SelfTest
from wallbite.selftest.table import lines

HOSTILE = "\x1b[2J<script>alert(1)</script> ]]> \u202e"


def found(*rows: Row, gaps: tuple[str, ...] = ()) -> SelfTest:
    """A self-test of two families."""
    families = {"WALL": ("WALL-01", "WALL-02"), "DROP": ("DROP-01",)}
    named = {"WALL-01": ("broken",)}
    return SelfTest(SelfTestOptions(out=Path("out")), rows, families, gaps, named, "0" * 64, "then", "now")


def row(name: str, *problems: str, says: str = "It is broken.", **marks: Mark) -> Row:
    """A trial of the faults; marks by id, with _ for -."""
    by_id = {key.replace("_", "-"): mark for key, mark in marks.items()}
    return Row("faults", name, says, 1.0, Outcome(("root",), by_id, problems, {"WALL-01": "0644"}))


def test_every_mark_is_a_cell() -> None:
    """Where its row and its column meet."""
    one, two = row("one", WALL_01=Mark.KILLED, DROP_01=Mark.GREEN), row("two", "missed", WALL_01=Mark.MISSED)
    page = render(found(one, two))
    (killed,), (missed,) = (
        re.findall(rf'<rect class="{mark}" x="(\d+)" y="(\d+)"', page) for mark in ("killed", "missed")
    )
    assert killed[0] == missed[0]
    assert int(missed[1]) > int(killed[1])
    assert re.search(r'<path class="green" d="M\d+ \d+h8v8h-8z">', page)


def test_whatever_is_wrong_is_told() -> None:
    """Gaps and problems, on the page and on the screen."""
    wrong = found(row("one", "WALL-01 did not notice it", WALL_01=Mark.MISSED), gaps=("DROP-01 has no check",))
    said = "\n".join(lines(wrong))
    for text in (said, render(wrong)):
        assert "WALL-01 did not notice it" in text
        assert "DROP-01 has no check" in text
        assert "self-test failed: 0 of 1 faults noticed; 1 gaps" in text
    assert not wrong.passed


def test_nothing_tried_is_nothing_passed() -> None:
    """No rows, no pass."""
    assert not found().passed
    assert "self-test failed: nothing was tried" in list(lines(found()))[-2]


def test_hostile_words_do_nothing() -> None:
    """In a name, a sentence, a problem and a gap."""
    page = render(found(row(HOSTILE, HOSTILE, says=HOSTILE, WALL_01=Mark.MISSED), gaps=(HOSTILE,)))
    assert "<script" not in page
    assert not re.search("[\x1b\u202e]", page)
    assert not re.search("[\x1b\u202e]", "\n".join(lines(found(row(HOSTILE, HOSTILE, WALL_01=Mark.MISSED)))))
