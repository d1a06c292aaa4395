"""``wallbite list``: every requirement, and the families that have none yet."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import textwrap
from collections.abc import Iterator
from typing import Any, Final

from wallbite import __version__, catalogue
from wallbite.catalogue import PRIVSEP, PROFILES, Catalogue, Requirement
from wallbite.cli.command import Commands, add_command
from wallbite.cli.output import say
from wallbite.exits import ExitCode

NAME: Final = "list"
SCHEMA: Final = "wallbite-list/1"
_NARROWEST: Final = 40


def add(commands: Commands) -> None:
    """Add the command to the grammar."""
    parser = add_command(commands, NAME, "list the requirements of a profile", _list)
    parser.add_argument("--format", choices=("table", "json"), default="table", help="how (default: table)")
    parser.add_argument("--profile", choices=tuple(PROFILES), default=PRIVSEP.name, help="which (default: privsep)")


def _list(options: argparse.Namespace) -> ExitCode:
    known = catalogue.load()
    if options.format == "json":
        say(json.dumps(_as_json(known, options.profile), indent=2, ensure_ascii=False))
    else:
        say("\n".join(_as_table(known, options.profile)))
    return ExitCode.CONFORMANT


def _as_json(known: Catalogue, profile: str) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "wallbite": __version__,
        "catalogue": known.digest,
        "profile": profile,
        "requirements": [_row(each) for each in known.of(profile)],
        "missing": [{"family": family.name, "title": family.title} for family in known.missing(profile)],
    }


def _row(requirement: Requirement) -> dict[str, Any]:
    return {
        "id": requirement.id,
        "level": requirement.level,
        "family": requirement.family,
        "statement": requirement.statement,
        "postures": list(requirement.postures),
        "vantage": requirement.vantage,
        "parts": list(requirement.parts),
    }


def _as_table(known: Catalogue, profile: str) -> Iterator[str]:
    """Statements are wrapped on a terminal, and whole where a program reads them."""
    width = shutil.get_terminal_size().columns if sys.stdout is not None and sys.stdout.isatty() else 0
    family = ""
    for each in known.of(profile):
        if each.family != family:
            family = each.family
            yield f"{family}  {known.families[family].title}"
        yield from _wrapped(f"  {each.id:<12}{each.level:<8}", each.statement, width)
    missing = known.missing(profile)
    yield f"{len(known.of(profile))} requirements; families without any yet: {_names(missing)}"


def _wrapped(head: str, text: str, width: int) -> list[str]:
    if not width:
        return [head + text]
    space = max(width - len(head), _NARROWEST)
    return textwrap.wrap(text, len(head) + space, initial_indent=head, subsequent_indent=" " * len(head))


def _names(families: tuple[catalogue.Family, ...]) -> str:
    return ", ".join(family.name for family in families) or "none"
