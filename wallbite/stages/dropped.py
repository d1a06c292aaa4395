"""The dropped vantage: a function of the harness, run in a process of its own that has become an account."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import time
import traceback
from collections.abc import Callable
from typing import Any, Final, NoReturn

from wallbite.postures import ROOT_CAPABILITIES
from wallbite.stages import credentials

BOUND: Final = 8 << 20  # bytes of a result
_CHUNK: Final = 1 << 16
_LAST: Final = 1 << 20


class DroppedError(Exception):
    """The function raised, died, or said too much; one line, and ``trace`` where there is one."""

    def __init__(self, what: str, trace: str = "") -> None:
        """Keep the traceback of the other process."""
        super().__init__(what)
        self.trace = trace


def as_identity(
    uid: int,
    gid: int,
    groups: tuple[int, ...],
    function: Callable[[], Any],
    timeout: float = 10.0,
    bound: int = BOUND,
    keep: tuple[int, ...] = (),
) -> Any:
    """Call `function` in a child that became the account for good: no capability, a session of its own.

    The child cannot be traced by others of its uid, since its memory is the conductor's; so ``/proc/self`` belongs to
    root in it. Uid 0 is a root without capabilities.

    Args:
        uid: the account's.
        gid: its group.
        groups: its supplementary groups.
        function: returns JSON values.
        timeout: seconds; then the child and its process group are killed.
        bound: the most bytes of JSON that are read.
        keep: descriptors that stay open in the child.

    Returns:
        what `function` returned, through JSON.

    Raises:
        TimeoutError: it took longer.
        DroppedError: it raised, died, or returned more than `bound` bytes.
    """

    def become() -> None:
        credentials.trim_bounding(ROOT_CAPABILITIES)
        credentials.drop_to(uid, gid, groups)

    return _apart(become, function, timeout, bound, keep)


def as_root(function: Callable[[], Any], timeout: float = 10.0, bound: int = BOUND, keep: tuple[int, ...] = ()) -> Any:
    """Call `function` in a child that stays what the conductor is: uid 0 with every capability."""
    return _apart(lambda: None, function, timeout, bound, keep)


def _apart(become: Callable[[], None], function: Callable[[], Any], timeout: float, bound: int, keep: Any) -> Any:
    receive, send = os.pipe()
    pid = os.fork()
    if pid == 0:
        _child(become, function, send, keep)
    os.close(send)
    try:
        text = _receive(receive, time.monotonic() + timeout, bound)
    finally:
        os.close(receive)
        _kill(pid)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if text is None:
        raise TimeoutError(f"timed out after {timeout:g} s")
    return _result(text, status, bound)


def _child(become: Callable[[], None], function: Callable[[], Any], send: int, keep: tuple[int, ...]) -> NoReturn:
    with contextlib.suppress(BaseException):
        os.setsid()
        signal.set_wakeup_fd(-1)
        _close_all_but({0, 1, 2, send, *keep})
        try:
            become()
            text = json.dumps({"result": function()})
        except BaseException as error:  # noqa: BLE001 - nothing of the child may go on as the parent
            trace = traceback.format_exc()[-20_000:]
            text = json.dumps({"error": f"{type(error).__name__}: {error}", "trace": trace})
        view = memoryview(text.encode())
        while view:
            view = view[os.write(send, view) :]
    os._exit(0)


def _close_all_but(kept: set[int]) -> None:
    first = 0
    for number in sorted(kept):
        if number:  # closerange(0, 0) of Python 3.11 closes everything
            os.closerange(first, number)
        first = number + 1
    os.closerange(first, _LAST)


def _receive(receive: int, deadline: float, bound: int) -> bytes | None:
    """Everything up to one byte past `bound`, or None where time is up first."""
    text = bytearray()
    while len(text) <= bound:
        if not select.select([receive], [], [], max(0.0, deadline - time.monotonic()))[0]:
            return None
        chunk = os.read(receive, _CHUNK)
        if not chunk:
            break
        text += chunk
    return bytes(text)


def _kill(pid: int) -> None:
    """The child is not reaped yet, so the number is still its own; its group is there once it called setsid."""
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(OSError):
            kill(pid, signal.SIGKILL)


def _result(text: bytes, status: int, bound: int) -> Any:
    if len(text) > bound:
        raise DroppedError(f"too much output (over {bound} bytes)")
    try:
        answer = json.loads(text)
    except ValueError:
        raise DroppedError(f"died without an answer: {status}") from None
    if "error" in answer:
        raise DroppedError(answer["error"], answer["trace"])
    return answer["result"]
