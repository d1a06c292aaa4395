"""``wallbite run [TARGET]``: boot a target, probe it, judge it, write the record and its renderings."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from wallbite.catalogue import PROFILES
from wallbite.cli.command import Commands, add_command
from wallbite.cli.output import complain, say
from wallbite.containers.engines import ENGINES
from wallbite.exits import ExitCode
from wallbite.options import DEFAULT_OUT, DEFAULT_TARGET, STAGES, RunOptions, processors
from wallbite.postures import POSTURES
from wallbite.problems import UsageProblem

NAME: Final = "run"
_MOST_JOBS: Final = 256


def add(commands: Commands) -> None:
    """Add the command to the grammar."""
    parser = add_command(commands, NAME, "run the checks against a target", _run)
    argument = parser.add_argument
    argument("target", metavar="TARGET", nargs="?", default=DEFAULT_TARGET, help="a target's name, or a descriptor")
    argument("--posture", metavar="P", action="append", choices=tuple(POSTURES), help="one posture; may be repeated")
    argument("--select", metavar="ID|FAMILY", action="append", help="some requirements; may be repeated")
    argument("--profile", choices=tuple(PROFILES), default="", help="a profile (default: the one the target claims)")
    argument("--stage", choices=STAGES, default=STAGES[0], help=f"where it runs (default: {STAGES[0]})")
    argument("--engine", choices=ENGINES, default="", help="of --stage container (default: the first that answers)")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--distro", metavar="NAME", default="", help="a distribution, for --stage container")
    where.add_argument("--image", metavar="REF", default="", help="an image of your own, for --stage container")
    argument("--fault", metavar="NAME", default="", help="plant a seeded fault of the reference")
    argument("--out", metavar="DIR", type=Path, default=DEFAULT_OUT, help=f"the report (default: {DEFAULT_OUT})")
    argument("--jobs", metavar="N", type=jobs, default=processors(), help="workers (default: one a processor)")
    argument("--seed", metavar="N", type=int, help="of everything that is drawn (default: a new one)")
    argument("--waivers", metavar="FILE", type=Path, help="failures that somebody answers for until a day")


def _run(options: argparse.Namespace) -> ExitCode:
    from wallbite.cli.summary import lines
    from wallbite.preflight import preflight
    from wallbite.progress import reporter

    asked = options_of(options)
    preflight(asked)
    from wallbite.run import run

    with reporter() as progress:
        result = run(asked, progress)
    say("\n".join(lines(result.summary, result.folder)))
    if result.absent:
        complain(f"{result.record.header.target} cannot be run: {result.absent}")
    return result.summary.outcome.code


def options_of(options: argparse.Namespace) -> RunOptions:
    """The options of a run, from a command line."""
    return RunOptions(
        target=options.target,
        postures=tuple(dict.fromkeys(options.posture or ())),
        select=words(options.select or ()),
        profile=options.profile,
        stage=options.stage,
        engine=options.engine,
        distro=options.distro,
        image=options.image,
        fault=options.fault,
        out=options.out,
        jobs=options.jobs,
        seed=options.seed,
        waivers=options.waivers,
    )


def words(values: Sequence[str]) -> tuple[str, ...]:
    """Repeated options, each of which may be a list with commas."""
    named = tuple(dict.fromkeys(word.strip() for value in values for word in value.split(",") if word.strip()))
    if values and not named:
        raise UsageProblem("--select names nothing", expected="an id or a family", remedy="see: wallbite list")
    return named


def jobs(word: str) -> int:
    """A number of workers, as it is typed."""
    if not re.fullmatch(r"[0-9]{1,3}", word) or not 1 <= int(word) <= _MOST_JOBS:
        raise argparse.ArgumentTypeError(f"{word!r}; expected a whole number from 1 to {_MOST_JOBS}")
    return int(word)
