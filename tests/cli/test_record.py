"""A record that a real run wrote: rendered, verified, altered."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.evidence.test_reader import rechain
from wallbite.cli.report import FORMATS
from wallbite.exits import ExitCode
from wallbite.reports import FORMATS as RENDERED

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="a run needs root")

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small run."""
    out = tmp_path_factory.mktemp("run") / "report"
    words = ["run", "--select", "BOOT-13", "--posture", "root", "--seed", "1", "--out", str(out)]
    done = subprocess.run([sys.executable, "-m", "wallbite", *words], capture_output=True, text=True, check=False)
    assert done.returncode in {ExitCode.CONFORMANT, ExitCode.NOT_CONFORMANT, ExitCode.UNDECIDED}, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout.splitlines()[-1] == f"report: {out}"
    return out


@pytest.mark.parametrize("fmt", FORMATS)
def test_a_record_is_rendered(wallbite: Command, folder: Path, tmp_path: Path, fmt: str) -> None:
    """To stdout or to a file, the same bytes; nothing else is left."""
    shown = wallbite("report", str(folder), "--format", fmt)
    assert ("is not signed, and proves nothing" in shown.stderr) == (fmt == "attestation")
    filed = wallbite("report", str(folder), "--format", fmt, "--output", "file")
    assert (shown.returncode, filed.returncode, filed.stdout) == (0, 0, "")
    assert (tmp_path / "file").read_text().rstrip("\n") == shown.stdout.rstrip("\n")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_rendering_that_cannot_be_written_leaves_nothing(wallbite: Command, folder: Path, tmp_path: Path) -> None:
    """A folder in the file's place is refused with one line."""
    (tmp_path / "taken").mkdir()
    done = wallbite("report", str(folder), "--format", "json", "--output", "taken")
    assert done.returncode == ExitCode.USAGE
    assert done.stderr.startswith("wallbite: taken: cannot be written: ")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_an_intact_record_is_verified(wallbite: Command, folder: Path) -> None:
    """With 0; its origin is not proven, and that is said."""
    done = wallbite("verify", str(folder))
    assert (done.returncode, done.stdout) == (0, "intact: self-consistent, origin not proven\n")


def test_an_altered_record_is_5(wallbite: Command, folder: Path, tmp_path: Path) -> None:
    """One character is enough."""
    copy = shutil.copytree(folder, tmp_path / "copy")
    record = copy / "record.jsonl"
    lines = record.read_text().splitlines(keepends=True)
    lines[-2] = lines[-2].replace("root", "toor", 1)
    assert "".join(lines) != record.read_text()
    record.write_text("".join(lines))
    assert wallbite("verify", str(copy)).returncode == ExitCode.ALTERED


def test_what_is_no_record_is_2(wallbite: Command, tmp_path: Path) -> None:
    """An empty folder, for `verify` and for `report`."""
    assert wallbite("verify", str(tmp_path)).returncode == ExitCode.USAGE
    done = wallbite("report", str(tmp_path), "--format", "html")
    assert (done.returncode, done.stdout) == (ExitCode.USAGE, "")


def test_an_interrupted_run_is_130(tmp_path: Path) -> None:
    """Ctrl-C in the middle leaves no half of a record."""
    out = tmp_path / "report"
    command = [sys.executable, "-m", "wallbite", "run", "--select", "BOOT", "--out", str(out), "--jobs", "1"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        running.stderr.readline()  # the first case is over
        os.kill(running.pid, 2)
        _, errors = running.communicate(timeout=60)
    assert running.returncode == ExitCode.INTERRUPTED
    assert errors.splitlines()[-1] == "wallbite: interrupted"
    assert not out.exists() or not list(out.iterdir())


def test_every_format_that_there_is_can_be_asked_for() -> None:
    """The command line and the renderings name the same ones."""
    assert set(FORMATS) == set(RENDERED)


def test_a_signed_record_is_unaltered_until_somebody_edits_it(wallbite: Command, folder: Path, tmp_path: Path) -> None:
    """Keys as openssl makes them; what the editor does is found with the key alone."""
    copy = shutil.copytree(folder, tmp_path / "copy")
    for words in (
        ["genpkey", "-algorithm", "ed25519", "-out", "key"],
        ["pkey", "-in", "key", "-pubout", "-out", "pub"],
    ):
        subprocess.run(["openssl", *words], check=True, cwd=tmp_path, capture_output=True)
    signed = wallbite("report", "copy", "--format", "attestation", "--key", "key", "--output", "copy/attestation.json")
    assert (signed.returncode, signed.stderr) == (0, "")
    done = wallbite("verify", "copy", "--key", "pub")
    assert (done.returncode, done.stdout) == (0, "intact: unaltered since the attestation was signed with this key\n")
    lines = list(map(json.loads, (copy / "record.jsonl").read_text().splitlines()))
    lines[0]["title"] = "Another"
    (copy / "record.jsonl").write_bytes(rechain(lines))
    assert wallbite("verify", "copy").stdout == "intact: self-consistent, origin not proven\n"
    done = wallbite("verify", "copy", "--key", "pub")
    assert (done.returncode, done.stdout[:8]) == (ExitCode.ALTERED, "altered:")


def test_a_whitewashed_waiver_is_judged_again(wallbite: Command, folder: Path, tmp_path: Path) -> None:
    """An editor who turns a verdict and computes the chain anew is found by judging the observations again."""
    copy = shutil.copytree(folder, tmp_path / "copy")
    lines = list(map(json.loads, (copy / "record.jsonl").read_text().splitlines()))
    verdict = next(line for line in lines if line["kind"] == "verdicts")["verdicts"][0]
    verdict["reason"] = "looks good"
    (copy / "record.jsonl").write_bytes(rechain(lines))
    done = wallbite("verify", "copy")
    assert done.returncode == ExitCode.ALTERED
    assert "other verdicts than the record holds" in done.stdout
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", "key"], check=True, cwd=tmp_path)
    done = wallbite("report", "copy", "--format", "attestation", "--key", "key")
    assert (done.returncode, done.stdout) == (ExitCode.USAGE, "")
    assert "is not signed: altered: " in done.stderr


def test_two_records_are_compared(wallbite: Command, folder: Path, tmp_path: Path) -> None:
    """The same one: nothing, with 0. One in which nothing is judged any more: worse, with 1."""
    done = wallbite("diff", str(folder), str(folder))
    assert (done.returncode, done.stdout) == (0, "no difference\n")
    copy = shutil.copytree(folder, tmp_path / "copy")
    lines = list(map(json.loads, (copy / "record.jsonl").read_text().splitlines()))
    lines[0]["postures"] = []
    (copy / "record.jsonl").write_bytes(rechain(lines))
    done = wallbite("diff", str(folder), "copy")
    assert done.returncode == ExitCode.NOT_CONFORMANT
    assert done.stdout == "changed population: 1\n! postures: gone: root\n1 change, 1 for the worse\n"


WAIVER = """schema: wallbite-waivers/1
waivers:
  - requirement: BOOT-13
    scope: {{posture: unprivileged}}
    owner: Ada Lovelace
    justification: The installer is mended with release 4.
    created: 2026-01-01
    expires: {expires}
"""


@pytest.mark.parametrize(
    ("expires", "fault", "code", "line"),
    [
        ("9999-12-31", "code-is-setuid", ExitCode.CONFORMANT, "fail (waived) BOOT-13"),
        ("2026-01-02", "code-is-setuid", ExitCode.NOT_CONFORMANT, "waiver expired: waivers.yaml:3: BOOT-13"),
        ("9999-12-31", "", ExitCode.USAGE, "waiver stale: waivers.yaml:3: BOOT-13"),
    ],
    ids=["waived", "expired", "stale"],
)
def test_a_run_under_waivers(
    wallbite: Command, tmp_path: Path, expires: str, fault: str, code: ExitCode, line: str
) -> None:
    """A real failure that is waived is 0 and stays a failure; expired is 1; what passes now is 2."""
    (tmp_path / "waivers.yaml").write_text(WAIVER.format(expires=expires))
    words = ["run", "--select", "BOOT-13", "--posture", "unprivileged", "--waivers", "waivers.yaml", "--out", "out"]
    done = wallbite(*words, *(["--fault", fault] if fault else []))
    assert done.returncode == code, done.stdout + done.stderr
    assert line in done.stdout
    assert wallbite("verify", "out").returncode == ExitCode.CONFORMANT
    shown = json.loads(wallbite("report", "out", "--format", "json").stdout)
    assert shown["counts"]["fail"] == (1 if fault else 0)
    assert shown["counts"]["waived"] == (1 if code is ExitCode.CONFORMANT else 0)
