"""What is different between two records, and whether it is for the worse."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.evidence import samples
from wallbite.evidence import diff
from wallbite.evidence.diff import Change, compare
from wallbite.evidence.model import Footer, Header, Record
from wallbite.verdict import Outcome, Ruling, Verdict


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Record:
    """A record in which nothing fails."""
    return samples.write(tmp_path_factory.mktemp("old") / "out")


def kinds(changes: list[Change]) -> set[str]:
    """The kinds of some changes."""
    return {one.kind for one in changes}


def with_header(record: Record, **fields: Any) -> Record:
    """A record with some fields of its header changed."""
    header: Header = replace(record.header, **fields)
    return replace(record, header=header)


def planted(record: Record, name: str, **fields: Any) -> Record:
    """A record in which the first verdict on a requirement is another one."""
    place = next(number for number, one in enumerate(record.verdicts) if one.requirement == name)
    changed = replace(record.verdicts[place], **fields)
    return replace(record, verdicts=(*record.verdicts[:place], changed, *record.verdicts[place + 1 :]))


def test_a_record_does_not_differ_from_itself(old: Record) -> None:
    """Nothing at all."""
    assert compare(old, old) == []


def test_a_new_failure_is_for_the_worse(old: Record) -> None:
    """Named with what it speaks of and its reason; seen from the other side it is newly passing."""
    new = planted(old, "WALL-01", ruling=Ruling.FAIL, reason="wide open")
    found = compare(old, new)
    assert kinds(found) == {diff.OUTCOME, diff.FAILING}
    assert found[1] == Change(diff.FAILING, "WALL-01 root alpha age-key", "pass -> fail: wide open", worse=True)
    back = compare(new, old)
    assert kinds(back) == {diff.OUTCOME, diff.PASSING}
    assert not any(one.worse for one in back)


def test_a_new_failure_is_for_the_worse_even_when_it_is_waived(old: Record) -> None:
    """The outcome is the same, and the wall is not."""
    new = with_header(planted(old, "WALL-01", ruling=Ruling.FAIL), waivers=(samples.borne("WALL-01"),))
    found = compare(old, new)
    assert kinds(found) == {diff.FAILING, diff.WAIVERS}
    assert any(one.worse for one in found)


@pytest.mark.parametrize("ruling", [Ruling.NOT_APPLICABLE, None])
@pytest.mark.parametrize("before", [Ruling.PASS, Ruling.FAIL])
def test_what_is_no_longer_judged_is_for_the_worse(old: Record, before: Ruling, ruling: Ruling | None) -> None:
    """A failure that nobody looks at any more has not been mended."""
    first = planted(old, "WALL-01", ruling=before)
    second = planted(first, "WALL-01", ruling=ruling or before)
    if ruling is None:
        gone = next(one for one in first.verdicts if one.requirement == "WALL-01")
        second = replace(first, verdicts=tuple(one for one in first.verdicts if one is not gone))
    found = [one for one in compare(first, second) if one.kind == diff.LOST]
    assert len(found) == 1
    assert found[0].worse


def test_what_can_no_longer_be_decided_is_for_the_worse(old: Record) -> None:
    """A broken run is not a better one."""
    found = compare(old, planted(old, "WALL-01", ruling=Ruling.INCONCLUSIVE))
    assert [one.kind for one in found if one.worse] == [diff.OUTCOME, diff.UNDECIDED]


def test_other_evidence_for_the_same_verdict_is_shown(old: Record) -> None:
    """What came back is another errno."""
    place = next(number for number, one in enumerate(old.observations) if one.vantage == "spawned")
    changed = replace(old.observations[place], errno="EPERM")
    new = replace(old, observations=(*old.observations[:place], changed, *old.observations[place + 1 :]))
    found = compare(old, new)
    assert kinds(found) == {diff.EVIDENCE}
    assert "EACCES -> " in found[0].detail
    assert found[0].detail.endswith("EPERM")
    assert not any(one.worse for one in found)


def test_what_is_seen_besides_is_no_change(old: Record) -> None:
    """Process ids and times differ from run to run."""
    new = replace(old, observations=tuple(replace(one, seen={"pid": 7}) for one in old.observations))
    assert compare(old, new) == []


@pytest.mark.parametrize(
    ("fields", "what", "worse"),
    [
        ({"accounts": ("alpha", "beta")}, "gone: default, untrusted", True),
        ({"accounts": (*samples.ACCOUNTS, "gamma")}, "new: gamma", False),
        ({"postures": ("root",)}, "gone: ambient-caps, file-caps", True),
        ({"surfaces": ()}, "gone: age-key", True),
        ({"target": "other"}, "reference -> other", False),
        ({"stage": "container"}, "namespace -> container", False),
        ({"fault": "open-config"}, "none -> open-config", False),
    ],
)
def test_the_population_is_compared(old: Record, fields: dict[str, Any], what: str, worse: bool) -> None:
    """What is gone is for the worse; what is new is shown."""
    found = [one for one in compare(old, with_header(old, **fields)) if one.kind == diff.POPULATION]
    assert [what in one.detail for one in found] == [True]
    assert found[0].worse is worse


def test_the_catalogue_is_compared(old: Record) -> None:
    """A row that changed is named with its fields; one that is gone or binds less is for the worse."""
    first, second, *rest = old.header.requirements
    new = with_header(old, requirements=({**first, "level": "SHOULD"}, {**second, "expected": "OK"}, *rest[:-1]))
    found = {one.what: one for one in compare(old, new) if one.kind == diff.CATALOGUE}
    assert found["BOOT-01"].detail == "changed: level"
    assert found["BOOT-01"].worse
    assert found["BOOT-02"].detail == "changed: expected"
    assert not found["BOOT-02"].worse
    assert found["requirements"].detail == "gone: WALL-04.2"
    assert found["requirements"].worse


VERDICTS = st.lists(
    st.builds(
        Verdict,
        st.sampled_from(["BOOT-01", "WALL-01"]),
        st.sampled_from(Ruling),
        st.just("why"),
        st.sampled_from(["root", "file-caps"]),
    ),
    max_size=6,
)


def made(verdicts: list[Verdict]) -> Record:
    """A record of verdicts alone."""
    header = samples.header(samples.Sample(walls=("WALL-01",), gates=("BOOT-01",)))
    return Record(header, (), (), tuple(verdicts), Footer({}, Outcome.UNDECIDED, "2026-01-02T03:04:15Z"))


@given(VERDICTS, VERDICTS)
def test_nothing_fails_anew_without_being_for_the_worse(before: list[Verdict], after: list[Verdict]) -> None:
    """Whatever stood there before; and what is the same record never differs."""
    old, new = made(before), made(after)
    failing = [
        {(one.requirement, one.posture) for one in each if one.ruling is Ruling.FAIL} for each in (before, after)
    ]
    found = compare(old, new)
    if failing[1] - failing[0]:
        assert any(one.worse for one in found if one.kind == diff.FAILING)
    assert compare(new, new) == []
    assert all(one.kind in diff.KINDS for one in found)


def test_records_are_read_from_folders(tmp_path: Path) -> None:
    """As a run wrote them."""
    samples.write(tmp_path / "old")
    new = samples.write(tmp_path / "new", samples.Sample(planted=samples.failing))
    assert {one.kind for one in compare(made([]), new)} >= {diff.FAILING, diff.PASSING}
