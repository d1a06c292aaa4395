"""Renderings of a folder, and how long they take."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.evidence import samples
from wallbite.content import root
from wallbite.evidence.folder import RECORD, RENDERINGS
from wallbite.evidence.record import RecordWriter
from wallbite.problems import UsageProblem
from wallbite.reports import FORMATS, render, write_all

MEASURE = """
import json, sys, time
from pathlib import Path
from wallbite.reports import render
start = time.process_time()
text = render(Path(sys.argv[1]), sys.argv[2])
status = Path("/proc/self/status").read_text()
peak = int(status.split("VmHWM:")[1].split()[0])  # ru_maxrss would begin with the parent's
print(json.dumps([time.process_time() - start, peak, len(text)]))
"""


def test_the_usual_renderings_are_filed(tmp_path: Path) -> None:
    """HTML, JUnit and Markdown beside the record; the next run replaces them all."""
    samples.write(tmp_path)
    paths = write_all(tmp_path)
    assert [path.name for path in paths] == ["report.html", "junit.xml", "summary.md"]
    assert {path.name for path in tmp_path.iterdir()} == {RECORD, "report.html", "junit.xml", "summary.md"}
    samples.write(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [RECORD]


def test_the_folder_knows_every_rendering() -> None:
    """Else the next run would refuse the folder of the last one."""
    assert {name for name, _ in FORMATS.values()} <= RENDERINGS


def test_an_altered_record_is_not_rendered(tmp_path: Path) -> None:
    """A page never shows what a record no longer vouches for."""
    samples.write(tmp_path)
    path = tmp_path / RECORD
    path.write_bytes(path.read_bytes().replace(b"as expected", b"as suspected", 1))
    with pytest.raises(UsageProblem, match=r"record\.jsonl:4: not the line"):
        write_all(tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == [RECORD]


def test_an_unknown_format_is_refused(tmp_path: Path) -> None:
    """The problem names the known ones."""
    with pytest.raises(UsageProblem, match="'pdf'; expected one of html, junit, markdown, json"):
        render(tmp_path, "pdf")


@pytest.mark.parametrize("fmt", FORMATS)
def test_an_empty_run_can_be_rendered(tmp_path: Path, fmt: str) -> None:
    """No requirement, no verdict: undecided in every format."""
    with RecordWriter(tmp_path / "out") as writer:
        writer.header(samples.header(samples.Sample(walls=(), gates=())))
        writer.footer("2026-01-01T00:00:00Z")
    text = render(tmp_path / "out", fmt)
    if fmt == "attestation":
        text = base64.b64decode(json.loads(text)["payload"]).decode()
    assert "ndecided" in text


@pytest.mark.parametrize("fmt", FORMATS)
def test_10000_verdicts_take_3_seconds_and_300_mb(large: Path, fmt: str) -> None:
    """Reading and checking the record included, in a process of its own."""
    words = [sys.executable, "-c", MEASURE, str(large), fmt]
    done = subprocess.run(words, capture_output=True, check=True, timeout=60, cwd=root())
    seconds, kilobytes, size = json.loads(done.stdout)
    assert seconds < 3
    assert kilobytes < 300_000
    assert size > 1000
