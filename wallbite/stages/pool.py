"""The pool: the harness's side of the workers.

It has no threads: a worker is killed by the kernel when the *thread* that started it ends, so the pool belongs to the
main thread.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self

from wallbite.problems import EnvironmentProblem
from wallbite.stages.told import Lines, fault

Case = dict[str, Any]
Order = dict[str, Any]
Start = Callable[[Order], tuple[subprocess.Popen[bytes], Order]]

_BOOT: Final = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from wallbite.stages import worker; worker.main()"
)
_GRACE: Final = 30.0  # seconds past a case's own time, for a worker to say so and clear away
_FAREWELL: Final = 10.0  # seconds for a worker to end its stage when it is told to stop
_CHUNK: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class CaseResult:
    """What came of a case.

    Attributes:
        case: the case as it was given.
        observations: what it emitted, in order; also what it did before it failed.
        problem: why it did not come to its end, in one line, or None.
        seconds: from the fork of its helper until nothing of the stage was left.
        cpu_seconds: processor time of all its processes.
        trace: the traceback of an exception that nobody caught, else empty.
    """

    case: Case
    observations: Sequence[dict[str, Any]]
    problem: str | None
    seconds: float
    cpu_seconds: float
    trace: str = ""


@dataclass(slots=True)
class _Worker:
    """A worker process and the case that it has."""

    process: subprocess.Popen[bytes]
    case: Case | None = None
    started: float = 0.0
    deadline: float = float("inf")
    received: bytearray = field(default_factory=bytearray)

    @property
    def output(self) -> int:
        """The descriptor of its answers."""
        assert self.process.stdout is not None  # noqa: S101 - a pipe was asked for
        return self.process.stdout.fileno()

    def give(self, case: Case, timeout: float) -> None:
        """Have it run `case`."""
        self.case, self.received = case, bytearray()
        self.started = time.monotonic()
        self.deadline = self.started + timeout + _GRACE
        self.send({"case": case, "timeout": timeout})

    def send(self, order: dict[str, Any]) -> None:
        """Send it one line of JSON."""
        assert self.process.stdin is not None  # noqa: S101 - a pipe was asked for
        with contextlib.suppress(BrokenPipeError):  # it died; its output says so
            self.process.stdin.write(json.dumps(order).encode() + b"\n")
            self.process.stdin.flush()

    def take(self) -> Case:
        """The case that it had; it is idle now."""
        assert self.case is not None  # noqa: S101 - only a busy worker is asked
        case, self.case = self.case, None
        return case

    def dismiss(self) -> None:
        """Tell it to end its stage and itself."""
        for stream in (self.process.stdin, self.process.stdout):
            with contextlib.suppress(BrokenPipeError):
                if stream is not None:
                    stream.close()

    def join(self) -> None:
        """Wait until it has."""
        try:
            self.process.wait(_FAREWELL)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Pool:
    """Workers for as long as the ``with`` block lasts. At its end nothing of them or of their stages is left."""

    def __init__(
        self,
        jobs: int,
        conduct: str = "wallbite.cases.conduct:conduct",
        trees: Sequence[str | os.PathLike[str]] = (),
        context: Mapping[str, Any] | None = None,
        start: Start | None = None,
        once: bool = False,
    ) -> None:
        """Name the workers' number and task.

        Args:
            jobs: how many stages there are at a time.
            conduct: what runs in a stage, as ``module:function``; it is called with the case (and ``uid_base``,
                ``stage``) and a function that takes an observation.
            trees: paths that every uid in a stage must reach, besides the interpreter's and the harness's.
            context: JSON values for the function ``prepare`` of the task's module; a case may have a ``context`` of
                its own.
            start: starts a worker elsewhere, given its first order as it would be here.
            once: a worker has one case, and another is started for the next.
        """
        if jobs < 1:
            raise ValueError(f"{jobs} jobs, expected at least 1")
        self._jobs = jobs
        paths = [_absolute(tree) for tree in trees]
        self._order = {"parent": os.getpid(), "conduct": conduct, "trees": paths, "context": context}
        self._start, self._once = start or start_here, once
        self._workers: list[_Worker] = []

    def __enter__(self) -> Self:
        """Start the workers."""
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("a pool belongs to the main thread: workers die with the thread that started them")
        self._fill(0 if self._once else self._jobs)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        """Stop the workers, and with them every stage."""
        self._stop(self._workers)

    def run(
        self,
        cases: Sequence[Case],
        timeout: float = 60.0,
        on_started: Callable[[Case], None] | None = None,
        on_finished: Callable[[CaseResult], None] | None = None,
    ) -> Iterator[CaseResult]:
        """Run `cases`, each in a stage of its own; results come in the order in which they end.

        Args:
            cases: JSON objects; a deque may be added to while it is worked off.
            timeout: seconds for each, from boot to teardown; a case's own ``timeout`` goes before.
            on_started: called when a case is given to a worker.
            on_finished: called with each result before it is yielded.

        Raises:
            EnvironmentProblem: no worker can start.
        """
        waiting = cases if isinstance(cases, deque) else deque(cases)
        try:
            while waiting or self._busy():
                self._fill(min(self._jobs, len(waiting) + len(self._busy())) if self._once else self._jobs)
                self._hand_out(waiting, timeout, on_started)
                for result in self._results():
                    if on_finished:
                        on_finished(result)
                    if not self._once:  # whoever takes the result may take long over it
                        self._hand_out(waiting, timeout, on_started)
                    yield result
        finally:
            self._stop(self._busy())

    def _busy(self) -> list[_Worker]:
        return [worker for worker in self._workers if worker.case is not None]

    def _fill(self, number: int) -> None:
        while len(self._workers) < number:
            process, order = self._start(self._order)
            worker = _Worker(process)
            worker.send(order)
            self._workers.append(worker)

    def _stop(self, workers: list[_Worker]) -> None:
        """Dismiss all before waiting for one."""
        stopped = list(workers)
        self._workers = [worker for worker in self._workers if worker not in stopped]
        for worker in stopped:
            worker.dismiss()
        for worker in stopped:
            worker.join()

    def _hand_out(self, waiting: deque[Case], timeout: float, on_started: Callable[[Case], None] | None) -> None:
        for worker in self._workers:
            if waiting and worker.case is None:
                case = waiting.popleft()
                worker.give(case, float(case.get("timeout", timeout)))
                if on_started:
                    on_started(case)

    def _results(self) -> Iterator[CaseResult]:
        """Wait until a worker says something, and give out what has become complete."""
        with selectors.DefaultSelector() as selector:
            for worker in self._busy():
                selector.register(worker.output, selectors.EVENT_READ, worker)
            first = min(worker.deadline for worker in self._busy())
            ready = [key.data for key, _ in selector.select(max(0.0, first - time.monotonic()))]
        for worker in ready:
            result = self._read(worker)
            if result:
                if self._once:
                    self._stop([worker])
                yield result
        for worker in self._busy():
            if worker.deadline < time.monotonic():
                yield self._lost(worker, "the worker did not answer")

    def _read(self, worker: _Worker) -> CaseResult | None:
        chunk = os.read(worker.output, _CHUNK)
        if not chunk:
            worker.process.wait()
            return self._lost(worker, f"the worker died: exit status {worker.process.returncode}")
        worker.received += chunk
        end = worker.received.find(b"\n")
        if end < 0:
            return None
        summary = json.loads(worker.received[:end])
        if "fatal" in summary:
            raise EnvironmentProblem(f"a worker cannot start: {summary['fatal']}")
        if len(worker.received) < end + 1 + summary["size"]:
            return None
        with memoryview(worker.received) as received:
            payload = bytes(received[end + 1 :])
        worker.received = bytearray()
        return _result(worker, summary, payload)

    def _lost(self, worker: _Worker, problem: str) -> CaseResult:
        worker.process.kill()
        self._stop([worker])
        return CaseResult(worker.take(), [], problem, time.monotonic() - worker.started, 0.0)


def start_here(order: Order) -> tuple[subprocess.Popen[bytes], Order]:
    """Start a worker on this machine."""
    path = [_absolute(entry) for entry in sys.path]
    flags = ["-I", *(["-B"] if sys.dont_write_bytecode else [])]
    process = subprocess.Popen(
        [sys.executable, *flags, "-c", _BOOT, json.dumps(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,  # an interrupt of the terminal is the harness's to handle
        cwd="/",
        # A root target writes the stage's /etc: the conductor must not configure its OpenSSL from there.
        env={**os.environ, "OPENSSL_CONF": "/proc/none/openssl.cnf"},
    )
    return process, order


def _absolute(path: str | os.PathLike[str]) -> str:
    return os.path.abspath(path)


def _result(worker: _Worker, summary: dict[str, Any], payload: bytes) -> CaseResult:
    sound, problem = [], summary["problem"]
    for line in payload.splitlines():
        if wrong := fault(line):
            problem = problem or f"an observation is not JSON: {wrong}"
        else:
            sound.append(line)
    seconds, cpu_seconds = summary["seconds"], summary["cpu_seconds"]
    return CaseResult(worker.take(), Lines(sound), problem, seconds, cpu_seconds, summary["trace"])
