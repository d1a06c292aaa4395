"""What is heard of a process that calls a library: until its end, and not of whoever it leaves behind."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from wallbite.cases.channels.calling import _heard

LEAVES = "import os, sys; print('said', flush=True); os.fork() == 0 and os.read(3, 1); os._exit(0)"
HANGS = "import os; print('first', flush=True); os.read(3, 1)"
SILENT = "import os; os.read(3, 1)"


@contextmanager
def started(program: str) -> Iterator[tuple[int, int]]:
    """A process; the ends of its output and of its life. It, and whoever it leaves, waits for a pipe that closes."""
    said, out = os.pipe()
    wait, hold = os.pipe()
    os.set_inheritable(wait, True)
    code = f"import os; os.dup2({wait}, 3); {program}" if wait != 3 else program
    process = subprocess.Popen([sys.executable, "-I", "-c", code], stdout=out, pass_fds=(wait,))
    os.close(out)
    os.close(wait)
    handle = os.pidfd_open(process.pid)
    try:
        yield said, handle
    finally:
        os.close(hold)
        process.wait(10)
        os.close(said)
        os.close(handle)


def test_whoever_is_left_behind_is_not_waited_for() -> None:
    """It holds the output still; all that was said is there."""
    with started(LEAVES) as (said, ended):
        assert _heard(said, ended, time.monotonic() + 60) == (b"said\n", True)


def test_one_that_hangs_is_not_timely() -> None:
    """What it has said until then is there."""
    with started(HANGS) as (said, ended):
        assert _heard(said, ended, time.monotonic() + 60, 0.1) == (b"first\n", False)


def test_time_runs_from_the_first_line_where_it_is_asked_for() -> None:
    """Without a line it is the start that has taken too long."""
    with started(SILENT) as (said, ended):
        assert _heard(said, ended, time.monotonic() + 0.1, 60) == (b"", False)
