"""Whatever is changed in a record is found, and the line is named."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.evidence.test_reader import rechain
from wallbite.evidence.model import Record
from wallbite.evidence.verify import State, Verification, verify
from wallbite.exits import ExitCode
from wallbite.verdict import Ruling, Verdict

EACH = settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
FOUND = {State.ALTERED, State.NOT_A_RECORD}


def same(record: Record) -> Iterable[Verdict]:
    """A judge who agrees."""
    return reversed(record.verdicts)


def _altered(record: Path, raw: bytes) -> Verification:
    copy = record.with_name("copy.jsonl")
    copy.write_bytes(raw)
    return verify(copy, same)


def test_an_intact_record_says_what_it_proves(folder: Path) -> None:
    """Self-consistent, and no more; the order of the verdicts does not matter."""
    found = verify(folder, same)
    assert str(found) == "intact: self-consistent, origin not proven"
    assert found.code is ExitCode.CONFORMANT


@given(data=st.data())
@EACH
def test_any_flipped_byte_is_found(record: Path, data: st.DataObject) -> None:
    """One byte of another value, anywhere."""
    raw = bytearray(record.read_bytes())
    place = data.draw(st.integers(0, len(raw) - 1))
    raw[place] ^= data.draw(st.integers(1, 255))
    assert _altered(record, bytes(raw)).state in FOUND


@given(data=st.data())
@EACH
def test_any_removed_or_inserted_bytes_are_found(record: Path, data: st.DataObject) -> None:
    """A byte too many, or some too few."""
    raw = record.read_bytes()
    place = data.draw(st.integers(0, len(raw) - 1))
    gone = data.draw(st.integers(0, 3))
    added = data.draw(st.binary(min_size=0 if gone else 1, max_size=3))
    changed = raw[:place] + added + raw[place + gone :]
    if changed != raw:
        assert _altered(record, changed).state in FOUND


@given(data=st.data())
@EACH
def test_any_removed_moved_or_added_line_is_found(record: Path, data: st.DataObject) -> None:
    """The lines in any other order or number."""
    lines = record.read_bytes().splitlines(keepends=True)
    indices = st.lists(st.integers(0, len(lines) - 1), max_size=len(lines) + 2)
    chosen = data.draw(indices | st.permutations(range(len(lines))))
    changed = b"".join(lines[index] for index in chosen)
    if changed != b"".join(lines):
        assert _altered(record, changed).state in FOUND


def test_every_edited_line_is_named(record: Path) -> None:
    """A character of a text changed in line n, which stays canonical JSON: the finding names n."""
    lines = record.read_bytes().splitlines(keepends=True)
    for number in range(1, len(lines) + 1):
        edited = list(lines)
        edited[number - 1] = lines[number - 1].replace(b"walls", b"wells").replace(b"2026", b"2025")
        if edited == lines:
            edited[number - 1] = lines[number - 1].replace(b"as expected", b"as suspected")
        assert edited != lines
        found = _altered(record, b"".join(edited))
        assert (found.state, found.line) == (State.ALTERED, number), found


def test_a_removed_line_is_named(record: Path) -> None:
    """The finding names the place where it was."""
    lines = record.read_bytes().splitlines(keepends=True)
    for number in range(2, len(lines)):
        found = _altered(record, b"".join(lines[: number - 1] + lines[number:]))
        assert (found.state, found.line) == (State.ALTERED, number)


@pytest.mark.parametrize("raw", [b"", b"\n", b"hello\n", b"{}\n", b'{"kind":"header","schema":"other/1"}\n'])
def test_what_never_was_a_record_is_no_altered_one(tmp_path: Path, raw: bytes) -> None:
    """Exit 2, not 5."""
    (tmp_path / "record.jsonl").write_bytes(raw)
    found = verify(tmp_path)
    assert (found.state, found.code) == (State.NOT_A_RECORD, ExitCode.USAGE)


def test_an_absent_record_is_no_record(tmp_path: Path) -> None:
    """Exit 2."""
    assert verify(tmp_path).state is State.NOT_A_RECORD


def test_a_whitewashed_verdict_is_found_by_judging_again(record: Path) -> None:
    """An editor who computes every digest anew still cannot make the observations agree."""
    lines = list(map(json.loads, record.read_text().splitlines()))
    verdicts = next(line for line in lines if line["kind"] == "verdicts")["verdicts"]
    true = Verdict(**{**verdicts[0], "ruling": Ruling.PASS, "evidence": tuple(verdicts[0]["evidence"])})
    verdicts[0]["reason"] = "looks good"
    record.write_bytes(rechain(lines))
    assert verify(record).state is State.INTACT
    found = verify(record, lambda found: [true, *found.verdicts[1:]])
    assert (found.state, found.code) == (State.ALTERED, ExitCode.ALTERED)
    assert found.lost == (true,)
    assert found.added == (dataclasses.replace(true, reason="looks good"),)


@pytest.mark.parametrize("name", ["o999", "o0", "", "o4294967297", "o" + "9" * 5000])
def test_evidence_that_is_not_there_is_found(record: Path, name: str) -> None:
    """A verdict rests on observations of the record; no name is too long to say so."""
    lines = list(map(json.loads, record.read_text().splitlines()))
    next(line for line in lines if line["kind"] == "verdicts")["verdicts"][0]["evidence"] = [name]
    record.write_bytes(rechain(lines))
    found = verify(record)
    assert found.state is State.ALTERED
    assert repr(name if len(name) <= 40 else f"{name[:40]}...") in found.detail
    assert len(found.detail) < 200
