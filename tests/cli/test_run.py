"""What a command line asks of a run, and how its progress and outcome are shown."""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import pty
from pathlib import Path

import pytest

from wallbite.cli import run
from wallbite.cli.parser import _grammar
from wallbite.cli.summary import lines
from wallbite.evidence.summary import summarise
from wallbite.options import RunOptions
from wallbite.preflight import preflight
from wallbite.problems import UsageProblem
from wallbite.progress import Lines, reporter
from wallbite.verdict import Level, Ruling, Verdict
from wallbite.waivers import Waiver


def options(*words: str) -> RunOptions:
    """The options of a command line."""
    parsed: argparse.Namespace = _grammar().parse_args(["run", *words])
    return run.options_of(parsed)


def test_defaults() -> None:
    """The reference, everything that it claims, a worker for each processor."""
    assert options() == RunOptions(jobs=len(os.sched_getaffinity(0)))


def test_options_reach_the_run() -> None:
    """Repeated ones are gathered in order, once each; lists with commas too."""
    given = options(
        *("mine.yaml", "--posture", "root", "--posture", "file-caps", "--posture", "root", "--select", "WALL,BOOT-01"),
        *("--select", "BOOT-01", "--profile", "privsep", "--fault", "f", "--out", "o", "--jobs", "3", "--seed", "7"),
        *("--waivers", "w.yaml"),
    )
    assert given == RunOptions(
        target="mine.yaml",
        postures=("root", "file-caps"),
        select=("WALL", "BOOT-01"),
        profile="privsep",
        fault="f",
        out=Path("o"),
        jobs=3,
        seed=7,
        waivers=Path("w.yaml"),
    )


def test_a_posture_that_the_target_does_not_declare_is_refused() -> None:
    """Nothing is green by not running."""
    other = Path(__file__).parents[1] / "target" / "supervisord-like.yaml"
    with pytest.raises(UsageProblem, match="supervisor-like declares no posture 'file-caps'; expected one of root"):
        preflight(RunOptions(target=str(other), postures=("file-caps",)))


def test_a_run_needs_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is not root is told so, and what to do, before anything is done."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(UsageProblem, match="this user is not root; expected root; run: sudo wallbite run"):
        preflight(RunOptions())


def test_progress_in_a_log_names_what_went_wrong_and_the_last() -> None:
    """With number, time and reason, harmless to a terminal; the others stay quiet."""
    stream = io.StringIO()
    with reporter(stream) as progress:
        progress.total(3)
        progress.started("walls@root")
        progress.finished("walls@root", 1.23, None)
        progress.finished("boot@root", 2.0, "hung\n\x1b[31m")
        progress.finished("drop@root", 0.5, None)
    assert stream.getvalue() == "[2/3] boot@root 2.0 s: hung\\n\\x1b[31m\n[3/3] drop@root 0.5 s\n"


def test_progress_in_a_log_shows_that_it_is_alive() -> None:
    """Now and then a case that went well has its line."""
    stream = io.StringIO()
    progress = Lines(stream, every=0)
    progress.total(9)
    progress.finished("walls@root", 1.0, None)
    assert stream.getvalue() == "[1/9] walls@root 1.0 s\n"


def test_progress_survives_its_reader() -> None:
    """Whoever read the log is gone; the run goes on."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stream:
        progress = Lines(stream)
        progress.finished("walls@root", 1.0, None)
        os.dup2(os.open(os.devnull, os.O_WRONLY), writing)


def test_progress_on_a_terminal_names_what_is_running() -> None:
    """A bar, and a line for what did not come to its end."""
    master, slave = pty.openpty()
    with os.fdopen(slave, "w") as terminal, reporter(terminal) as progress:
        progress.total(2)
        for case in ("a@root", "b@root", "c@root", "d@root"):
            progress.started(case)
        progress.finished("a@root", 1.0, "hung")
    written = _read(master)
    assert b"a@root 1.0 s: hung" in written
    assert b"b@root, c@root, d@root" in written
    assert b"1/2" in written


def _read(master: int) -> bytes:
    """All that was written to a terminal that is closed now."""
    written = b""
    with contextlib.suppress(OSError):  # Linux answers EIO at the end
        while chunk := os.read(master, 1 << 16):
            written += chunk
    os.close(master)
    return written


def test_a_summary_shows_counts_and_whatever_is_not_green() -> None:
    """A row for each family, the failing and undecided requirements, the outcome, the report."""
    levels = {"BOOT-01": Level.MUST, "WALL-01": Level.MUST, "WALL-02": Level.SHOULD}
    verdicts = [Verdict("BOOT-01", Ruling.PASS, "ok"), Verdict("WALL-02", Ruling.FAIL, "open")]
    shown = list(lines(summarise(levels, verdicts), Path("out")))
    assert shown[1].split() == ["BOOT", "1", "-", "-", "-"]
    assert shown[2].split() == ["WALL", "-", "1", "1", "-"]
    assert any(line.startswith("inconclusive  WALL-01") for line in shown)
    assert any(line.startswith("fail          WALL-02") for line in shown)
    assert shown[-2].startswith("undecided: ")
    assert shown[-1] == "report: out"


def test_a_summary_names_waived_failures_and_wrong_waivers() -> None:
    """A waived failure is a failure; an expired or stale waiver stands there with its place."""
    borne = [
        Waiver(
            requirement=name, owner="Ada", justification="j", created="2026-01-01", expires=day, where=f"w.yaml:{line}"
        )
        for line, (name, day) in enumerate(
            [("WALL-01", "2026-12-31"), ("BOOT-01", "2026-12-31"), ("BOOT-02", "2026-01-01")]
        )
    ]
    levels = {"BOOT-01": Level.MUST, "BOOT-02": Level.MUST, "WALL-01": Level.MUST}
    verdicts = [Verdict(name, Ruling.FAIL if name == "WALL-01" else Ruling.PASS, "open") for name in levels]
    shown = list(lines(summarise(levels, verdicts, {}, borne, "2026-06-01"), Path("out")))
    assert "fail (waived) WALL-01     MUST    open [waived by Ada until 2026-12-31]" in shown
    assert "waiver stale: w.yaml:1: BOOT-01, all of it: what it speaks of passes now; remove it" in shown
    assert any(
        line.startswith("waiver expired: w.yaml:2: BOOT-02, all of it: it expired on 2026-01-01") for line in shown
    )
