"""What is waited for once a real init has forked something."""

import os
import subprocess
from pathlib import Path

import pytest

from wallbite.installation.service import _await_program
from wallbite.installation.starter import Launcher
from wallbite.stages import ptrace
from wallbite.stages.launch import LaunchError

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="tracing another's child needs root")


def gated(gate: Path, *words: str) -> subprocess.Popen[bytes]:
    """A process that opens a pipe, as systemd does for a unit, and then executes these words."""
    os.mkfifo(gate)
    return subprocess.Popen(["/bin/sh", "-c", 'exec "$@" < "$0"', str(gate), *words])


@needs_root
def test_it_stands_at_the_exec_of_the_program(tmp_path: Path) -> None:
    """Whatever is executed before that; and it runs on when it is released."""
    process = gated(tmp_path / "gate", "/usr/bin/env", "/bin/cat")
    ptrace.seize(process.pid)
    with open(os.open(tmp_path / "gate", os.O_RDWR), "rb"):
        _await_program(process.pid, "/bin/cat")
    assert Path(f"/proc/{process.pid}/exe").readlink() == Path("/bin/cat").resolve()
    assert "\nState:\tt" in Path(f"/proc/{process.pid}/status").read_text()  # it stands still
    Launcher().release(process.pid)
    assert process.wait() == 0


@needs_root
def test_what_ends_before_is_said_to_have_ended(tmp_path: Path) -> None:
    """Not that a file is missing, which would be nobody's fault."""
    process = gated(tmp_path / "gate", "/bin/false")
    ptrace.seize(process.pid)
    with (
        open(os.open(tmp_path / "gate", os.O_RDWR), "rb"),
        pytest.raises(LaunchError, match="it ended before it executed /bin/cat: 1"),
    ):
        _await_program(process.pid, "/bin/cat")
    process.wait()


@needs_root
def test_what_executes_something_else_is_not_waited_for_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A unit that never comes to the program, and goes on with another."""
    monkeypatch.setattr("wallbite.installation.service._PATIENCE", 1.0)
    process = gated(tmp_path / "gate", "/bin/sleep", "1000")
    ptrace.seize(process.pid)
    try:
        with (
            open(os.open(tmp_path / "gate", os.O_RDWR), "rb"),
            pytest.raises(LaunchError, match="it does not execute /bin/cat"),
        ):
            _await_program(process.pid, "/bin/cat")
    finally:
        process.kill()
        process.wait()
