"""A plugin that does not want to end, or leaves processes behind: one JSON request on stdin, one response on stdout.

Laid down as `entry` beside `manifest.yaml`. `payload.plan` of the request is the path of an order:

    {"schema": "wallbite-runaway/1", "main": FIFO, "leash": FIFO, "ways": [...], "keep": false,
     "then": "answer" | "hang" | "wait" | "flood", "hold": FIFO, "to": 1, "bytes": N}

Where the path goes on with dots (`/./././`), it takes no more of the request than the path, however long that is.

It holds `main` open for writing as long as it lives, and each process that it leaves behind holds `leash`: who reads
them sees the end of the last one, whatever its number has become. Each announces itself there with a line, "WAY PID".
Nobody who ignores a signal is harmed by it, so all that can be ignored are.
"""

from __future__ import annotations

import json
import os
import signal
import sys

if False:  # TYPE_CHECKING, without the cost of importing typing
    from typing import Any, Dict, NoReturn

    Order = Dict[str, Any]

SCHEMA = "wallbite-runaway/1"
LOUD = b"x" * 65535 + b"\n"
HEAD = 4096  # bytes of a request that are always read
DOTS = b"/." * 64  # what a path goes on with, where the rest of the request is not read
DEAF = ("SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM", "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGTSTP", "SIGTTIN", "SIGTTOU")


def main() -> int:
    """Answers one request, if its order lets it."""
    head = os.read(0, HEAD)
    path, deaf = hidden(head), True
    if not path:
        request = json.loads(head + sys.stdin.buffer.read())
        path, deaf = (request.get("payload") or {}).get("plan"), False
    if not path:
        return answer()
    with open(os.path.normpath(path), encoding="ascii") as file:
        order = json.load(file)
    if order["schema"] != SCHEMA:
        raise ValueError(f"{path}: schema is {order['schema']!r}, expected {SCHEMA!r}")
    for name in DEAF:
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    handle = announce(order["main"], "deaf" if deaf else "main")
    for way in order["ways"]:
        leave(order, way, handle)
    return {"answer": answer, "hang": hang, "wait": wait, "flood": flood}[order["then"]](order)


def hidden(head: bytes) -> str:
    """The path in the beginning of a request that is not to be read to its end; or nothing."""
    rest = head.replace(b"\\/", b"/").partition(b'"plan"')[2].lstrip(b' :"')
    path, dots, _ = rest.partition(DOTS)
    return path.decode("ascii") if dots else ""


def announce(path: str, way: str) -> int:
    """Takes hold of a leash, and says so on it."""
    handle = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    os.write(handle, f"{way} {os.getpid()}\n".encode("ascii"))
    return handle


def leave(order: Order, way: str, handle: int) -> None:
    """Leaves one process behind, and comes back when it holds its leash."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(handle)
            os.close(reading)
            depart(way)
            if not order["keep"]:
                null = os.open(os.devnull, os.O_RDWR)
                for number in range(3):
                    os.dup2(null, number)
            announce(order["leash"], way)
            os.close(writing)
            hang(order)
        finally:
            os._exit(1)
    os.close(writing)
    os.read(reading, 1)  # its end: the last writer holds its leash now, or is gone
    os.close(reading)
    if way in ("orphan", "daemon"):
        os.waitpid(child, 0)


def depart(way: str) -> None:
    """How a process gets away from the one that started it."""
    if way == "group":
        os.setpgid(0, 0)
    if way in ("session", "daemon"):
        os.setsid()
    if way in ("orphan", "daemon") and os.fork():
        os._exit(0)  # the one in the middle: its child is nobody's now


def answer(_: Order | None = None) -> int:
    """Prints the response."""
    print('{"status": "ok", "result": {}}', flush=True)
    return 0


def hang(_: Order) -> NoReturn:
    """Stays."""
    while True:
        signal.pause()


def wait(order: Order) -> int:
    """Stays until a writer of the FIFO came and went."""
    handle = os.open(order["hold"], os.O_RDONLY | os.O_CLOEXEC)
    while os.read(handle, 1):
        pass
    return answer()


def flood(order: Order) -> int:
    """Writes many bytes, then answers; where nobody takes them it stays."""
    left = order["bytes"]
    try:
        while left > 0:
            left -= os.write(order["to"], LOUD)
    except OSError:
        hang(order)
    return answer()


if __name__ == "__main__":
    sys.exit(main())
