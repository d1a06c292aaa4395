"""Exec tracing: a command run to its end, with the credentials of each of its processes at each exec and at its exit.

The tracer is a process of its own, so that waiting for whatever stops takes nobody else's children; what it traces
dies with it.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal

from wallbite.stages import dropped, kernel, ptrace
from wallbite.stages.credentials import Credentials, read_credentials
from wallbite.stages.launch import Launch, LaunchError, launch

_WALL: Final = 0x40000000  # __WALL: children of every kind
_CHUNK: Final = 1 << 16
_MOST_STOPS: Final = 20_000
_LATE: Final = 10.0  # seconds past the timeout for the tracer to answer


@dataclass(frozen=True, slots=True)
class TraceStop:
    """A process, seen while it stood still.

    Attributes:
        pid: of the process (not of a thread).
        event: ``exec``, right after one; or ``exit``, before anything of it is torn down.
        credentials: then.
        exe: the executable, as the kernel names it; empty where it cannot say.
        status: for ``exit``, its exit code, negative for a signal; else None.
        seen: what the caller's look at it gave, as JSON values.
    """

    pid: int
    event: Literal["exec", "exit"]
    credentials: Credentials
    exe: str
    status: int | None = None
    seen: Any = None


@dataclass(frozen=True, slots=True)
class Trace:
    """What came of a command.

    Attributes:
        stops: in the order in which they happened.
        exit_code: of the command itself, negative for a signal; None where its time was up.
        stdout, stderr: cut at the bound.
        complete: False where time was up, or the processes stopped too often.
    """

    stops: tuple[TraceStop, ...]
    exit_code: int | None
    stdout: bytes
    stderr: bytes
    complete: bool


def trace(
    spec: Launch,
    timeout: float = 10.0,
    bound: int = 1 << 20,
    look: Callable[[int], Any] | None = None,
    keep: tuple[int, ...] = (),
) -> Trace:
    """Run a command until none of its processes is left.

    Args:
        spec: what to run; where it says no stdout or stderr, these are pipes.
        look: called with the pid of each process while it stands still, in the tracer; gives JSON values.
        timeout: seconds; then all of it is killed.
        bound: the most bytes kept of each of stdout and stderr.
        keep: descriptors that `look` needs.

    Raises:
        LaunchError: it did not start.
        DroppedError, TimeoutError: the tracer broke.
    """
    keep = (*keep, *(fd for fd in (spec.stdin, spec.stdout, spec.stderr, *spec.inherit) if fd is not None))
    answer = dropped.as_root(
        lambda: _follow(spec, time.monotonic() + timeout, bound, look),
        timeout + _LATE,
        bound=64 << 20,
        keep=keep,
    )
    if "launch" in answer:
        raise LaunchError(*answer["launch"])
    return Trace(
        stops=tuple(_stop_from(stop) for stop in answer["stops"]),
        exit_code=answer["exit_code"],
        stdout=answer["stdout"].encode("latin-1"),
        stderr=answer["stderr"].encode("latin-1"),
        complete=answer["complete"],
    )


def _stop_from(values: dict[str, Any]) -> TraceStop:
    known = values.pop("credentials")
    tuples = {name: tuple(known[name]) for name in ("uids", "gids", "groups")}
    return TraceStop(credentials=Credentials(**{**known, **tuples}), **values)


class _Drain:
    """The reading end of a pipe; keeps up to `bound` bytes and throws the rest away."""

    def __init__(self, bound: int) -> None:
        self.reading, self.writing = os.pipe()
        os.set_blocking(self.reading, False)
        self._bound = bound
        self.kept = bytearray()

    def read(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while chunk := os.read(self.reading, _CHUNK):
                self.kept += chunk[: self._bound - len(self.kept)]


def _follow(spec: Launch, deadline: float, bound: int, look: Callable[[int], Any] | None) -> dict[str, Any]:
    """In the tracer: the whole life of the command."""
    kernel.become_subreaper()
    wake = _wakeup()
    out, err = _Drain(bound), _Drain(bound)
    try:
        stdout, stderr = spec.stdout or out.writing, spec.stderr or err.writing
        pid = launch(replace(spec, stdout=stdout, stderr=stderr, stop_after_exec=True))
    except LaunchError as error:
        return {"launch": [error.errno, error.strerror, error.filename]}
    os.close(out.writing)
    os.close(err.writing)
    tracer = _Tracer(pid, look)
    tracer.begin()
    _loop(tracer, deadline, wake, (out, err))
    if tracer.alive:
        tracer.kill_all()
    for drain in (out, err):
        drain.read()
    return {
        "stops": [asdict(stop) for stop in tracer.stops],
        "exit_code": tracer.exit_code,
        "stdout": out.kept.decode("latin-1"),
        "stderr": err.kept.decode("latin-1"),
        "complete": not tracer.alive and len(tracer.stops) < _MOST_STOPS,
    }


def _loop(tracer: _Tracer, deadline: float, wake: int, drains: tuple[_Drain, ...]) -> None:
    waiting = [wake, *(drain.reading for drain in drains)]
    while tracer.step() and len(tracer.stops) < _MOST_STOPS and (left := deadline - time.monotonic()) > 0:
        ready = select.select(waiting, [], [], left)[0]
        for drain in drains:
            if drain.reading in ready:
                before = len(drain.kept)
                drain.read()
                if len(drain.kept) == before and _ended(drain.reading):
                    waiting.remove(drain.reading)
        if wake in ready:
            os.read(wake, _CHUNK)


def _ended(descriptor: int) -> bool:
    """Whether a pipe has no writer and nothing left in it."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return any(events & select.POLLHUP and not events & select.POLLIN for _, events in poll.poll(0))


def _wakeup() -> int:
    """A descriptor that becomes readable when a child stops or ends."""
    reading, writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    return reading


class _Tracer:
    """Knows the processes that are traced, and what was seen of them."""

    def __init__(self, pid: int, look: Callable[[int], Any] | None = None) -> None:
        self.main = pid
        self.look = look
        self.alive = {pid}
        self.stops: list[TraceStop] = []
        self.exit_code: int | None = None

    def begin(self) -> None:
        """The first exec has happened: its process stands still."""
        ptrace.follow(self.main)
        self._see(self.main, "exec")
        ptrace.resume(self.main)

    def step(self) -> bool:
        """Deal with everything that has stopped or ended; False when nothing is left."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG | _WALL)
            except ChildProcessError:
                self.alive.clear()
                return False
            if not pid:
                return True
            self._handle(pid, status)

    def kill_all(self) -> None:
        """Kill whatever is left, and wait for it."""
        for pid in self.alive:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, _WALL)
                if os.WIFSTOPPED(status):
                    with contextlib.suppress(OSError):
                        ptrace.resume(pid, signal.SIGKILL)

    def _handle(self, pid: int, status: int) -> None:
        if not os.WIFSTOPPED(status):
            self.alive.discard(pid)
            if pid == self.main:
                self.exit_code = os.waitstatus_to_exitcode(status)
            return
        self.alive.add(pid)
        self._look(pid, ptrace.event(status))
        with contextlib.suppress(OSError):  # it was killed where it stood
            ptrace.resume(pid, _to_deliver(status))

    def _look(self, pid: int, event: int) -> None:
        with contextlib.suppress(OSError):
            if event == ptrace.EVENT_EXEC:
                self._see(pid, "exec")
            elif event == ptrace.EVENT_EXIT and _is_process(pid):
                self._see(pid, "exit", os.waitstatus_to_exitcode(ptrace.message(pid)))

    def _see(self, pid: int, event: Literal["exec", "exit"], status: int | None = None) -> None:
        seen = self.look(pid) if self.look else None
        self.stops.append(TraceStop(pid, event, read_credentials(pid), _executable(pid), status, seen))


def _to_deliver(status: int) -> int:
    """The signal that a stop withheld; none for an event, nor for a new child's first stop."""
    number = os.WSTOPSIG(status)
    return 0 if status >> 16 or number in (signal.SIGSTOP, signal.SIGTRAP) else number


def _is_process(pid: int) -> bool:
    """Whether `pid` is a process, not one of its further threads."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    return f"\nTgid:\t{pid}\n" in status


def _executable(pid: int) -> str:
    with contextlib.suppress(OSError):
        return str(Path(f"/proc/{pid}/exe").readlink())
    return ""
