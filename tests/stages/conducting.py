"""What conducts share: launching a program, and the errno of a call."""

# An errno is wanted, of a call that is seen; and a stage is not the host.

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from wallbite.postures import POSTURES
from wallbite.stages.launch import Launch, launch

Emit = Callable[[dict[str, Any]], None]
Request = dict[str, Any]


def errno_of(function: Callable[[], Any]) -> str:
    """The name of the errno that a call fails with, or OK."""
    try:
        function()
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    return "OK"


def wait(pid: int) -> int:
    """Wait for a child; its exit code, or the negative number of a signal."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def spec(request: Request, posture: str, *argv: str, **more: Any) -> Launch:
    """A launch under the first uid of the worker, or under 0 where the posture is a root's."""
    uid = 0 if POSTURES[posture].root else request["uid_base"]
    return Launch(POSTURES[posture], uid, uid, argv, **more)


def outcome(spec: Launch) -> tuple[int, str]:
    """Exit code and everything that it printed."""
    reading, writing = os.pipe()
    pid = launch(replace(spec, stdout=writing, stderr=writing))
    os.close(writing)
    with os.fdopen(reading) as stream:
        text = stream.read()
    return wait(pid), text
