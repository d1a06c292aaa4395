"""What can go wrong before there is anything to judge, each with the exit code that it deserves."""

from __future__ import annotations

from dataclasses import dataclass

from wallbite.exits import ExitCode


@dataclass(eq=False)  # not frozen: the interpreter writes its traceback into it
class Problem(Exception):
    """One line for the user: where, what was found, what was expected, what to do.

    Args:
        what: what is wrong, with the value that was found.
        where: ``file:line``, or empty where there is no file.
        expected: what was expected instead.
        remedy: what to do.
    """

    what: str
    where: str = ""
    expected: str = ""
    remedy: str = ""

    code = ExitCode.USAGE

    def __str__(self) -> str:
        """One line, parts left out where they are empty."""
        parts = [
            f"{self.where}: {self.what}" if self.where else self.what,
            f"expected {self.expected}" if self.expected else "",
            self.remedy,
        ]
        return "; ".join(part for part in parts if part).replace("\n", " ")


class UsageProblem(Problem):
    """What the user wrote or typed is wrong (exit 2)."""

    code = ExitCode.USAGE


class EnvironmentProblem(Problem):
    """The machine cannot do what is needed (exit 3)."""

    code = ExitCode.UNDECIDED
