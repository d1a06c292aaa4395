"""``ptrace(2)``, as far as exec and exit of processes are followed. A tracer is a thread, not a process."""

from __future__ import annotations

import ctypes
import os
import signal
from typing import Final

from wallbite.stages import kernel

EVENT_FORK: Final = 1
EVENT_VFORK: Final = 2
EVENT_CLONE: Final = 3
EVENT_EXEC: Final = 4
EVENT_EXIT: Final = 6
EVENT_STOP: Final = 128

_TRACEME: Final = 0
_CONT: Final = 7
_DETACH: Final = 17
_SETOPTIONS: Final = 0x4200
_GETEVENTMSG: Final = 0x4201
_SEIZE: Final = 0x4206
_OPTIONS: Final = (
    sum(1 << event for event in (EVENT_FORK, EVENT_VFORK, EVENT_CLONE, EVENT_EXEC, EVENT_EXIT)) | 1 << 20  # EXITKILL
)


def traceme() -> None:
    """Be traced by the parent; the next exec stops this process."""
    kernel.long_call("ptrace", _TRACEME, 0, None, None)


def seize(pid: int) -> None:
    """Trace a running process of whoever's, which is not stopped by that; it stops at its next exec."""
    kernel.long_call("ptrace", _SEIZE, pid, None, 1 << EVENT_EXEC)


def follow(pid: int) -> None:
    """Have `pid` and its descendants stop at exec and exit, and die with the tracer."""
    kernel.long_call("ptrace", _SETOPTIONS, pid, None, _OPTIONS)


def resume(pid: int, signal_number: int = 0) -> None:
    """Let a stopped `pid` run on, with a signal where there is one."""
    kernel.long_call("ptrace", _CONT, pid, None, signal_number)


def detach(pid: int) -> None:
    """Let a stopped `pid` run on, untraced."""
    kernel.long_call("ptrace", _DETACH, pid, None, 0)


def message(pid: int) -> int:
    """What came with the last event: a new pid, or the wait status of an exit."""
    value = ctypes.c_ulong()
    kernel.long_call("ptrace", _GETEVENTMSG, pid, None, ctypes.byref(value))
    return value.value


def event(status: int) -> int:
    """The event of a wait status: EVENT_*, or 0 for a plain stop."""
    return status >> 16 if os.WIFSTOPPED(status) and os.WSTOPSIG(status) == signal.SIGTRAP else 0
