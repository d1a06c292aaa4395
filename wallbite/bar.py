"""Progress on a terminal: a bar that names what is running, and a line for each case that did not come to its end."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from wallbite.documents import printable

_NAMED_AT_MOST: Final = 3


class _Console(Console):
    """A console whose reader may go away; by itself rich would exit with 1, which here means "not conformant"."""

    def on_broken_pipe(self) -> None:
        """Go on, and write into the void."""
        self.file = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - lives as long as the process


@dataclass(slots=True)
class Bar:
    """The bar; see :class:`wallbite.progress.Progress`."""

    display: Progress
    task: TaskID
    running: dict[str, None] = field(default_factory=dict)  # in the order in which they began

    def total(self, cases: int) -> None:
        """So many cases will run."""
        self.display.update(self.task, total=cases)

    def started(self, case: str) -> None:
        """Name it."""
        self.running[case] = None
        self._describe()

    def finished(self, case: str, seconds: float, problem: str | None) -> None:
        """Go on by one, and say what went wrong."""
        self.running.pop(case, None)
        if problem:
            self.display.console.print(Text(printable(f"{case} {seconds:.1f} s: {problem}")))
        self.display.advance(self.task)
        self._describe()

    def _describe(self) -> None:
        named = ", ".join(list(self.running)[:_NAMED_AT_MOST])
        more = len(self.running) - _NAMED_AT_MOST
        self.display.update(self.task, description=printable(named + (f" and {more} more" if more > 0 else "")))


@contextlib.contextmanager
def bar(stream: TextIO = sys.stderr) -> Iterator[Bar]:
    """A bar on a terminal, gone when the context ends."""
    columns = (BarColumn(24), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=_Console(file=stream), transient=True) as display:
        yield Bar(display, display.add_task("starting", total=None))
