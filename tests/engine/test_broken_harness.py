"""What breaks in the harness itself says nothing of the target: exit 3, never 1, and never green."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.engine.copied import Copy
from wallbite import cli, run
from wallbite.exits import ExitCode
from wallbite.selftest import small

WALLS = ("--select", "WALL-01", "--jobs", "1")
BREAK = '    raise RuntimeError("broken on purpose")\n'


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    """A copy of Wallbite."""
    return Copy.of(tmp_path)


@pytest.mark.parametrize("name", ["plan", "stage_of", "header_of", "observe", "summary_of"])
def test_an_exception_in_the_harness_is_3(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path, name: str
) -> None:
    """Wherever in a run nobody catches it; it is said, and only a whole report is left."""

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("as asked")

    monkeypatch.setattr(run, name, broken)
    out = tmp_path / "out"
    code = cli.main(["run", str(small.write(tmp_path)), "--select", "DROP-11", "--jobs", "1", "--out", str(out)])
    assert code == ExitCode.UNDECIDED
    assert "the harness broke: ZeroDivisionError: as asked; nothing was decided" in capfd.readouterr().err
    assert out.exists() == (name == "summary_of")  # by then the report is written


def test_an_exception_in_a_check_is_3(copy: Copy) -> None:
    """The requirement is inconclusive, and the reason names the exception."""
    head = "def surfaces_are_walled(bench: Bench) -> Iterator[Verdict]:\n"
    copy.edit("conformance/test_wall_surfaces.py", head, head + BREAK)
    done = copy.run(small.write(copy.folder), *WALLS)
    assert done.code == ExitCode.UNDECIDED, done.error
    assert [verdict[4:] for verdict in done.verdicts] == [
        ("inconclusive", "the check broke: RuntimeError: broken on purpose")
    ]


@pytest.mark.parametrize("place", ["run", "over_links"])
def test_an_exception_in_a_case_is_3(copy: Copy, place: str) -> None:
    """At its beginning, and also after all that matters was seen: a case that broke shows no wall."""
    text = (copy.folder / "wallbite" / "cases" / "walls" / "walls.py").read_text()
    (head,) = re.findall(rf'^def {place}\(.*\n    """.*"""\n', text, re.MULTILINE)
    copy.edit("wallbite/cases/walls/walls.py", head, head + BREAK)
    done = copy.run(small.write(copy.folder), *WALLS)
    assert done.code == ExitCode.UNDECIDED, done.error
    reason = "walls@ambient-caps did not come to its end: RuntimeError: broken on purpose"
    assert ("inconclusive", reason) in [verdict[4:] for verdict in done.verdicts]
    assert "fail" not in [verdict[4] for verdict in done.verdicts]


def test_a_requirement_without_a_check_is_never_green(copy: Copy) -> None:
    """Its check is taken away: what the catalogue asks for is undecided, and so is the run."""
    copy.edit("conformance/test_wall_surfaces.py", '"WALL-01",', "")
    done = copy.run(small.write(copy.folder), *WALLS)
    assert done.code == ExitCode.UNDECIDED, done.error
    assert [verdict[4:] for verdict in done.verdicts] == [("inconclusive", "no check is bound to it")]


def test_a_should_without_a_check_is_never_green(copy: Copy) -> None:
    """It would not decide, so that such a run is not begun."""
    copy.edit("conformance/test_drop.py", '@check("DROP-08", needs=("spawns",), reads=("walls",))\n', "")
    done = copy.run(small.write(copy.folder), "--select", "DROP-01,DROP-08", "--jobs", "1")
    assert done.code == ExitCode.UNDECIDED, done.out
    assert "DROP-08 has no check" in done.error
    assert not done.folder.exists()


def test_without_any_check_nothing_is_green(copy: Copy) -> None:
    """All modules of checks are gone."""
    for module in copy.folder.glob("conformance/test_*.py"):
        module.unlink()
    done = copy.run(small.write(copy.folder), "--select", "WALL,DROP", "--jobs", "1")
    assert done.code in {ExitCode.USAGE, ExitCode.UNDECIDED}
    assert "conformant:" not in done.out


def test_a_check_that_is_no_python_is_3(copy: Copy) -> None:
    """The catalogue of checks cannot be loaded: nothing is decided, and no report is left."""
    (copy.folder / "conformance" / "test_drop.py").write_text("def (")
    done = copy.run(small.write(copy.folder), *WALLS)
    assert done.code == ExitCode.UNDECIDED
    assert "the harness broke: SyntaxError" in done.error
    assert not done.folder.exists()
