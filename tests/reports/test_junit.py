"""JUnit XML that a CI system cannot misread."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import junitparser
import pytest
import xmlschema
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.evidence import samples
from wallbite.evidence.model import Footer, Record
from wallbite.evidence.reader import read
from wallbite.evidence.summary import summarise, summary_of
from wallbite.reports import junit
from wallbite.verdict import Level, Outcome, Ruling, Verdict

SCHEMA = xmlschema.XMLSchema(Path(__file__).parent / "junit.xsd")
NAMES = st.text(st.characters(), max_size=8)
VERDICTS = st.builds(
    Verdict,
    requirement=st.sampled_from(["WALL-01", "WALL-02", "BOOT-10", "BOOT-03"]),
    ruling=st.sampled_from(Ruling),
    reason=NAMES,
    posture=NAMES,
    account=NAMES,
    surface=NAMES,
)


def parsed(record: Record) -> junitparser.JUnitXml:
    """The file as another program reads it."""
    text = junit.render(record)
    SCHEMA.validate(text)
    return junitparser.JUnitXml.fromstring(text.encode())


def elements(record: Record) -> Counter[str]:
    """How many cases have which element."""
    kinds = (junitparser.Failure, junitparser.Error, junitparser.Skipped)
    found: Counter[str] = Counter()
    for suite in parsed(record):
        for case in suite:
            found[next((kind.__name__ for one in case.result for kind in kinds if isinstance(one, kind)), "pass")] += 1
    return found


def made(verdicts: list[Verdict], levels: dict[str, Level]) -> Record:
    """A record of verdicts alone."""
    sample = samples.Sample(
        walls=tuple(levels), gates=(), should=[name for name, level in levels.items() if level is Level.SHOULD]
    )
    outcome = summarise(levels, verdicts).outcome
    return Record(samples.header(sample), (), (), tuple(verdicts), Footer({}, outcome, "2026-01-01T00:00:00Z"))


def test_every_verdict_is_a_case_of_its_own(conformant: Record) -> None:
    """Nothing is merged while there is room."""
    assert sum(elements(conformant).values()) == len(conformant.verdicts) + 1  # CONF-01 has none


def test_a_failure_has_what_is_needed_to_act(failing: Path) -> None:
    """Reason, evidence and the command that reproduces it."""
    text = junit.render(read(failing))
    assert "untrusted read age-key: OK, expected EACCES" in text
    assert "read age-key → EACCES" in text
    assert "sudo wallbite run reference --posture ambient-caps --select WALL-01 --fault open-config" in text


@pytest.mark.parametrize("name", ["failing", "hostile"])
def test_counts_equal_elements(name: str, request: pytest.FixtureRequest) -> None:
    """What the attributes say is what is there."""
    record = read(request.getfixturevalue(name))
    found, stated = elements(record), parsed(record)
    assert (stated.tests, stated.failures, stated.errors) == (sum(found.values()), found["Failure"], found["Error"])
    for suite in stated:
        assert suite.tests == len(list(suite))


def test_hostile_names_are_visible(hostile: Path) -> None:
    """What XML cannot hold is an escape that can be read."""
    text = junit.render(read(hostile))
    assert "\\x1b[31mred" in text
    assert "abc\\u202egnp.exe" in text
    assert "&lt;script&gt;" in text
    assert not {"\x1b", "\u202e", "\x00", "\ufffe"} & set(text)


@pytest.mark.parametrize(
    ("level", "ruling", "element"),
    [
        (Level.MUST, Ruling.FAIL, "Failure"),
        (Level.MUST, Ruling.INCONCLUSIVE, "Error"),
        (Level.MUST, Ruling.PASS, "pass"),
        (Level.MUST, Ruling.NOT_APPLICABLE, "Skipped"),
        (Level.SHOULD, Ruling.FAIL, "Skipped"),
        (Level.SHOULD, Ruling.INCONCLUSIVE, "Skipped"),
    ],
)
def test_each_ruling_has_its_element(level: Level, ruling: Ruling, element: str) -> None:
    """A SHOULD never turns a pipeline red."""
    verdicts = [Verdict("WALL-01", ruling, "why", "root"), Verdict("WALL-02", Ruling.PASS, "fine", "root")]
    record = made(verdicts, {"WALL-01": level, "WALL-02": Level.MUST})
    assert elements(record) == Counter([element, "pass"])


def test_a_should_that_fails_is_said() -> None:
    """Skipped, with a message that begins with the word."""
    verdicts = [Verdict("BOOT-10", Ruling.FAIL, "no warning", "root")]
    assert 'message="SHOULD, not decisive: fail: no warning"' in junit.render(made(verdicts, {"BOOT-10": Level.SHOULD}))


@given(st.lists(VERDICTS, max_size=12))
@settings(max_examples=60, deadline=None)
def test_red_exactly_where_the_run_is_not_conformant(verdicts: list[Verdict]) -> None:
    """Whatever the names and verdicts: valid, unique, failure for 1, error for 3, neither for 0."""
    levels = {"WALL-01": Level.MUST, "WALL-02": Level.MUST, "BOOT-10": Level.SHOULD, "BOOT-03": Level.MUST}
    record = made(verdicts, levels)
    found = elements(record)
    assert bool(found["Failure"]) == (record.footer.outcome is Outcome.NOT_CONFORMANT)
    if record.footer.outcome is Outcome.UNDECIDED:
        assert found["Error"]
    if record.footer.outcome is Outcome.CONFORMANT:
        assert not found["Error"]


def test_a_file_that_would_be_too_large_is_merged(monkeypatch: pytest.MonkeyPatch, failing: Path) -> None:
    """Surfaces first, then accounts; a failure stays one."""
    record = read(failing)
    whole = sum(elements(record).values())
    monkeypatch.setattr(junit, "LARGEST", 20_000)
    found = elements(record)
    assert sum(found.values()) < whole
    assert found["Failure"]
    assert len(junit.render(record).encode()) <= 20_000


def test_a_waived_failure_is_skipped_and_says_what_it_is(waived: Path) -> None:
    """An expired waiver is a failure of its own, a stale one an error."""
    text = junit.render(read(waived))
    assert 'message="WAIVED, not decisive: fail: untrusted read age-key' in text
    assert "(by Ada Lovelace until 2026-12-31)" in text
    assert "waived by Ada Lovelace until 2026-12-31: The directory moves" in text
    named = {case.name: case.result[0] for suite in parsed(read(waived)) for case in suite if "waiver of" in case.name}
    assert isinstance(named["waiver of BOOT-03 [posture file-caps]"], junitparser.Failure)
    assert isinstance(named["waiver of BOOT-01 [all of it]"], junitparser.Error)


def test_a_merged_case_is_red_for_what_lies_beside_a_waived_failure(waived: Path) -> None:
    """A waiver covers no other verdict that is merged with it."""
    record = read(waived)
    first = next(one for one in record.verdicts if one.ruling is Ruling.FAIL and one.requirement == "WALL-01")
    for ruling, element in ((Ruling.FAIL, "Failure"), (Ruling.INCONCLUSIVE, "Error"), (Ruling.PASS, "Skipped")):
        beside = replace(first, ruling=ruling, account="alpha")
        desk_record = replace(record, verdicts=(first, beside))
        cases = junit._cases(desk_record, summary_of(desk_record), 2)
        found = next(case for case in cases if case.name.startswith("WALL-01"))
        assert found.element == element.lower()
