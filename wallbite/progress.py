"""How a run says where it is: a bar on a terminal, now and then a line elsewhere. All of it goes to stderr."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol, TextIO

from wallbite.documents import printable


class Progress(Protocol):
    """Whom a run tells where it is."""

    def total(self, cases: int) -> None:
        """So many cases will run."""

    def started(self, case: str) -> None:
        """A case has begun."""

    def finished(self, case: str, seconds: float, problem: str | None) -> None:
        """A case is over; a problem is why it did not come to its end."""


class Silent:
    """Tells nobody."""

    def total(self, cases: int) -> None:
        """Nothing."""

    def started(self, case: str) -> None:
        """Nothing."""

    def finished(self, case: str, seconds: float, problem: str | None) -> None:
        """Nothing."""


@dataclass(slots=True)
class Lines:
    """For logs: a line for each case that did not come to its end, for the last one, and now and then for the others.

    Attributes:
        stream: where they go.
        every: seconds between two lines about cases that went well.
    """

    stream: TextIO
    every: float = 5.0
    cases: int = 0
    over: int = 0
    said: float = field(default_factory=time.monotonic)

    def total(self, cases: int) -> None:
        """Remember how many there will be."""
        self.cases = cases

    def started(self, case: str) -> None:
        """Nothing: a log wants to know what is over."""

    def finished(self, case: str, seconds: float, problem: str | None) -> None:
        """Say so on a line, where it is time or something went wrong."""
        self.over += 1
        now = time.monotonic()
        if not problem and self.over != self.cases and now - self.said < self.every:
            return
        self.said = now
        end = f": {printable(problem)}" if problem else ""
        with contextlib.suppress(OSError):  # whoever read the log is gone; the run is not
            print(f"[{self.over}/{self.cases}] {printable(case)} {seconds:.1f} s{end}", file=self.stream, flush=True)


@contextlib.contextmanager
def reporter(stream: TextIO | None = None) -> Iterator[Progress]:
    """What suits the stream (stderr unless told): a bar on a terminal, else lines."""
    stream = stream or sys.stderr
    if stream is None or not stream.isatty():
        yield Lines(stream) if stream else Silent()
        return
    from wallbite.bar import bar  # noqa: PLC0415 - rich takes 60 ms to import, which only a terminal pays

    with bar(stream) as shown:
        yield shown
