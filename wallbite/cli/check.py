"""``wallbite check FILE``: is a descriptor sound?"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from wallbite.cli.command import Commands, add_command
from wallbite.cli.output import say
from wallbite.exits import ExitCode

if TYPE_CHECKING:
    from wallbite.target import Target

NAME: Final = "check"


def add(commands: Commands) -> None:
    """Add the command to the grammar."""
    parser = add_command(commands, NAME, "check a target's descriptor", _check)
    parser.add_argument("file", metavar="FILE", help="a descriptor, or the name of a target")


def _check(options: argparse.Namespace) -> ExitCode:
    from wallbite import catalogue
    from wallbite.target import load
    from wallbite.target.claims import check_claims

    target = load(options.file)
    check_claims(target, catalogue.load())
    say("\n".join(_lines(target)))
    return ExitCode.CONFORMANT


def _lines(target: Target) -> Iterator[str]:
    from wallbite.documents import printable
    from wallbite.target import missing

    yield f"{printable(target.source.file)}: sound: {printable(target.title)}"
    yield f"  {', '.join(_counted(target))}, {len(target.postures)} postures"
    for name, reason in target.claims.not_applicable.items():
        yield printable(f"  not applicable: {name}: {reason}")
    for name, reason in target.residuals.items():
        yield printable(f"  accepted residual: {name}: {reason}")
    if reason := missing(target):
        yield printable(f"  cannot be run here: {reason}")


def _counted(target: Target) -> Iterator[str]:
    """Of what it consists."""
    if target.library is None:
        yield from (f"{len(target.accounts)} accounts", f"{len(target.surfaces)} surfaces")
    else:
        yield from (f"{len(target.library.channels)} channels", f"{len(target.library.calls)} calls")
