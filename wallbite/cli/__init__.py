"""The command line: a module for each command, and the grammar that they make together."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from wallbite import __version__
from wallbite.cli.guard import guarded
from wallbite.cli.output import say
from wallbite.exits import ExitCode


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what a command line says, and give its exit code (`wallbite.exits`)."""
    words = sys.argv[1:] if arguments is None else list(arguments)

    def action() -> ExitCode:
        if words == ["--version"]:  # the grammar takes longer to come than the whole answer
            say(f"wallbite {__version__}")
            return ExitCode.CONFORMANT
        from wallbite.cli.parser import parse

        return parse(words)()

    return guarded(action)


__all__ = ["main"]
