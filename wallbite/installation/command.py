"""Running a command of the target's in its stage: in bounded time, and keeping no more of its output than is shown."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

KEPT: Final = 2000  # bytes of the end of its output
CHUNK: Final = 1 << 16
PARTING: Final = 1 << 20  # bytes that are still read when it has ended, and its children have not


def run_bounded(
    argv: Sequence[str], timeout: float, stdin: Any = subprocess.DEVNULL, keep: int = KEPT, **options: Any
) -> tuple[int, str]:
    """Its exit code (negative for a signal) and the last `keep` bytes of what it printed; options are ``Popen``'s.

    Raises:
        OSError: it cannot be started, or has not ended in time (``TimeoutError``); it is killed then.
    """
    deadline = time.monotonic() + timeout
    process = subprocess.Popen(
        argv,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        **options,
    )
    try:
        kept = _listen(process, deadline, keep)
    except TimeoutError:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        raise
    finally:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()
    return process.returncode, kept.decode("utf-8", "backslashreplace")


def _listen(process: subprocess.Popen[bytes], deadline: float, keep: int) -> bytes:
    """The end of its output, when it has ended."""
    assert process.stdout is not None
    source, kept = process.stdout.fileno(), b""
    os.set_blocking(source, False)
    left = PARTING
    while left > 0:
        ended = process.poll() is not None
        chunk = _read(source, process, deadline, ended=ended)
        if ended:
            left -= len(chunk)
            if not chunk:
                break
        kept = (kept + chunk)[-keep:]
    return kept


def _read(source: int, process: subprocess.Popen[bytes], deadline: float, *, ended: bool) -> bytes:
    """What is there; waits for more, or for its end, while it has not ended.

    Raises:
        TimeoutError: neither came in time.
    """
    if not ended:
        handle = os.pidfd_open(process.pid)
        try:
            ready = select.select([source, handle], [], [], max(0.0, deadline - time.monotonic()))[0]
        finally:
            os.close(handle)
        if not ready or time.monotonic() >= deadline:
            raise TimeoutError("it did not end in time")
        if source not in ready:
            return b""
    try:
        chunk = os.read(source, CHUNK)
    except BlockingIOError:
        return b""
    if not chunk and not ended:  # it closed its output, and goes on
        _wait(process, deadline)
    return chunk


def _wait(process: subprocess.Popen[bytes], deadline: float) -> None:
    try:
        process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        raise TimeoutError("it did not end in time") from None
