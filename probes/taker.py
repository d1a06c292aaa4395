"""A tool's payload that takes memory and room in files: how much it is given, alone and together with others.

Started in the work area as ``/usr/bin/python3 -I -S taker.py ORDER``. The order is JSON: ``{"nonce": TEXT, "answer":
FILE, "space": BYTES, "size": BYTES}``, or ``{"nonce": TEXT, "together": N, "each": BYTES, "hold": SECONDS}``: then it
leaves ``began-NONCE`` when all N processes have their part, and ``held-NONCE`` when they had it for so long.
"""

import errno
import json
import mmap
import os
import resource
import signal
import sys
from typing import Any, Callable

NO_RESERVE = 0x4000  # address space alone: no page of it is ever touched
MARGIN = 1 << 20


def space(size: int) -> None:
    """Take address space, and give it back."""
    mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | NO_RESERVE, prot=mmap.PROT_READ).close()


def room(size: int) -> None:
    """Make a file of that size, all of it a hole, and remove it."""
    with open("room", "wb") as file:
        try:
            os.ftruncate(file.fileno(), size)
        finally:
            os.unlink("room")


def higher(name: str) -> None:
    """Set a hard limit anew, higher."""
    number = getattr(resource, name)
    hard = resource.getrlimit(number)[1]
    resource.setrlimit(number, (-1, -1) if hard == resource.RLIM_INFINITY else (hard + MARGIN, hard + MARGIN))


def tried(action: Callable[[], None]) -> str:
    """OK or an errno."""
    try:
        action()
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, type(error).__name__)
    except ValueError as error:  # how Python tells EPERM of a limit
        return "EPERM" if "not allowed to raise" in str(error) else str(error)
    return "OK"


def half(name: str, most: int) -> int:
    """Half of what it is given, where it is told; else of what it should be."""
    hard = resource.getrlimit(getattr(resource, name))[1]
    return (most if hard == resource.RLIM_INFINITY else min(hard, most)) // 2


def alone(order: "dict[str, Any]") -> "dict[str, Any]":
    """What one process gets: half of its limits, more than them, and higher ones."""
    names = ("RLIMIT_AS", "RLIMIT_FSIZE", "RLIMIT_CORE")
    return {
        "nonce": order["nonce"],
        "limits": {name: resource.getrlimit(getattr(resource, name)) for name in names},
        "half": {
            "RLIMIT_AS": tried(lambda: space(half("RLIMIT_AS", order["space"]))),
            "RLIMIT_FSIZE": tried(lambda: room(half("RLIMIT_FSIZE", order["size"]))),
        },
        "more": {
            "RLIMIT_AS": tried(lambda: space(order["space"] + MARGIN)),
            "RLIMIT_FSIZE": tried(lambda: room(order["size"] + MARGIN)),
        },
        "raised": {name: tried(lambda name=name: higher(name)) for name in names},
    }


def holder(size: int, tell: int) -> None:
    """In a child: take its part, say so, and keep it until it is killed."""
    kept = None
    try:
        kept = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | NO_RESERVE, prot=mmap.PROT_READ)
        os.write(tell, b"1")
        while True:
            signal.pause()
    finally:
        os._exit(0 if kept else 1)


def together(order: "dict[str, Any]") -> None:
    """Some processes, each with its part; files say how far it came."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    heard, tell = os.pipe()
    for _ in range(order["together"]):
        if os.fork() == 0:
            holder(order["each"], tell)
    os.close(tell)
    count = 0
    while count < order["together"]:
        said = os.read(heard, 1)
        if not said:
            return
        count += 1
    open("began-" + order["nonce"], "w").close()
    if signal.sigtimedwait({signal.SIGCHLD}, order["hold"]) is None:
        open("held-" + order["nonce"], "w").close()
    os.killpg(0, signal.SIGKILL)


def main() -> None:
    """Do the order whose path is the first argument."""
    with open(sys.argv[1], encoding="utf-8") as file:
        order = json.load(file)
    if "together" in order:
        together(order)
        return
    with open(order["answer"], "w", encoding="utf-8") as file:
        json.dump(alone(order), file)


if __name__ == "__main__":
    main()
