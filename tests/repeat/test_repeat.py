"""Runs under load give the same verdicts: two of one family here, thirty of the whole profile by ``nox -s repeat``."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from wallbite.content import root


@pytest.mark.skipif(os.geteuid() != 0, reason="a run needs root")
def test_two_runs_do_not_differ(tmp_path: Path) -> None:
    """The program that the session runs, with less to do; whatever it leaves lies in its folder."""
    words = ["-m", "tests.repeat", "--times", "2", "--select", "ENV-01", "--select", "BACK-01", "--out", str(tmp_path)]
    done = subprocess.run([sys.executable, *words], cwd=root(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "0 of 2 runs differ from the first"
    assert done.stdout.count("conformant: 2 pass") == 2


def test_a_difference_is_noticed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A verdict that is another in the second run is said, and the program fails."""
    sys.path.append(str(root()))
    from collections import Counter  # noqa: PLC0415 - with the path

    from tests.repeat import __main__ as program  # noqa: PLC0415 - found by the path above

    rulings = iter(["pass", "fail"])
    monkeypatch.setattr(
        program, "once", lambda *_: (Counter([("ENV-01", next(rulings), "root", "alpha", "")]), "a line")
    )
    monkeypatch.setattr(sys, "argv", ["repeat", "--times", "2"])
    assert program.main() == 1
    said = capsys.readouterr().out
    assert "2 of 2: a line; 2 verdicts differ" in said
    assert "  ENV-01 fail root alpha" in said
