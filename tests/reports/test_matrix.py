"""One page over several records."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.evidence import samples
from tests.reports.test_html import Page
from wallbite.exits import ExitCode
from wallbite.problems import UsageProblem
from wallbite.reports import matrix
from wallbite.verdict import Ruling, Verdict


def broken(verdict: Verdict) -> Verdict:
    """One requirement that fails here."""
    return replace(verdict, ruling=Ruling.FAIL) if verdict.requirement == "WALL-02" else verdict


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    """A record that is conformant, one that is not, and none."""
    samples.write(tmp_path / "debian-12")
    samples.write(tmp_path / "debian-13", samples.Sample(planted=broken, fault="open-config"))
    return [tmp_path / "debian-12", tmp_path / "debian-13", tmp_path / "alpine-3.22"]


def test_the_page_shows_each_system(folders: list[Path]) -> None:
    """Outcome, what it was run on, and the fault that was planted."""
    page = Page(matrix.render(matrix.columns(folders)))
    assert page.open == []
    assert len(page.ids) == len(set(page.ids))
    for words in ("debian-12", "debian-13", "Not conformant", "[seeded fault in place: open-config]"):
        assert words in page.words


def test_what_was_not_run_is_never_green(folders: list[Path]) -> None:
    """Nothing is known of it, and that is said first."""
    found = matrix.columns(folders)
    assert [column.ruling for column in found] == ["pass", "fail", "inconclusive"]
    assert "Not run: alpine-3.22." in Page(matrix.render(found)).words.replace("\n", " ")


def test_differences_are_those_of_what_was_run(folders: list[Path]) -> None:
    """A requirement on which two records disagree, and no other; a missing record disagrees with nobody."""
    rows = list(matrix._rows(matrix.columns(folders)))
    assert [row["name"] for row in rows if row["differs"]] == ["WALL-02"]
    assert {len(row["cells"]) for row in rows} == {3}


def test_a_hostile_name_is_inert(hostile: Path, tmp_path: Path) -> None:
    """Of a folder, and of whatever the target named."""
    folder = tmp_path / "<img src=x onerror=alert(1)>"
    hostile.rename(folder)
    try:
        page = Page(matrix.render(matrix.columns([folder])))
    finally:
        folder.rename(hostile)
    assert not {"script", "img", "iframe", "object"} & page.tags
    assert not [name for name in page.attributes if name.startswith("on")]


def test_an_altered_record_is_refused(folders: list[Path]) -> None:
    """It is not shown as if nothing had happened."""
    path = folders[0] / "record.jsonl"
    path.write_bytes(path.read_bytes().replace(b"EACCES", b"EPERM ", 1))
    with pytest.raises(UsageProblem, match="record"):
        matrix.columns(folders)


def test_the_command_says_what_was_not_run(folders: list[Path], tmp_path: Path) -> None:
    """The page is written, and the exit code is that nothing could be decided."""
    out = tmp_path / "matrix.html"
    words = ["report", "--output", str(out), "--matrix", *map(str, folders)]
    done = subprocess.run([sys.executable, "-m", "wallbite", *words], capture_output=True, text=True, check=False)
    assert done.returncode == ExitCode.UNDECIDED
    assert done.stderr == "wallbite: not run, and so nothing is known of: alpine-3.22\n"
    assert "3 systems beside each other" in out.read_text()


@pytest.mark.parametrize("words", [["report"], ["report", "x"], ["report", "x", "--matrix", "y"]])
def test_a_folder_with_a_format_or_a_matrix(words: list[str]) -> None:
    """One of them, whole."""
    done = subprocess.run([sys.executable, "-m", "wallbite", *words], capture_output=True, text=True, check=False)
    assert done.returncode == ExitCode.USAGE
    assert len(done.stderr.splitlines()) == 1
