"""supervisord, run for real: what fails is what docs/findings/supervisord.md says, and a command there shows each."""

from __future__ import annotations

import importlib.metadata
import io
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from wallbite import run
from wallbite.cli import main
from wallbite.evidence.reader import read
from wallbite.evidence.summary import Standing
from wallbite.exits import ExitCode
from wallbite.options import RunOptions
from wallbite.progress import reporter
from wallbite.target import load, missing
from wallbite.verdict import Outcome, Ruling

TARGET = "supervisord"
DOCUMENT = Path(__file__).parents[2] / "docs" / "findings" / "supervisord.md"
BLOCK = re.compile(r'^```sh wallbite-finding=(\S+) expect="([^\n]*)"\n(.*?)^```$', re.MULTILINE | re.DOTALL)
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
MARK = "WALLBITE_TESTED_BY"
WITHIN = 60.0  # seconds for one command of the document
PLACES = ("/etc/supervisor", "/opt/supervisor", "/srv/alpha", "/var/log/supervisor", "/run/supervisord.pid")

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="a run needs root"),
    pytest.mark.skipif(bool(missing(load(TARGET))), reason=missing(load(TARGET))),
]


@dataclass(frozen=True)
class Finding:
    """A finding as it is documented: its requirement, the command, and what that prints."""

    requirement: str
    command: str
    expected: str


def findings() -> list[Finding]:
    """Every finding that has a command, in the order of the document."""
    blocks = BLOCK.findall(DOCUMENT.read_text(encoding="utf-8"))
    return [
        Finding(name, command, expected.replace("\\t", "\t").replace("\\n", "\n")) for name, expected, command in blocks
    ]


def of_the_machine() -> tuple[str, str, dict[str, bool]]:
    """What a run must not touch on the machine that it runs on."""
    users, groups = Path("/etc/passwd").read_text(encoding="utf-8"), Path("/etc/group").read_text(encoding="utf-8")
    return users, groups, {place: os.path.lexists(place) for place in PLACES}


def marked() -> list[str]:
    """The command lines of the processes that were started here: they have `MARK` in their environment."""
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if entry.name.isdigit() and f"{MARK}={os.getpid()}".encode() in (entry / "environ").read_bytes():
                found.append((entry / "cmdline").read_text(encoding="utf-8").replace("\0", " "))
    return found


@pytest.fixture(scope="module")
def untouched() -> Iterator[None]:
    """Whatever is done here leaves no process and no file."""
    before = of_the_machine()
    os.environ[MARK] = str(os.getpid())
    yield
    del os.environ[MARK]
    assert of_the_machine() == before
    assert marked() == []


@pytest.fixture(scope="module")
def result(untouched: None, tmp_path_factory: pytest.TempPathFactory) -> run.RunResult:
    """One whole run."""
    del untouched
    with reporter(io.StringIO()) as progress:
        out = tmp_path_factory.mktemp("supervisord") / "out"
        return run.run(RunOptions(target=TARGET, out=out, jobs=5, seed=1), progress)  # it mostly waits


@pytest.fixture(scope="module")
def printed(untouched: None, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the command of each finding prints."""
    del untouched
    scratch = tmp_path_factory.mktemp("commands")
    for folder in [scratch, *list(scratch.parents)[:2]]:
        folder.chmod(0o755)  # a program that runs as nobody must get to its own directory
    with ThreadPoolExecutor(8) as pool:  # they mostly wait
        outputs = list(pool.map(lambda finding: shown(finding, scratch), findings()))
    assert not list(scratch.iterdir()), "a command left something behind"
    return dict(zip((finding.requirement for finding in findings()), outputs, strict=True))


def shown(finding: Finding, scratch: Path) -> str:
    """What a finding's command prints; where a busy machine was too slow for its five seconds, with more of them."""
    said = shell(finding.command, scratch)
    return said if said == finding.expected else shell(finding.command.replace("timeout 5 ", "timeout 30 "), scratch)


def shell(command: str, scratch: Path) -> str:
    """What a command prints; it and what it started are gone afterwards."""
    path = f"{SYSTEM_PATH}:{Path(sys.executable).parent}"
    with subprocess.Popen(
        ["sh", "-c", command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd="/",
        env={MARK: str(os.getpid()), "PATH": path, "TMPDIR": str(scratch), "LANG": "C.UTF-8"},
        start_new_session=True,
    ) as process:
        try:
            return process.communicate(timeout=WITHIN)[0].strip()
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def standings(result: run.RunResult, ruling: Ruling) -> list[Standing]:
    """The requirements that stand so."""
    return [one for one in result.summary.requirements if one.ruling is ruling]


def test_it_is_not_conformant(result: run.RunResult) -> None:
    """Some requirements fail, some are kept, and for none the harness could not tell."""
    assert result.summary.outcome is Outcome.NOT_CONFORMANT
    assert standings(result, Ruling.INCONCLUSIVE) == []
    assert {"DROP-01", "DROP-04", "DROP-05", "DROP-13", "WALL-12", "WALL-13"} <= {
        one.id for one in standings(result, Ruling.PASS)
    }


def test_nothing_of_a_failing_requirement_is_undecided(result: run.RunResult) -> None:
    """Not even one account or surface behind a failure."""
    undecided = [one for one in result.record.verdicts if one.ruling is Ruling.INCONCLUSIVE]
    assert undecided == []


def test_what_fails_is_documented_and_nothing_else(result: run.RunResult) -> None:
    """A new failure needs its page, and a page of what no longer fails goes."""
    documented = [finding.requirement for finding in findings()]
    assert sorted(documented) == sorted(one.id for one in standings(result, Ruling.FAIL))


@pytest.mark.parametrize("finding", findings(), ids=lambda finding: finding.requirement)
def test_a_command_shows_each_finding(finding: Finding, printed: dict[str, str]) -> None:
    """Without Wallbite: the line that the document promises."""
    assert printed[finding.requirement] == finding.expected


def test_without_its_package_it_cannot_be_decided(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 3, the reason, and every requirement inconclusive; never a pass."""
    found = importlib.metadata.distribution

    def absent(name: str) -> importlib.metadata.Distribution:
        if name == "supervisor":
            raise importlib.metadata.PackageNotFoundError(name)
        return found(name)

    monkeypatch.setattr(importlib.metadata, "distribution", absent)
    assert main(["run", TARGET, "--out", str(tmp_path / "out")]) == ExitCode.UNDECIDED
    said = capsys.readouterr().err
    assert "supervisord cannot be run: not provided: the Python package 'supervisor' is not installed" in said
    verdicts = read(tmp_path / "out").verdicts
    assert {one.ruling for one in verdicts} == {Ruling.INCONCLUSIVE, Ruling.NOT_APPLICABLE}
    assert len({one.requirement for one in verdicts}) > 100
