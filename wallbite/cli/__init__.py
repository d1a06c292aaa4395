"""The command line: a module for each command, and the grammar that they make together."""

from __future__ import annotations

from collections.abc import Sequence

from wallbite.cli.guard import guarded
from wallbite.cli.parser import parse
from wallbite.exits import ExitCode


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what a command line says, and give its exit code (`wallbite.exits`)."""

    def action() -> ExitCode:
        return parse(arguments)()

    return guarded(action)


__all__ = ["main"]
