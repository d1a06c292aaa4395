"""How a command adds itself to the grammar."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any, TypeAlias

from wallbite.exits import ExitCode

Action = Callable[[argparse.Namespace], ExitCode]
Commands: TypeAlias = "argparse._SubParsersAction[Any]"  # noqa: SLF001 - argparse gives its type no public name


def add_command(commands: Commands, name: str, line: str, action: Action) -> argparse.ArgumentParser:
    """Add a command with its one line of help."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=line, description=f"{line[:1].upper()}{line[1:]}.", allow_abbrev=False
    )
    parser.set_defaults(action=action)
    return parser
