"""What a user wrote or typed wrong, who he is, what his machine lacks: one line, the right code, nothing half done."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.engine import running
from tests.engine.running import Done
from wallbite.exits import ExitCode
from wallbite.selftest import small

Wallbite = Callable[..., Done]

WRONG_TEXT = {
    "bad YAML": ("schema: wallbite-target/1", "schema: [wallbite-target/1", r"small\.yaml:\d+: .*; expected .*"),
    "an unknown key": ("title: ", "titel: ", r'small\.yaml:3: unknown key "titel"; expected one of .*; did you mean '),
    "a duplicate key": ("name: small", "name: small\nname: small", r"small\.yaml:3: .*twice.*; expected .*"),
    "a wrong type": ("name: small", "name: [small]", r"small\.yaml:2: name is .*; expected .*"),
}
WRONG_WORDS = {
    "a missing file": (["./absent.yaml"], r"\./absent\.yaml: cannot be read: No such file or directory; expected "),
    "a name that is no target": (["refrence"], 'unknown target "refrence"; expected '),
    "an unknown fault": (["reference", "--fault", "no-such-fault"], "no fault is called 'no-such-fault'; "),
    "an unknown posture": (
        ["reference", "--posture", "rooot"],
        r"invalid choice: 'rooot' \(choose from .*did you mean 'root'",
    ),
    "an unknown id": (["reference", "--select", "WALL-99"], 'unknown requirement or family "WALL-99"; expected '),
}


def refused(done: Done, code: ExitCode, line: str) -> None:
    """One line on stderr, nothing on stdout, this code, and no report."""
    assert done.code == code, done.error
    assert done.out == ""
    assert done.error.count("\n") == 1
    assert done.error.startswith("wallbite: ")
    assert re.search(line, done.error), done.error
    assert not done.folder.exists()
    assert done.left == ()


@pytest.mark.parametrize("name", WRONG_TEXT)
def test_a_wrong_descriptor_is_refused(wallbite: Wallbite, tmp_path: Path, name: str) -> None:
    """File, line, value, what was expected; exit 2."""
    old, new, line = WRONG_TEXT[name]
    path = small.write(tmp_path)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    refused(wallbite("./small.yaml"), ExitCode.USAGE, line)


@pytest.mark.parametrize("name", WRONG_WORDS)
def test_what_is_typed_wrong_is_refused(wallbite: Wallbite, name: str) -> None:
    """What was found and what was expected; exit 2."""
    words, line = WRONG_WORDS[name]
    refused(wallbite(*words), ExitCode.USAGE, line)


@pytest.mark.parametrize("kind", ["file", "foreign", "impossible"])
def test_a_wrong_place_for_the_report_is_refused(tmp_path: Path, kind: str) -> None:
    """A file, a folder with something else in it, a place below a file: exit 2, and what was there is as it was."""
    out, path = tmp_path / "out", small.write(tmp_path)
    if kind == "foreign":
        out.mkdir()
    kept = out / "mine.txt" if kind == "foreign" else out
    kept.write_text("mine")
    words = [str(path), *(["--out", str(out / "below")] if kind == "impossible" else []), "--select", "WALL-01"]
    process = running.begin(["run", *words, *([] if kind == "impossible" else ["--out", str(out)])], tmp_path)
    assert process.wait(running.PATIENCE) == ExitCode.USAGE
    error = (tmp_path / "stderr").read_text()
    assert error.startswith(f"wallbite: {out}")
    assert error.count("\n") == 1
    assert kept.read_text() == "mine"
    assert sorted(tmp_path.rglob("*.part")) == []


def test_who_is_not_root_is_told_so(tmp_path: Path) -> None:
    """One line that says what to do; exit 2; nothing is left."""
    path = small.write(tmp_path)
    tmp_path.chmod(0o755)
    process = "import os, sys; os.setgroups([]); os.setresgid(*[65534] * 3); os.setresuid(*[65534] * 3)\n"
    # Imported while it is root: its interpreter may lie where nobody else can go.
    program = (
        "import wallbite.run, wallbite.cli, wallbite.cli.run, wallbite.preflight, encodings.idna, sys, yaml\n"
        "from wallbite import catalogue, target; known = catalogue.load(); loaded = target.load(sys.argv[1])\n"
        "import wallbite.preflight as before\n"
        "before.load = lambda _: loaded; before.catalogue.load = lambda: known\n"
        f"{process}sys.exit(wallbite.cli.main(['run', sys.argv[1], '--out', sys.argv[2]]))\n"
    )
    words = [running.command([])[0], "-c", program, str(path), str(tmp_path / "out")]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=30)
    assert (done.returncode, done.stdout) == (ExitCode.USAGE, ""), done.stderr
    assert done.stderr == "wallbite: this user is not root; expected root; run: sudo wallbite run ...\n"
    assert not (tmp_path / "out").exists()


def test_a_kernel_that_refuses_is_said(tmp_path: Path) -> None:
    """Without CAP_SYS_ADMIN, as in a container: one line that says what is missing; exit 3; nothing half done."""
    path = small.write(tmp_path)
    words = ["setpriv", "--bounding-set", "-sys_admin", "--inh-caps", "-sys_admin"]
    words += running.command(["run", str(path), "--select", "WALL-01", "--out", str(tmp_path / "out")])
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=30)
    assert (done.returncode, done.stdout) == (ExitCode.UNDECIDED, ""), done.stderr
    assert done.stderr.startswith("wallbite: cannot make namespaces: Operation not permitted; needs CAP_SYS_ADMIN")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()
    assert os.listdir(tmp_path) == ["small.yaml"]
