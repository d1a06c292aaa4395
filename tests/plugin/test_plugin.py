"""The pytest front end: the same verdicts, exit codes and folder as ``wallbite run``; needs root."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from wallbite.content import content
from wallbite.exits import ExitCode

NARROW = ("--wallbite-posture", "ambient-caps", "--wallbite-select", "BOOT-11,BOOT-14", "--wallbite-seed", "1")


def pytest_run(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Pytest as a user starts it, in an empty directory."""
    argv = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options]
    return subprocess.run(argv, cwd=folder, capture_output=True, text=True, timeout=120, check=False)


def test_without_a_path_the_shipped_checks_are_run(tmp_path: Path) -> None:
    """As from an installed wheel, in an empty directory; the folder is that of ``run``."""
    done = pytest_run(tmp_path, "--wallbite-target", "reference", *NARROW)
    assert done.returncode == ExitCode.CONFORMANT, done.stdout
    assert {path.name for path in (tmp_path / "wallbite-report").iterdir()} >= {
        "record.jsonl",
        "report.html",
        "junit.xml",
    }
    assert "2 passed" in done.stdout


def test_a_seeded_fault_fails_its_requirement_and_exits_1(tmp_path: Path) -> None:
    """The failing test names the requirement and the reason."""
    options = ("--wallbite-target", "reference", *NARROW, "--wallbite-fault", FAULT)
    done = pytest_run(tmp_path, *options)
    assert done.returncode == ExitCode.NOT_CONFORMANT, done.stdout
    assert "BOOT-14" in done.stdout


def test_a_waived_failure_is_an_expected_one_and_exits_0(tmp_path: Path) -> None:
    """It is no pass: pytest shows it as a failure that was expected, with who answers for it."""
    head = "schema: wallbite-waivers/1\nwaivers:\n  - {requirement: BOOT-14, scope: all, owner: Ada, justification: j"
    (tmp_path / "w.yaml").write_text(f"{head}, created: 2026-01-01, expires: 9999-12-31}}\n")
    options = ("--wallbite-target", "reference", *NARROW, "--wallbite-fault", FAULT, "--wallbite-waivers", "w.yaml")
    done = pytest_run(tmp_path, *options, "-rx")
    assert done.returncode == ExitCode.CONFORMANT, done.stdout
    assert "1 passed, 1 xfailed" in done.stdout
    assert "fail, waived:" in done.stdout
    assert "waived by Ada until 9999-12-31" in done.stdout


FAULT = "unknown-keys-ignored-at-the-top"


def test_the_checks_of_a_checkout_are_run_by_their_path(tmp_path: Path) -> None:
    """The other form; the record is the same as that of ``run`` but for what differs between any two runs."""
    done = pytest_run(tmp_path, str(content("conformance")), "--wallbite-target", "reference", *NARROW)
    assert done.returncode == ExitCode.CONFORMANT, done.stdout
    argv = [sys.executable, "-m", "wallbite", "run", "--posture", "ambient-caps", "--select", "BOOT-11,BOOT-14"]
    argv += ["--seed", "1", "--out", str(tmp_path / "by-run")]
    subprocess.run(argv, capture_output=True, timeout=120, check=True)
    assert verdicts(tmp_path / "wallbite-report") == verdicts(tmp_path / "by-run")


def verdicts(folder: Path) -> set[tuple[str, ...]]:
    """What a record concludes, without the names of observations."""
    lines = [json.loads(line) for line in (folder / "record.jsonl").read_text().splitlines()]
    found = [each for line in lines if line["kind"] == "verdicts" for each in line["verdicts"]]
    keys = ("requirement", "ruling", "reason", "posture", "account", "surface")
    return {tuple(each.get(key, "") for key in keys) for each in found}


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("--wallbite-target", "nobody"), ExitCode.USAGE),
        (("--wallbite-target", "reference", "--wallbite-select", "WALL-99"), ExitCode.USAGE),
        (("--wallbite-target", "reference", "--wallbite-posture", "naked"), ExitCode.USAGE),
    ],
)
def test_what_is_typed_wrong_exits_2_and_leaves_nothing(
    tmp_path: Path, options: tuple[str, ...], code: ExitCode
) -> None:
    """Pytest's own codes are translated."""
    done = pytest_run(tmp_path, *options)
    assert done.returncode == code, done.stdout + done.stderr
    assert list(tmp_path.iterdir()) == []


def test_other_tests_are_left_alone(tmp_path: Path) -> None:
    """Where nothing of Wallbite is collected, pytest's exit codes are its own."""
    (tmp_path / "test_theirs.py").write_text("def test_theirs():\n    assert False\n")
    assert pytest_run(tmp_path).returncode == pytest.ExitCode.TESTS_FAILED
