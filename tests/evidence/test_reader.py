"""Reading a record back."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.evidence import samples
from wallbite import waivers
from wallbite.evidence.canonical import canonical, digest
from wallbite.evidence.folder import RECORD
from wallbite.evidence.model import ORIGIN
from wallbite.evidence.reader import read
from wallbite.evidence.record import seal
from wallbite.problems import UsageProblem

Line = dict[str, Any]


def rechain(lines: list[Line]) -> bytes:
    """The lines as somebody would write them who computes every digest anew."""
    previous, written = ORIGIN, b""
    for number, line in enumerate(lines, 1):
        line |= {"previous": previous, "line": number}
        if line["kind"] == "footer":
            line["seal"] = seal(line)
        raw = canonical(line)
        previous = digest(raw)
        written += raw + b"\n"
    return written


def _refused(path: Path, words: str) -> None:
    with pytest.raises(UsageProblem, match=words):
        read(path)


def test_a_file_is_taken_for_the_record(record: Path, folder: Path) -> None:
    """A folder and the record in it read the same."""
    assert read(record) == read(folder)


def test_an_empty_record_is_refused(record: Path) -> None:
    """Nothing is no record."""
    record.write_bytes(b"")
    _refused(record, "the record is empty")


def test_an_absent_record_is_refused(tmp_path: Path) -> None:
    """The problem names the path."""
    _refused(tmp_path, f"{RECORD}: No such file")


def test_a_record_without_a_footer_is_refused(record: Path) -> None:
    """A run that was cut short has no record."""
    lines = record.read_bytes().splitlines(keepends=True)
    record.write_bytes(b"".join(lines[:-1]))
    _refused(record, "ends without a footer")


def test_a_duplicate_key_is_refused(record: Path) -> None:
    """Two values under one name are two stories."""
    raw = record.read_bytes()
    record.write_bytes(raw.replace(b'{"accounts":', b'{"accounts":[],"accounts":', 1))
    _refused(record, "record.jsonl:1: .*duplicate key 'accounts'")


def test_a_symlink_or_a_fifo_is_refused(record: Path, tmp_path: Path) -> None:
    """Only a regular file is read, and nothing waits for a writer."""
    (tmp_path / "link").symlink_to(record)
    _refused(tmp_path / "link", "symbolic link|too many levels|Too many")
    record.unlink()
    os.mkfifo(record)
    _refused(record, "not a regular file")


@pytest.mark.parametrize("raw", [b"[" * 100_000 + b"\n", b"1" * 5000 + b"\n", b"\xff\n", b"NaN\n", b"[]\n", b"{}"])
def test_nonsense_is_refused(record: Path, raw: bytes) -> None:
    """Deep nesting, huge numbers, bytes that are no text: one line for the user, no traceback."""
    record.write_bytes(raw)
    _refused(record, "record.jsonl:1: ")


def _rehead(lines: list[Line]) -> None:
    lines.insert(1, dict(lines[0]))


def _two_footers(lines: list[Line]) -> None:
    lines.append(dict(lines[-1]))


def _unknown_kind(lines: list[Line]) -> None:
    lines[1]["kind"] = "waiver"


def _verdict_without_reason(lines: list[Line]) -> None:
    del next(line for line in lines if line["kind"] == "verdicts")["verdicts"][0]["reason"]


def _unknown_ruling(lines: list[Line]) -> None:
    next(line for line in lines if line["kind"] == "verdicts")["verdicts"][0]["ruling"] = "fine"


def _renamed_observation(lines: list[Line]) -> None:
    next(line for line in lines if line["kind"] == "observations")["observations"][0]["id"] = "o9"


def _other_catalogue(lines: list[Line]) -> None:
    lines[0]["requirements"].pop()


def _other_counts(lines: list[Line]) -> None:
    lines[-1]["counts"]["fail"] = 7


def _other_outcome(lines: list[Line]) -> None:
    lines[-1]["outcome"] = "conformant"


def _fewer_observations(lines: list[Line]) -> None:
    found = next(line for line in lines if line["kind"] == "case")
    found["value"]["observations"] -= 1


def _object_for_text(lines: list[Line]) -> None:
    next(line for line in lines if line["kind"] == "observations")["observations"][0]["account"] = {}


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (_rehead, "there is one already"),
        (_two_footers, "comes after the footer"),
        (_unknown_kind, "unknown kind of line"),
        (_verdict_without_reason, "'reason' is missing"),
        (_unknown_ruling, "not a valid Ruling"),
        (_renamed_observation, "out of order"),
        (_other_catalogue, "not the one that its digest names"),
        (_other_counts, "the lines add up to"),
        (_other_outcome, "the verdicts add up to"),
        (_fewer_observations, "observations, and there are"),
        (_object_for_text, "is not text"),
    ],
)
def test_a_record_that_contradicts_itself_is_refused(
    record: Path, edit: Callable[[list[Line]], None], words: str
) -> None:
    """Even where every digest was computed anew."""
    lines = list(map(json.loads, record.read_text().splitlines()))
    edit(lines)
    record.write_bytes(rechain(lines))
    _refused(record, words)


def test_a_record_from_before_there_were_waivers_is_read(record: Path) -> None:
    """Its header and its counts say nothing of them."""
    lines = list(map(json.loads, record.read_text().splitlines()))
    for name in ("waivers", "waivers_digest", "descriptor_file"):
        del lines[0][name]
    record.write_bytes(rechain(lines))
    assert read(record).header.waivers == ()


def test_a_waiver_that_is_none_breaks_the_header(record: Path) -> None:
    """A record is not rendered under a waiver without an end."""
    lines = list(map(json.loads, record.read_text().splitlines()))
    sound = waivers.as_json(samples.borne("WALL-01"))
    for change in ({"expires": "never"}, {"owner": None}, {"until": "2027-01-01"}):
        lines[0]["waivers"] = [{**sound, **change}]
        record.write_bytes(rechain(lines))
        _refused(record, "not a sound header")
