"""What is read of a process that goes on running while it is read."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from wallbite.installation import processes

BUSY = """
import os
print(flush=True)
while True:
    many = [os.open("/dev/null", os.O_RDONLY) for _ in range(50)]
    for one in many:
        os.close(one)
"""


@contextlib.contextmanager
def running(program: str) -> Iterator[subprocess.Popen[str]]:
    """A Python program, once it has printed its first line."""
    with subprocess.Popen([sys.executable, "-S", "-c", program], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        child.stdout.readline()
        try:
            yield child
        finally:
            child.kill()


def test_a_descriptor_that_is_closed_meanwhile() -> None:
    """It is left out, not taken for the end of the process; what stays open is always there."""
    counts: set[int] = set()
    looks, until = 0, time.monotonic() + 10
    with running(BUSY) as child:
        while looks < 300 or (len(counts) < 2 and time.monotonic() < until):
            looks += 1
            found = processes.descriptors(child.pid)
            counts.add(len(found))
            assert {0, 1, 2} <= {number for number, _ in found}
    assert len(counts) > 1  # the program did open and close while it was looked at


def test_a_process_that_is_gone() -> None:
    """It is an error, not a process without descriptors."""
    child = subprocess.Popen(["true"])
    child.wait()
    with pytest.raises(OSError, match="No such file"):
        processes.descriptors(child.pid)


def test_the_own_process() -> None:
    """Number and target, as they are."""
    with open(os.devnull, "rb") as file:
        assert [file.fileno(), os.devnull] in processes.descriptors(os.getpid())
