"""A worker: a small process that makes one stage after another, each in a helper that it forks.

It reads orders from its standard input, one JSON object a line, and answers on its standard output: one line with a
summary, then the observations as they came. It ends, with everything that it started, when its input is closed or the
harness dies.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import selectors
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, BinaryIO, Final, NoReturn

from wallbite.stages import kernel, namespace, reach, skeleton, uids

MAX_BYTES: Final = 64 << 20  # of observations in a case
MAX_LINE: Final = 8 << 20  # of one observation
_TRACE: Final = 20_000  # characters
_CHUNK: Final = 1 << 20
_F_SETPIPE_SZ: Final = 1031

Emit = Callable[[dict[str, Any]], None]
Conduct = Callable[[dict[str, Any], Emit], None]
Prepare = Callable[[dict[str, Any]], None]


class _HarnessGoneError(Exception):
    """Standard input was closed in the middle of a case."""


@dataclass(slots=True)
class _Collected:
    """What came out of a stage."""

    lines: list[bytes] = field(default_factory=list)
    problem: str | None = None
    trace: str = ""
    ended: bool = False
    status: int | None = None


@dataclass(frozen=True, slots=True)
class _Worker:
    """What a case needs of the worker; `streams` are its pipes to the harness, which no stage may have."""

    conduct: Conduct
    prepare: Prepare
    context: dict[str, Any] | None
    trees: reach.Reach
    uid_base: int
    lower: str
    init: bool
    streams: tuple[BinaryIO, BinaryIO]


def main() -> None:
    """Serve orders until standard input ends.

    The first line says how: ``parent``, the pid of the harness; ``conduct``, the function that runs a case, as
    ``module:function``; ``trees``, paths that every uid in a stage must reach besides the interpreter; ``context``,
    for the function ``prepare`` of that module, or null where there is nothing to prepare. Each further line is a case;
    its own ``context`` goes before the worker's, and `prepare` is then called before its stage is made.

    In a container the harness is no parent (its pid is 0), and has claimed the uids (``uid_base``) on its own machine;
    ``keep`` names directories of the image that a stage has, besides its system. Where ``init`` is true, the container
    is one stage already, whose process 1 is a real init.
    """
    orders, answers = _take_streams()
    first = json.loads(orders.readline() or b'{"parent": -1}')
    if first["parent"]:
        kernel.die_with_parent()
    if os.getppid() != first["parent"]:
        os._exit(1)
    kernel.become_subreaper()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        base, claimed = (first["uid_base"], contextlib.nullcontext()) if first.get("uid_base") else uids.claim()
        conduct, prepare = _load(first["conduct"], first["context"])
        worker = _Worker(
            conduct=conduct,
            prepare=prepare,
            context=first["context"],
            trees=reach.survey([*reach.python_trees(), *first["trees"]]),
            uid_base=base,
            lower="/" if first["parent"] or first.get("init") else skeleton.make(keep=first["keep"]),
            init=bool(first.get("init")),
            streams=(orders, answers),
        )
    except Exception as error:  # noqa: BLE001 - the harness says it
        _answer(answers, {"fatal": f"{type(error).__name__}: {error}"}, b"")
        return
    gc.collect()
    gc.freeze()  # so that a forked stage does not touch, and so copy, these pages
    with claimed, contextlib.suppress(_HarnessGoneError):
        for line in orders:
            summary, payload = _run(worker, json.loads(line))
            _answer(answers, summary, payload)


def _take_streams() -> tuple[BinaryIO, BinaryIO]:
    """Move the pipes off 0 and 1, where no code of a case can hit them by mistake."""
    orders, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    null = os.open("/dev/null", os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    os.close(null)
    return orders, answers


def _load(dotted: str, context: dict[str, Any] | None) -> tuple[Conduct, Prepare]:
    name, _, function = dotted.partition(":")
    module = importlib.import_module(name)
    prepare: Prepare = getattr(module, "prepare", lambda _context: None)
    if context is not None:
        prepare(context)
    return getattr(module, function), prepare


def _answer(stream: BinaryIO, summary: dict[str, Any], payload: bytes) -> None:
    stream.write(json.dumps({**summary, "size": len(payload)}).encode() + b"\n" + payload)
    stream.flush()


def _run(worker: _Worker, order: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """One case, from the fork of its helper until nothing of it is left."""
    started = time.monotonic()
    request = {**order["case"], "uid_base": worker.uid_base}
    try:
        _prepare(worker, request)
    except Exception as error:  # noqa: BLE001 - what the case is about cannot be read: a failure of the case
        failed = json.loads(_error_line(error).strip()[1:])
        return {**failed, "seconds": time.monotonic() - started, "cpu_seconds": 0.0}, b""
    receive, send = os.pipe()
    with contextlib.suppress(OSError):  # EPERM past the user's pipe limit
        kernel.call("fcntl", send, _F_SETPIPE_SZ, _CHUNK)
    mine, helper = os.getpid(), os.fork()
    if helper == 0:
        _help(worker, request, send, mine)
    os.close(send)
    stream, problem = bytearray(), None
    try:
        problem = _receive(stream, receive, worker.streams[0], started + order["timeout"], order["timeout"])
    finally:
        os.close(receive)
        if problem or sys.exc_info()[0]:
            os.kill(helper, signal.SIGKILL)
        cpu = _reap()
    collected = _sort(stream)
    summary = {
        "problem": problem or _verdict_on(collected),
        "trace": collected.trace,
        "seconds": time.monotonic() - started,
        "cpu_seconds": cpu,
    }
    return summary, b"".join(line + b"\n" for line in collected.lines)


def _prepare(worker: _Worker, request: dict[str, Any]) -> None:
    """What the case is about, in the worker, so that its stage finds it read."""
    context = request.pop("context", worker.context)
    if context is not None:
        worker.prepare(context)


def _receive(stream: bytearray, receive: int, orders: BinaryIO, deadline: float, timeout: float) -> str | None:
    """Read what the stage says until it is gone; returns why it must be killed, or None."""
    with selectors.DefaultSelector() as selector:
        selector.register(receive, selectors.EVENT_READ)
        selector.register(orders, selectors.EVENT_READ)
        while (left := deadline - time.monotonic()) > 0:
            for key, _ in selector.select(left):
                if key.fileobj is orders:
                    raise _HarnessGoneError  # no order is sent before the answer to the last
                chunk = os.read(receive, _CHUNK)
                if not chunk:
                    return None
                stream += chunk
                if len(stream) > MAX_BYTES:
                    return f"too much output (over {MAX_BYTES} bytes)"
    return f"timed out after {timeout:g} s"


def _reap() -> float:
    """Wait until no descendant is left, and say how much processor time they used, in seconds."""
    used = 0.0
    while True:
        try:
            usage = os.wait4(-1, 0)[2]
        except ChildProcessError:
            return used
        used += usage.ru_utime + usage.ru_stime


def _sort(stream: bytearray) -> _Collected:
    """Tell observations (``{``) from what process 1 (``!``, ``.``) and the helper (``~``) say."""
    collected = _Collected()
    *whole, _cut_off = bytes(stream[: MAX_BYTES + 1]).split(b"\n")
    for line in whole:
        if len(line) > MAX_LINE:
            collected.problem = f"too long an observation (over {MAX_LINE} bytes)"
        elif line[:1] == b"{" and line[-1:] == b"}":
            collected.lines.append(line)
        elif line[:1] == b"!":
            error = json.loads(line[1:])
            collected.problem, collected.trace = error["problem"], error["trace"]
        elif line == b".":
            collected.ended = True
        elif line[:1] == b"~":
            collected.status = int(line[1:])
    return collected


def _verdict_on(collected: _Collected) -> str | None:
    if collected.problem:
        return collected.problem
    if collected.status is None:
        return "the stage died with its helper"
    if collected.status < 0:
        return f"the stage died: signal {-collected.status}"
    return None if collected.ended else f"the stage ended early: exit status {collected.status}"


def _help(worker: _Worker, request: dict[str, Any], send: int, parent: int) -> NoReturn:
    """The helper: leaves the namespaces, waits for process 1, says how it ended."""
    with contextlib.suppress(BaseException):
        kernel.die_with_parent()
        if os.getppid() != parent:
            os._exit(0)
        for stream in worker.streams:
            os.close(stream.fileno())
        try:
            if not worker.init:
                namespace.isolate()
        except Exception as error:  # noqa: BLE001 - the harness says it
            _write(send, _error_line(error))
        else:
            pid = namespace.fork_process_1(lambda: _conduct(worker, request, send))
            status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            _write(send, b"\n~%d\n" % status)
    os._exit(0)


def _conduct(worker: _Worker, request: dict[str, Any], send: int) -> None:
    """Process 1: makes the stage, runs the case."""

    def emit(observation: dict[str, Any]) -> None:
        line = json.dumps(observation, separators=(",", ":"), allow_nan=False).encode()
        if len(line) > MAX_LINE:
            raise ValueError(f"an observation of {len(line)} bytes, expected at most {MAX_LINE}")
        _write(send, line + b"\n")

    try:
        started = time.monotonic()
        whole = _whole_proc(request)
        facts = namespace.settled() if worker.init else namespace.furnish(worker.trees, worker.lower, whole_proc=whole)
        stage = {**asdict(facts), "boot_seconds": time.monotonic() - started}
        worker.conduct({**request, "stage": stage}, emit)
    except BaseException as error:  # noqa: BLE001 - also what asks process 1 to exit is a failure of the case
        _write(send, _error_line(error))
    else:
        _write(send, b".\n")


def _whole_proc(request: dict[str, Any]) -> bool:
    """Whether /proc is to be left unmasked: never where the target is root.

    Raises:
        ValueError: a case asks for both.
    """
    wanted = bool(request.get("params", {}).get("whole_proc"))
    if wanted and request.get("posture") != "unprivileged":
        raise ValueError("an unmasked /proc is for plain users alone")
    return wanted


def _error_line(error: BaseException) -> bytes:
    trace = "".join(traceback.format_exception(error))[-_TRACE:]
    problem = f"{type(error).__name__}: {error}"[:_TRACE]
    return b"\n!" + json.dumps({"problem": problem, "trace": trace}).encode() + b"\n"


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
