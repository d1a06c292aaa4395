"""``wallbite clean``: remove what killed runs left, and the images that runs made for themselves."""

from __future__ import annotations

import argparse
import os
from typing import Final

from wallbite.cli.command import Commands, add_command
from wallbite.cli.output import complain, say
from wallbite.exits import ExitCode
from wallbite.problems import UsageProblem

NAME: Final = "clean"


def add(commands: Commands) -> None:
    """Add the command to the grammar."""
    parser = add_command(commands, NAME, "remove what killed runs left", _clean)
    parser.add_argument("--images", action="store_true", help="also the images of distributions that were built")


def _clean(options: argparse.Namespace) -> ExitCode:
    from wallbite.containers import engines, leftovers

    if os.geteuid() != 0:
        raise UsageProblem("this user is not root", expected="root", remedy="run: sudo wallbite clean")
    kinds = ("equipment", "distribution") if options.images else ("equipment",)
    answering, silent = engines.survey()
    removed = [each for engine in answering for each in leftovers.clear(engine)]
    removed += [each for engine in answering for each in leftovers.clear_images(engine, kinds)]
    say("\n".join(f"removed: {one}" for one in removed) or "nothing was left")
    for name, reason in silent.items():
        complain(f"{name}: {reason}; what it has was not looked at")
    return ExitCode.UNDECIDED if silent else ExitCode.CONFORMANT
