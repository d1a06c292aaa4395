"""Writing a record, and the folder that it is written to."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from tests.evidence import samples
from wallbite.content import content
from wallbite.evidence.canonical import bounded, digest
from wallbite.evidence.folder import RECORD
from wallbite.evidence.model import ORIGIN
from wallbite.evidence.reader import read
from wallbite.evidence.record import BATCH, RecordWriter
from wallbite.observation import Observation
from wallbite.problems import UsageProblem
from wallbite.verdict import Ruling, Verdict

HOSTILE = "<script>\x1b[31m\u202e]]>\ncaf\udce9" + "x" * 5000


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_was_written_is_what_is_read(tmp_path: Path) -> None:
    """The reader gives the same record as the writer, its digest included."""
    written = samples.write(tmp_path / "out", samples.Sample(planted=samples.failing, fault="open-key"))
    assert read(tmp_path / "out") == written


def test_each_line_is_chained_to_the_one_before(record: Path) -> None:
    """Every line holds the SHA-256 of the bytes of the line before, the first one zeros."""
    lines = record.read_bytes().splitlines()
    stated = [json.loads(line)["previous"] for line in lines]
    assert stated == [ORIGIN, *(digest(line) for line in lines[:-1])]


def test_every_line_keeps_the_schema(tmp_path: Path) -> None:
    """The published schema describes what is written, hostile values included."""
    sample = samples.Sample(accounts=(HOSTILE, "beta"), planted=samples.failing, fault="open-key")
    samples.write(tmp_path / "out", sample)
    schema = json.loads(content("reports", "schemas", "record.schema.json").read_text())
    validator = jsonschema_rs.validator_for(schema)
    for line in (tmp_path / "out" / RECORD).read_text().splitlines():
        validator.validate(json.loads(line))


def test_the_same_run_gives_the_same_bytes(tmp_path: Path) -> None:
    """A record depends on nothing but what was recorded."""
    digests = {samples.write(tmp_path / name).digest for name in ("one", "two")}
    assert len(digests) == 1


def test_observations_come_back_as_they_were_written(tmp_path: Path) -> None:
    """The writer's answer is bounded, valid Unicode, and has ids: it is what may be judged."""
    one = Observation("c", "walls", "root", "spawned", HOSTILE, "attempt", "read", "key", seen={"n": float("nan")})
    with RecordWriter(tmp_path / "out") as writer:
        writer.header(samples.header(samples.Sample()))
        kept = writer.case({"case": "c", "kind": "walls", "posture": "root"}, [one, one])
        record = writer.footer("2026-01-01T00:00:00Z")
    assert [item.id for item in kept] == ["o1", "o2"]
    assert kept[0].seen == {"n": "nan"}
    assert len(kept[0].account) < 4200
    assert record.observations == kept == read(tmp_path / "out").observations


def test_an_observation_of_nobody_comes_back(tmp_path: Path) -> None:
    """Whose attempt it was may be empty: a verdict leaves such a field out, an observation has it always."""
    one = Observation("c", "spawns", "root", "spawned", "", "ungranted", "identity", "spawned")
    with RecordWriter(tmp_path / "out") as writer:
        writer.header(samples.header(samples.Sample()))
        kept = writer.case({"case": "c", "kind": "spawns", "posture": "root"}, [one])
        writer.footer("2026-01-01T00:00:00Z")
    assert read(tmp_path / "out").observations == tuple(kept)


def test_many_observations_are_written_in_batches(tmp_path: Path) -> None:
    """No line holds more than one batch."""
    samples.write(tmp_path / "out", samples.Sample(noise=BATCH + 1, postures=("root",)))
    lines = map(json.loads, (tmp_path / "out" / RECORD).read_text().splitlines())
    sizes = [len(line["observations"]) for line in lines if line["kind"] == "observations"]
    assert len(sizes) == 2
    assert max(sizes) == BATCH


def _break_off(folder: Path) -> None:
    with RecordWriter(folder) as writer:
        writer.header(samples.header(samples.Sample()))
        raise ZeroDivisionError


def test_a_run_that_breaks_leaves_nothing(tmp_path: Path) -> None:
    """Without a footer there is no record, and no folder that was made for it."""
    with pytest.raises(ZeroDivisionError):
        _break_off(tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_breaks_leaves_the_older_report(folder: Path) -> None:
    """The older report stays whole until the new one is."""
    (folder / "report.html").write_text("old")
    before = read(folder)
    with pytest.raises(ZeroDivisionError):
        _break_off(folder)
    assert read(folder) == before
    assert _names(folder) == [RECORD, "report.html"]


def test_an_older_report_is_replaced_as_a_whole(folder: Path) -> None:
    """No rendering of the older record stays beside the new record."""
    (folder / "report.html").write_text("old")
    (folder / "junit.xml").write_text("old")
    samples.write(folder)
    assert _names(folder) == [RECORD]


def _alien(folder: Path) -> None:
    (folder / "thesis.tex").write_text("years of work")


def _alien_beside_a_record(folder: Path) -> None:
    samples.write(folder)
    _alien(folder)


def _no_record(folder: Path) -> None:
    (folder / RECORD).write_text('{"kind":"header"}\n')


def _rendering_alone(folder: Path) -> None:
    (folder / "report.html").write_text("somebody's own")


def _linked_record(folder: Path) -> None:
    samples.write(folder / "elsewhere")
    (folder / "elsewhere" / RECORD).rename(folder.parent / "moved")
    (folder / "elsewhere").rmdir()
    (folder / RECORD).symlink_to(folder.parent / "moved")


@pytest.mark.parametrize("occupy", [_alien, _alien_beside_a_record, _no_record, _rendering_alone, _linked_record])
def test_a_folder_with_something_else_is_refused(tmp_path: Path, occupy: Callable[[Path], None]) -> None:
    """Nothing that is not a report of Wallbite is ever replaced."""
    out = tmp_path / "out"
    out.mkdir()
    occupy(out)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    with pytest.raises(UsageProblem, match="not part of a report"), RecordWriter(out):
        pass
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_a_file_where_a_folder_belongs_is_refused(tmp_path: Path) -> None:
    """The problem names the path."""
    (tmp_path / "out").write_text("")
    with pytest.raises(UsageProblem, match="out: cannot use the folder"), RecordWriter(tmp_path / "out"):
        pass


def test_two_runs_into_one_folder_are_refused(tmp_path: Path) -> None:
    """The second one is told, and the first one goes on."""
    with RecordWriter(tmp_path) as first:
        with pytest.raises(UsageProblem, match="another run"), RecordWriter(tmp_path):
            pass
        first.header(samples.header(samples.Sample()))
        first.footer("2026-01-01T00:00:00Z")
    assert _names(tmp_path) == [RECORD]


def test_what_a_killed_run_left_is_swept(tmp_path: Path) -> None:
    """A part that nobody holds is removed by the next run."""
    (tmp_path / ".record.1.part").write_text("half")
    samples.write(tmp_path)
    assert _names(tmp_path) == [RECORD]


def test_a_record_has_one_header(tmp_path: Path) -> None:
    """A second header, and a footer without one, are mistakes of the caller."""
    with RecordWriter(tmp_path / "out") as writer:
        with pytest.raises(RuntimeError):
            writer.footer("2026-01-01T00:00:00Z")
        writer.header(samples.header(samples.Sample()))
        with pytest.raises(RuntimeError):
            writer.header(samples.header(samples.Sample()))


def test_a_verdict_of_hostile_words_is_kept(tmp_path: Path) -> None:
    """A reason of any length and content is written and read."""
    with RecordWriter(tmp_path / "out") as writer:
        writer.header(samples.header(samples.Sample()))
        kept = writer.verdicts([Verdict("WALL-01", Ruling.FAIL, HOSTILE, account=HOSTILE)])
        writer.footer("2026-01-01T00:00:00Z")
    assert read(tmp_path / "out").verdicts == kept


@pytest.mark.parametrize(
    "seen",
    [
        {"size": 32, "kind": "file", "mode": "0600"},
        {"list": [1, None, True, 1.5e-7], "inner": {"a": {"b": []}}},
        {"deep": [[[[[[[[[1]]]]]]]]]},
        {"text": "x" * 5000},
        {"letters": "é\ud800"},
        {"large": 2**70, "negative": -(2**63)},
        {"nan": float("nan")},
        {"bytes": b"\xff", "tuple": (1, 2)},
        {"digits": "1" * 30},
    ],
)
def test_what_was_seen_is_written_as_its_bounds_say(tmp_path: Path, seen: dict[str, Any]) -> None:
    """Whether it is small and plain, or must be gone through."""
    one = Observation("c", "walls", "root", "spawned", "alpha", "attempt", "read", "key", seen=seen)
    with RecordWriter(tmp_path / "out") as writer:
        writer.header(samples.header(samples.Sample()))
        (kept,) = writer.case({"case": "c", "kind": "walls", "posture": "root"}, [one])
        writer.footer(finished="2026-01-01T00:00:00Z")
    assert kept.seen == bounded(one)["seen"]
