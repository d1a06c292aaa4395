"""``wallbite init [FILE]``: a commented descriptor to start from."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Final

from wallbite.cli.command import Commands, add_command
from wallbite.cli.output import say
from wallbite.documents import printable
from wallbite.exits import ExitCode
from wallbite.problems import UsageProblem

NAME: Final = "init"
DEFAULT: Final = "wallbite.yaml"
STARTER: Final = Path(__file__).with_name("starter.yaml")


def add(commands: Commands) -> None:
    """Add the command to the grammar."""
    parser = add_command(commands, NAME, "write a commented descriptor to start from", _init)
    parser.add_argument("file", metavar="FILE", nargs="?", default=DEFAULT, help=f"a new file (default: {DEFAULT})")


def _init(options: argparse.Namespace) -> ExitCode:
    write_new(Path(options.file), STARTER.read_bytes())
    say(f"{printable(options.file)}: written; edit it, then: wallbite check {printable(options.file)}")
    return ExitCode.CONFORMANT


def write_new(path: Path, data: bytes) -> None:
    """Write a file that is not there yet, whole or not at all.

    Raises:
        UsageProblem: it is there, or cannot be written.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    except FileExistsError:
        raise UsageProblem("is there already", printable(str(path)), "a new file", "name another one") from None
    except (OSError, ValueError) as error:
        raise _unwritable(path, error) from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError | ValueError) -> UsageProblem:
    reason = getattr(error, "strerror", None) or str(error)
    return UsageProblem(f"cannot be written: {reason}", printable(str(path)), "a writable place", "name another file")
