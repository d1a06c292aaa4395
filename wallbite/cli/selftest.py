"""``wallbite selftest``: does every check fail where something is broken, and pass where nothing is?"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Final

from wallbite.cli.command import Commands, add_command
from wallbite.cli.output import say
from wallbite.cli.run import jobs, words
from wallbite.exits import ExitCode
from wallbite.options import processors
from wallbite.problems import UsageProblem
from wallbite.progress import reporter
from wallbite.selftest.options import DEFAULT_OUT, FAULTS, PARTS, SelfTestOptions

NAME: Final = "selftest"


def add(commands: Commands) -> None:
    """Add the command to the grammar."""
    parser = add_command(commands, NAME, "prove that every check can fail, and fails nothing that is sound", _selftest)
    argument = parser.add_argument
    argument("--select", metavar="ID|FAMILY", action="append", help="the faults of some requirements; may be repeated")
    argument("--fault", metavar="NAME", action="append", help="one fault; may be repeated")
    argument("--part", choices=PARTS, action="append", help="one part; may be repeated (default: all, or the faults)")
    argument("--full", action="store_true", help="every fault against everything, in every posture: many hours")
    argument("--every-posture", action="store_true", help="each fault in every posture that it names")
    argument("--replay", metavar="DIR", type=Path, help="judge again what an earlier self-test observed")
    argument("--out", metavar="DIR", type=Path, default=DEFAULT_OUT, help=f"the results (default: {DEFAULT_OUT})")
    argument("--jobs", metavar="N", type=jobs, default=processors() + 3, help="workers (default: processors and three)")
    argument("--seed", metavar="N", type=int, default=1, help="of everything that is drawn (default: 1)")


def _selftest(options: argparse.Namespace) -> ExitCode:
    asked = options_of(options)
    if asked.replay is None and os.geteuid() != 0:
        raise UsageProblem("this user is not root", expected="root", remedy="run: sudo wallbite selftest ...")
    from wallbite.selftest.table import lines
    from wallbite.selftest.whole import selftest

    with reporter() as progress:
        found = selftest(asked, progress)
    say("\n".join(lines(found)))
    return found.code


def options_of(options: argparse.Namespace) -> SelfTestOptions:
    """The options of a self-test, from a command line."""
    narrowed = bool(options.select or options.fault)
    return SelfTestOptions(
        select=tuple(word.upper() for word in words(options.select or ())),
        faults=tuple(options.fault or ()),
        parts=tuple(dict.fromkeys(options.part or ((FAULTS,) if narrowed else PARTS))),
        full=options.full,
        every_posture=options.every_posture,
        replay=options.replay,
        out=options.out,
        jobs=options.jobs,
        seed=options.seed,
    )
