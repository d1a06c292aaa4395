"""``wallbite image build NAME``, ``wallbite image list``: the distributions that the stage ``container`` knows."""

from __future__ import annotations

import argparse
import os
from typing import Final

from wallbite.cli.command import Commands, add_command
from wallbite.cli.output import complain, say
from wallbite.containers.engines import ENGINES
from wallbite.documents import printable
from wallbite.exits import ExitCode
from wallbite.problems import EnvironmentProblem, UsageProblem

NAME: Final = "image"


def add(commands: Commands) -> None:
    """Add the command to the grammar."""
    parser = add_command(commands, NAME, "build or list images of distributions", _list)
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    build = add_command(actions, "build", "build the images of distributions", _build)
    build.add_argument("names", metavar="NAME", nargs="+", help="a distribution, or: all")
    build.add_argument("--engine", choices=ENGINES, default="", help="whose (default: the first that answers)")
    listed = add_command(actions, "list", "list the distributions, and which of them are built", _list)
    listed.add_argument("--engine", choices=ENGINES, default="", help="whose (default: the first that answers)")


def _build(options: argparse.Namespace) -> ExitCode:
    from wallbite.containers.building import build
    from wallbite.containers.distributions import distribution, distributions
    from wallbite.containers.engines import choose

    names = list(distributions()) if options.names == ["all"] else list(dict.fromkeys(options.names))
    wanted = [distribution(name) for name in names]
    if os.geteuid() != 0:
        raise UsageProblem("this user is not root", expected="root", remedy="run: sudo wallbite image build ...")
    engine = choose(options.engine)
    failed = []
    for each in wanted:
        try:
            say(printable(f"{each.name}: built as {build(engine, each, complain)}"))
        except EnvironmentProblem as problem:
            failed.append(each.name)
            complain(str(problem))
    if failed:
        complain(f"not built, and so not to be run: {', '.join(failed)}")
    return ExitCode.UNDECIDED if failed else ExitCode.CONFORMANT


def _list(options: argparse.Namespace) -> ExitCode:
    from wallbite.containers.distributions import distributions
    from wallbite.containers.engines import choose
    from wallbite.containers.equipping import exists

    engine = choose(options.engine)
    for each in distributions().values():
        say(printable(f"{each.name:<16}{'built' if exists(engine, each.tag) else '-':<8}{each.family:<8}{each.base}"))
    return ExitCode.CONFORMANT
