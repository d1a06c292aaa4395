"""Markdown for a job's summary."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.evidence import samples
from wallbite.evidence.model import Record
from wallbite.evidence.reader import read
from wallbite.reports import markdown
from wallbite.verdict import Ruling, Verdict

ALLOWED = {"details", "summary", "code", "br"}


def test_failures_are_open_and_the_rest_is_folded(failing: Path) -> None:
    """Outcome and summary first, then each failure with what to do."""
    text = markdown.render(read(failing))
    head, _, rest = text.partition("<details>")
    assert text.startswith("## ❌ Not conformant: The reference runtime\n\n**not-conformant: 5 pass, 4 fail")
    for words in ("WALL-01 (MUST)", "expected EACCES", "**Remediation:**", "sudo wallbite run reference"):
        assert words in head
    assert "seeded fault **open-config**" in head
    assert "SIDE, INST" in head
    assert "Residuals" in rest
    assert text.count("<details>") == text.count("</details>")


def test_a_conformant_run_is_short(conformant: Record) -> None:
    """No failures, no noise before the folds."""
    text = markdown.render(conformant)
    assert text.startswith("## ✅ Conformant")
    assert "###" not in text


def test_hostile_names_do_nothing(hostile: Path) -> None:
    """No tag, link, mention, table cell or control character comes from a name."""
    text = markdown.render(read(hostile))
    assert set(re.findall(r"</?([a-z]+)", text)) <= ALLOWED
    assert not re.search(r"[@`\x00\x1b\u202e]", text)
    assert "https://evil" not in text
    assert "www.evil" not in text
    assert "](" not in text
    assert "\\u202e" in text.replace("&#92;", "\\")


@given(st.text(st.characters()))
def test_an_escaped_text_is_one_line_without_syntax(text: str) -> None:
    """Whatever it holds."""
    shown = markdown.escaped(text)
    shown.encode()
    assert shown.isprintable()
    assert not re.search(r"[<>`|*_\[\]~$@]|&(?!#\d+;)", shown)


def test_it_stays_below_a_mebibyte(tmp_path: Path) -> None:
    """What does not fit is said."""

    def fail(verdict: Verdict) -> Verdict:
        return replace(verdict, ruling=Ruling.FAIL, reason="<" * 4096)

    walls = tuple(f"WALL-{number}" for number in range(300))
    accounts = tuple(f"a{number}" for number in range(60))
    record = samples.write(tmp_path / "out", samples.Sample(walls=walls, accounts=accounts, planted=fail))
    text = markdown.render(record)
    assert len(text.encode()) < 1 << 20
    assert "left out for size" in text[-200:]


@pytest.mark.parametrize("name", ["failing", "hostile", "large"])
def test_it_can_be_encoded(name: str, request: pytest.FixtureRequest) -> None:
    """No lone surrogate remains."""
    markdown.render(read(request.getfixturevalue(name))).encode()


def test_waivers_are_open_and_take_nothing_away(waived: Path) -> None:
    """Each with its state, and the failure with who answers for it."""
    head, _, _ = markdown.render(read(waived)).partition("<details>")
    assert "(waived by Ada Lovelace until 2026-12-31): untrusted read age-key" in head
    assert "| WALL-01 | account untrusted | in force | Ada Lovelace | 2026-12-31 |" in head
    assert "| BOOT-03 | posture file-caps | expired |" in head
