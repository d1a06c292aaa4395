"""The commands that need neither root nor a run."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from wallbite import __version__, catalogue
from wallbite.exits import ExitCode
from wallbite.target import load

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ([], "the following arguments are required: COMMAND; see: wallbite --help"),
        (["rnu"], "did you mean 'run'?"),
        (["run", "--nope"], "unrecognized arguments: --nope; see: wallbite --help"),
        (["run", "--sel", "WALL"], "unrecognized arguments: --sel"),
        (["run", "refrence"], 'unknown target "refrence"; expected '),
        (["run", "--posture", "rot"], "did you mean 'root'?"),
        (["run", "--stage", "docker"], "invalid choice: 'docker'"),
        (["run", "--profile", "privsp"], "did you mean 'privsep'?"),
        (["run", "--jobs", "0"], "argument --jobs: '0'; expected a whole number from 1 to 256"),
        (["run", "--jobs", "many"], "argument --jobs: 'many'; expected a whole number"),
        (["run", "--jobs", "257"], "argument --jobs: '257'; expected a whole number"),
        (["run", "--distro", "debian-12"], "--distro without --stage container"),
        (["run", "--stage", "container", "--distro", "x", "--image", "y"], "not allowed with argument --distro"),
        (["run", "--stage", "container", "--engine", "dokcer"], "did you mean 'docker'?"),
        (["image", "build", "debain-12"], "did you mean 'debian-12"),
        (["image"], "the following arguments are required: ACTION"),
        (["run", "--seed", "x"], "argument --seed: invalid int value: 'x'"),
        (["run", "--select", "WALL-99"], 'unknown requirement or family "WALL-99"'),
        (["run", "--select", "WALL,FOO"], 'unknown requirement or family "FOO"'),
        (["run", "--select", ","], "--select names nothing"),
        (["explain"], "the following arguments are required: ID"),
        (["explain", "WALL-99"], 'unknown requirement "WALL-99"; expected an id of '),
        (["check"], "the following arguments are required: FILE"),
        (["check", "./absent.yaml"], "./absent.yaml: cannot be read: No such file or directory"),
        (["check", "."], ".: is a directory; expected a regular file; name a file"),
        (["init", "/proc/nothing/x"], "/proc/nothing/x: cannot be written: No such file or directory"),
        (["report", "."], "a folder and --format are needed; expected DIR --format F, or --matrix DIR..."),
        (["report", ".", "--format", "pdf"], "invalid choice: 'pdf' (choose from "),
        (["report", ".", "--format", "html", "--key", "k"], "--key signs an attestation only; expected --format att"),
        (["report", ".", "--format", "attestation", "--key", "k"], "k: cannot be read: No such file"),
        (["verify", ".", "--attestation", "a"], "--attestation without --key; expected the key that signed it"),
        (["diff", "."], "the following arguments are required: NEW"),
        (["diff", ".", "."], "record.jsonl: record.jsonl: No such file or directory"),
        (["run", "--waivers", "absent.yaml"], "absent.yaml: cannot be read: No such file"),
        (["list", "--format", "xml"], "invalid choice: 'xml'"),
        (["check", "a\x1b[31m\nb"], 'unknown target "a\\u001b[31m\\nb"'),
    ],
)
def test_what_is_typed_wrong_is_answered_with_one_line_and_2(wallbite: Command, words: list[str], line: str) -> None:
    """Where, what, what was expected, what to do; nothing on stdout; nothing left behind."""
    done = wallbite(*words)
    assert (done.returncode, done.stdout) == (ExitCode.USAGE, "")
    assert done.stderr.startswith("wallbite: ")
    assert done.stderr.count("\n") == 1
    assert line in done.stderr


def test_a_wrong_descriptor_is_answered_with_its_line(wallbite: Command, tmp_path: Path) -> None:
    """The whole sentence, as a user sees it."""
    wallbite("init", "mine.yaml")
    path = tmp_path / "mine.yaml"
    text = path.read_text()
    path.write_text(text.replace("kind: directory, owner: root", "kind: directory, owner: rot", 1))
    line = text[: text.index("kind: directory, owner: root")].count("\n") + 1
    done = wallbite("check", "mine.yaml")
    assert done.returncode == ExitCode.USAGE
    assert done.stderr == (
        f'wallbite: mine.yaml:{line}: surfaces.plugin-root.owner is "rot"; '
        "expected one of root, gateway, alpha, beta, {account}; did you mean 'root'?\n"
    )


def test_the_version_is_said(wallbite: Command) -> None:
    """On stdout, with 0."""
    done = wallbite("--version")
    assert (done.returncode, done.stdout) == (0, f"wallbite {__version__}\n")


def test_help_names_every_command_and_exit_code(wallbite: Command) -> None:
    """Also what the codes mean."""
    text = wallbite("--help").stdout
    for word in ("run", "list", "explain", "check", "init", "report", "verify", "diff", "3 could not decide", "130"):
        assert word in text


def test_the_list_names_every_requirement_and_missing_family(wallbite: Command) -> None:
    """As a table for people, and as JSON with a schema version for programs."""
    known = catalogue.load()
    table = wallbite("list")
    assert table.returncode == 0
    listed = json.loads(wallbite("list", "--format", "json").stdout)
    assert listed["schema"] == "wallbite-list/1"
    assert [each["id"] for each in listed["requirements"]] == [each.id for each in known.of("privsep")]
    assert [each["family"] for each in listed["missing"]] == [each.name for each in known.missing()]
    assert all(each.id in table.stdout for each in known.of("privsep"))
    assert all(each.name in table.stdout for each in known.missing())


def test_every_requirement_can_be_explained(wallbite: Command) -> None:
    """The id in any case; the statement, the control and the row's place are there."""
    first = next(iter(catalogue.load().requirements.values()))
    done = wallbite("explain", first.id.lower())
    assert done.returncode == 0
    text = " ".join(done.stdout.split())
    assert f"{first.id} {first.level}" in text
    assert first.statement in text
    assert first.remediation in text
    assert first.where in text


def test_the_starter_is_sound_and_never_overwrites(wallbite: Command, tmp_path: Path) -> None:
    """`init` writes what `check` accepts; a second `init` refuses and changes nothing."""
    done = wallbite("init")
    assert (done.returncode, done.stderr) == (0, "")
    path = tmp_path / "wallbite.yaml"
    checked = wallbite("check", "wallbite.yaml")
    assert checked.returncode == 0, checked.stderr
    assert "wallbite.yaml: sound: My gateway" in checked.stdout
    path.write_text("mine")
    again = wallbite("init")
    assert again.returncode == ExitCode.USAGE
    assert again.stderr == "wallbite: wallbite.yaml: is there already; expected a new file; name another one\n"
    assert path.read_text() == "mine"


def test_the_starter_does_not_follow_a_link(wallbite: Command, tmp_path: Path) -> None:
    """Not even a dangling one."""
    (tmp_path / "wallbite.yaml").symlink_to(tmp_path / "elsewhere")
    assert wallbite("init").returncode == ExitCode.USAGE
    assert not (tmp_path / "elsewhere").exists()


def test_the_starter_describes_what_it_says() -> None:
    """It has accounts, surfaces of every class, and an enforcing posture."""
    from wallbite.cli.init import STARTER  # noqa: PLC0415 - the template itself

    target = load(STARTER)
    assert {surface.class_ for surface in target.surfaces} == {"gateway", "account", "code", "parent"}
    assert stat.S_IMODE(target.surface("age-key").mode) == 0o600


def test_a_reader_that_goes_away_changes_nothing() -> None:
    """`wallbite list | head -1` ends with 0 and without a word."""
    command = f"{sys.executable} -m wallbite list --format json"
    done = subprocess.run(
        ["/bin/bash", "-c", f"{command} | head -c 1; exit ${{PIPESTATUS[0]}}"], capture_output=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"{", b"")


def test_a_full_disk_is_no_success(wallbite: Command) -> None:
    """What cannot be written is said, and the code is 3, not the interpreter's 120."""
    with Path("/dev/full").open("w") as full:
        done = wallbite("list", capture_output=False, stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == ExitCode.UNDECIDED
    assert "No space left on device" in done.stderr


def test_closed_streams_do_no_harm() -> None:
    """Started without stdout or stderr it still ends with the right code."""
    command = f"{sys.executable} -m wallbite"
    for words, code in (("list", 0), ("explain nothing", 2)):
        done = subprocess.run(["/bin/bash", "-c", f"{command} {words} >&- 2>&-"], check=False)
        assert done.returncode == code


def test_any_locale_will_do(wallbite: Command) -> None:
    """A terminal that knows only ASCII gets escapes."""
    done = wallbite("check", "é", env={**os.environ, "LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"})
    assert done.returncode == ExitCode.USAGE
    assert "Traceback" not in done.stderr
