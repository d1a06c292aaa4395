"""From anything that can happen to an exit code."""

from __future__ import annotations

import pytest

from wallbite.cli.guard import guarded
from wallbite.exits import ExitCode
from wallbite.problems import EnvironmentProblem, UsageProblem


def _raise(error: BaseException) -> ExitCode:
    raise error


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageProblem("x"), ExitCode.USAGE),
        (EnvironmentProblem("x"), ExitCode.UNDECIDED),
        (KeyboardInterrupt(), ExitCode.INTERRUPTED),
        (ZeroDivisionError(), ExitCode.UNDECIDED),
        (RecursionError(), ExitCode.UNDECIDED),
        (MemoryError(), ExitCode.UNDECIDED),
        (AssertionError("x"), ExitCode.UNDECIDED),
        (SystemExit(1), ExitCode.UNDECIDED),
        (SystemExit("text"), ExitCode.UNDECIDED),
        (SystemExit(0), ExitCode.CONFORMANT),
        (SystemExit(None), ExitCode.CONFORMANT),
        (GeneratorExit(), ExitCode.UNDECIDED),
    ],
)
def test_no_exception_ever_means_not_conformant(error: BaseException, code: ExitCode) -> None:
    """A crash of ours is 3."""
    assert guarded(lambda: _raise(error)) == code


@pytest.mark.parametrize("code", list(ExitCode))
def test_a_conclusion_is_passed_on(code: ExitCode) -> None:
    """What an action concludes is what the process ends with."""
    assert guarded(lambda: code) == code


def test_a_crash_has_its_trace_and_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """On stderr, the line last, harmless to a terminal."""
    guarded(lambda: _raise(ValueError("a\x1b[31m\nb")))
    out, err = capsys.readouterr()
    assert out == ""
    assert "Traceback" in err
    assert err.splitlines()[-1].startswith("wallbite: the harness broke: ValueError: a\\x1b[31m\\nb; nothing was")


def test_a_problem_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever is in it."""
    guarded(lambda: _raise(UsageProblem("a\nb\x9b", "file:1", "c", "d")))
    assert capsys.readouterr().err == "wallbite: file:1: a b\\x9b; expected c; d\n"
