"""Modulatio and its stand-in by one descriptor; and what a run says where something is missing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
OWN = "WALLBITE_MODULATIO"
DESCRIPTOR = ROOT / "fixtures" / "targets" / "modulatio.yaml"
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="a run needs root")
# Takes bubblewrap away from /usr/bin in a mount namespace of its own, then does what follows.
WITHOUT_BWRAP = """
mkdir "$1" && mount -t tmpfs none "$1" && mkdir "$1/up" "$1/work" && mknod "$1/up/bwrap" c 0 0 &&
mount -t overlay none -o "lowerdir=/usr/bin,upperdir=$1/up,workdir=$1/work" /usr/bin && shift && exec "$@"
"""


def python_for_it() -> str:
    """A Python that the descriptor accepts; empty where this machine has none at hand."""
    named = [f"python3.{minor}" for minor in (14, 13, 12)]
    found = [path for path in map(shutil.which, named) if path]
    beside = Path(sys.base_prefix).parent.glob("3.1[2-9]*/bin/python3")
    own = [sys.executable] if sys.version_info >= (3, 12) else []
    for path in [*own, *found, *map(str, sorted(beside))]:
        if subprocess.run([path, "-c", "import venv"], capture_output=True, check=False).returncode == 0:
            return path
    return ""


def wallbite(
    folder: Path, *words: str, environment: str | None = None, before: tuple[str, ...] = ()
) -> tuple[int, str, Path]:
    """Its exit code, what it said, and its folder."""
    out = folder / "report"
    env = {name: value for name, value in os.environ.items() if name != OWN}
    env |= {OWN: environment} if environment else {}
    command = [*before, sys.executable, "-m", "wallbite", "run", *words, "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=env, check=False, timeout=400)
    return done.returncode, done.stdout + done.stderr, out


@pytest.fixture(scope="module")
def stub(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A virtual environment with the stand-in."""
    python = python_for_it()
    if not python:
        pytest.skip("no Python of 3.12 or later is at hand")
    folder = tmp_path_factory.mktemp("stub")
    folder.chmod(0o755)
    subprocess.run([python, "-m", "venv", "--without-pip", str(folder)], check=True)
    packages = next(folder.glob("lib/python3*/site-packages"))
    (packages / "stub.pth").write_text(f"{ROOT / 'fixtures' / 'stub'}\n")
    told = packages / "modulatio-1.0.4.dist-info"
    told.mkdir()
    (told / "METADATA").write_text("Metadata-Version: 2.1\nName: modulatio\nVersion: 1.0.4\n")
    return str(folder)


@pytest.fixture
def bare(tmp_path: Path) -> str:
    """A virtual environment with nothing in it, of the Python that runs this."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "bare")], check=True)
    return str(tmp_path / "bare")


def asking_for(folder: Path, python: str) -> str:
    """Modulatio's descriptor, which asks for another Python."""
    text = DESCRIPTOR.read_text(encoding="utf-8")
    assert 'python: ">=3.12"' in text
    (folder / "asking.yaml").write_text(text.replace('python: ">=3.12"', f'python: "{python}"'), encoding="utf-8")
    return str(folder / "asking.yaml")


def judged(out: Path) -> list[dict[str, str]]:
    """The verdicts of a record; each requirement that was asked for has one, and today's checks come to the same."""
    lines = [json.loads(line) for line in (out / "record.jsonl").read_text().splitlines()]
    verdicts = [one for line in lines if line["kind"] == "verdicts" for one in line["verdicts"]]
    asked = {one["id"] for one in lines[0]["requirements"] if not one.get("parts")}
    assert {one["requirement"] for one in verdicts} == asked
    verified = subprocess.run([sys.executable, "-m", "wallbite", "verify", str(out)], cwd=ROOT, check=False)
    assert verified.returncode == 0
    return verdicts


def undecided(folder: Path, reason: str, *words: str, **how: Any) -> None:
    """Exit code 3; every verdict on what applies is inconclusive, and tells the reason."""
    code, said, out = wallbite(folder, *words, **how)
    assert code == 3, said
    verdicts = [one for one in judged(out) if one["ruling"] != "not-applicable"]
    assert {one["ruling"] for one in verdicts} == {"inconclusive"}
    assert not [one for one in verdicts if reason not in one["reason"]]
    assert reason in said


def test_without_the_package_nothing_is_decided(tmp_path: Path, bare: str) -> None:
    """Neither without the variable that names its environment, nor where that environment has no such package."""
    undecided(tmp_path, f"not provided: {OWN} is not set", "modulatio")
    undecided(tmp_path, "has no package 'modulatio'", asking_for(tmp_path, ">=3.8"), environment=bare)


def test_with_too_old_a_python_nothing_is_decided(tmp_path: Path, bare: str) -> None:
    """By the descriptor as it is shipped where this Python is one that it does not take."""
    target = "modulatio" if sys.version_info < (3, 12) else asking_for(tmp_path, ">=3.99")
    undecided(tmp_path, "too old or new a Python", target, environment=bare)


def test_without_bubblewrap_confinement_is_not_decided(tmp_path: Path) -> None:
    """Inconclusive for that reason; what needs no sandbox is judged."""
    hidden = ("unshare", "-m", "sh", "-c", WITHOUT_BWRAP, "sh")
    undecided(
        tmp_path,
        "no bubblewrap",
        "reference-channels",
        "--select",
        "BOX-04",
        before=(*hidden, str(tmp_path / "hidden")),
    )
    code, said, _ = wallbite(
        *(tmp_path, "reference-channels", "--select", "BOX-04,BOX-13"), before=(*hidden, str(tmp_path / "again"))
    )
    assert code == 3
    assert "1 pass, 0 fail, 1 inconclusive" in said


def test_without_a_second_uid_nothing_is_decided(tmp_path: Path) -> None:
    """In a user namespace that has root and nobody else."""
    undecided(tmp_path, "no second uid", "reference-channels", before=("unshare", "--user", "--map-root-user"))


def test_a_profile_that_a_target_does_not_claim_is_refused(tmp_path: Path) -> None:
    """A gateway is no library: usage, before anything runs."""
    code, said, _ = wallbite(tmp_path, "reference", "--profile", "channels")
    assert code == 2
    assert "does not claim the profile" in said


def test_the_stand_in_keeps_a_row_of_each_kind(tmp_path: Path, stub: str) -> None:
    """By the very descriptor that finds faults in the package; all rows are `nox -s targets`."""
    whole = os.environ.get("WALLBITE_TARGETS") == "whole"
    rows = () if whole else ("--select", "CHAN-11,CHAN-14,BOX-06,BOX-14,BOX-16,BOX-17,SHARE-03")
    code, said, _ = wallbite(tmp_path, "modulatio", *rows, environment=stub)
    assert code == 0, said


@pytest.mark.skipif(not os.environ.get(OWN), reason=f"{OWN} names no virtual environment; nox -s targets makes one")
def test_the_package_does_not_conform_and_every_requirement_has_a_verdict(tmp_path: Path) -> None:
    """Exit code 1; each pass names its control."""
    code, said, out = wallbite(tmp_path, "modulatio", environment=os.environ[OWN])
    assert code == 1, said
    assert all(one["control"] for one in judged(out) if one["ruling"] == "pass")
