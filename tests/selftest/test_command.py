"""``wallbite selftest`` as a user has it: exit codes, what it writes, and that it notices its own gaps."""

from __future__ import annotations

import ast
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from tests.engine import running
from tests.engine.copied import Copy
from wallbite import checks
from wallbite.content import content
from wallbite.exits import ExitCode

Done = subprocess.CompletedProcess[str]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="a run needs root")
FAULT = "lock-records-by-the-last-name"
NAMED = ("selftest", "--select", "FPR-12", "--jobs", "2")


def call(folder: Path, *words: str, **options: Any) -> Done:
    """The command, in a folder of its own."""
    folder.mkdir(exist_ok=True)
    return subprocess.run(running.command(words), cwd=folder, capture_output=True, text=True, check=False, **options)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-test of one requirement."""
    folder = tmp_path_factory.mktemp("kept")
    done = call(folder, *NAMED, "--out", str(folder / "out"))
    assert done.returncode == ExitCode.CONFORMANT, done.stdout + done.stderr
    assert "self-test passed: 2 of 2 faults noticed" in done.stdout
    return folder / "out"


@as_root
def test_what_it_writes(kept: Path) -> None:
    """A document by its schema, a page, and a record of each trial that a user can verify."""
    document = json.loads((kept / "selftest.json").read_text())
    schema = json.loads(content("reports", "schemas", "selftest.schema.json").read_text())
    jsonschema_rs.validator_for(schema).validate(document)
    assert (document["outcome"], document["whole"], document["gaps"]) == ("passed", False, [])
    assert {one["name"] for one in document["trials"]} == {FAULT, "lock-records-without-the-place"}
    assert all(one["marks"]["FPR-12"] == "killed" for one in document["trials"])
    page = (kept / "selftest.html").read_text()
    assert page.count('<rect class="killed" x=') == sum(
        list(one["marks"].values()).count("killed") for one in document["trials"]
    )
    done = call(kept.parent, "verify", str(kept / "faults" / FAULT))
    assert done.returncode == ExitCode.CONFORMANT, done.stdout


@as_root
def test_a_replay_says_the_same(kept: Path, tmp_path: Path) -> None:
    """Nothing is booted, and the trials are as they were."""
    done = call(tmp_path, *NAMED, "--replay", str(kept), "--out", str(tmp_path / "out"))
    assert done.returncode == ExitCode.CONFORMANT, done.stdout + done.stderr
    first, again = (json.loads((at / "selftest.json").read_text()) for at in (kept, tmp_path / "out"))
    assert again["trials"] == first["trials"]
    assert again["replayed"]


@as_root
def test_a_deleted_check_is_4(kept: Path, tmp_path: Path) -> None:
    """In a scratch copy, over the kept observations."""
    copy = Copy.of(tmp_path)
    delete(copy.folder / "conformance" / "test_fpr_records.py", checks.load()["FPR-12"].function.__name__)
    done = inside(copy, "--replay", str(kept))
    assert done.returncode == ExitCode.SELFTEST_FAILED, done.stdout + done.stderr
    assert "gap: FPR-12 has no check" in done.stdout
    assert f"faults/{FAULT}: FPR-12 in " in done.stdout


@as_root
@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            '"FPR-12": "it ran as uids"',
            '"FPR-12": "it ran as root"',
            "it failed for another reason than 'it ran as root'",
        ),
        (
            '"FPR-12": "it ran as uids"',
            '"FPR-12": "it ran", "FPR-13": "it"',
            "FPR-13 in {posture} did not notice it: it did",
        ),
        ('"FPR-12": "it ran as uids"', '"FPR-13": "it ran as"', "FPR-12 in {posture} failed, and is not named: "),
    ],
    ids=["another reason", "unnoticed", "unnamed"],
)
def test_a_fault_that_is_not_noticed_as_it_says_is_4(kept: Path, tmp_path: Path, old: str, new: str, said: str) -> None:
    """In a scratch copy, over the kept observations: it names another reason, too much, or too little."""
    copy = Copy.of(tmp_path)
    (tmp_path / "fixtures").unlink()
    (tmp_path / "fixtures").mkdir()
    for entry in content("fixtures").iterdir():
        if entry.name != "faults":
            (tmp_path / "fixtures" / entry.name).symlink_to(entry)
    (tmp_path / "fixtures" / "faults").mkdir()
    for entry in content("fixtures", "faults").glob("*.py"):
        (tmp_path / "fixtures" / "faults" / entry.name).write_text(entry.read_text())
    copy.edit(f"fixtures/faults/{FAULT}.py", old, new)
    done = inside(copy, "--replay", str(kept), "--fault", FAULT, select="FPR-12,FPR-13")
    assert done.returncode == ExitCode.SELFTEST_FAILED, done.stdout + done.stderr
    posture = next(one["postures"][0] for one in trials(kept) if one["name"] == FAULT)
    assert f"faults/{FAULT}: " in done.stdout
    assert said.format(posture=posture) in done.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--fault", "no-such"), "no fault is called 'no-such'"),
        (("--select", "WALL-99"), 'unknown requirement or family "WALL-99"'),
        (("--replay", "nowhere"), "nowhere/selftest.json: cannot be read: No such file or directory"),
        (("--part", "fault"), "invalid choice: 'fault'"),
        (("--out", "/proc"), "which is not part of a self-test of Wallbite"),
    ],
)
@as_root
def test_what_is_typed_wrong_is_2(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    """One line, and nothing is left."""
    done = call(tmp_path, "selftest", *words)
    assert done.returncode == ExitCode.USAGE
    assert said in done.stderr
    assert not (tmp_path / "wallbite-selftest").exists()


def inside(copy: Copy, *words: str, select: str = "FPR-12") -> Done:
    """The command of a copy."""
    environment = running.environment(PYTHONPATH=str(copy.folder), PYTHONDONTWRITEBYTECODE="1")
    named = ["selftest", "--select", select, *words, "--out", str(copy.folder / "out")]
    return call(copy.folder / "run", *named, env=environment)


def delete(path: Path, name: str) -> None:
    """Take a check out of its module."""
    text = path.read_text()
    found = next(node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef) and node.name == name)
    lines = text.splitlines(keepends=True)
    del lines[found.decorator_list[0].lineno - 1 : found.end_lineno]
    path.write_text("".join(lines))


def trials(folder: Path) -> list[dict[str, Any]]:
    """The trials of a document."""
    found: list[dict[str, Any]] = json.loads((folder / "selftest.json").read_text())["trials"]
    return found
