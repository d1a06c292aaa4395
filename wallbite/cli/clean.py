"""``wallbite clean``: remove what killed runs left, and the images that runs made for themselves."""

from __future__ import annotations

import argparse
import os
from typing import Final

from wallbite.cli.command import Commands, add_command
from wallbite.cli.output import say
from wallbite.exits import ExitCode
from wallbite.problems import UsageProblem

NAME: Final = "clean"


def add(commands: Commands) -> None:
    """Add the command to the grammar."""
    parser = add_command(commands, NAME, "remove what killed runs left", _clean)
    parser.add_argument("--images", action="store_true", help="also the images of distributions that were built")


def _clean(options: argparse.Namespace) -> ExitCode:
    from wallbite.containers import leftovers

    if os.geteuid() != 0:
        raise UsageProblem("this user is not root", expected="root", remedy="run: sudo wallbite clean")
    removed = leftovers.clean(everything=options.images)
    say("\n".join(f"removed: {one}" for one in removed) or "nothing was left")
    return ExitCode.CONFORMANT
