"""``wallbite diff OLD NEW``: what is different between two records, and whether anything got worse."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from wallbite.cli.command import Commands, add_command
from wallbite.cli.output import say
from wallbite.documents import printable
from wallbite.exits import ExitCode

if TYPE_CHECKING:
    from wallbite.evidence.diff import Change

NAME: Final = "diff"
_SHOWN: Final = 20  # changes of a kind, unless all are asked for
_LONGEST: Final = 240


def add(commands: Commands) -> None:
    """Add the command to the grammar."""
    parser = add_command(commands, NAME, "compare two records; 1 where something got worse", _diff)
    parser.add_argument("old", metavar="OLD", help="the folder that an earlier run wrote")
    parser.add_argument("new", metavar="NEW", help="the folder that a later run wrote")
    parser.add_argument("--all", action="store_true", help=f"every change, not {_SHOWN} of a kind")


def _diff(options: argparse.Namespace) -> ExitCode:
    from wallbite.evidence.diff import compare
    from wallbite.evidence.reader import read

    found = compare(read(Path(options.old)), read(Path(options.new)))
    say("\n".join(_lines(found, None if options.all else _SHOWN)))
    return ExitCode.NOT_CONFORMANT if any(change.worse for change in found) else ExitCode.CONFORMANT


def _lines(found: Sequence[Change], most: int | None) -> Iterator[str]:
    for kind in dict.fromkeys(change.kind for change in found):
        changes = [change for change in found if change.kind == kind]
        yield f"{kind}: {len(changes):,}"
        for change in changes[:most]:
            yield _short(f"{'!' if change.worse else ' '} {change.what}: {change.detail}")
        if most is not None and len(changes) > most:
            yield f"  and {len(changes) - most:,} more; see them with --all"
    worse = sum(change.worse for change in found)
    noun = "change" if len(found) == 1 else "changes"
    yield f"{len(found):,} {noun}, {worse:,} for the worse" if found else "no difference"


def _short(line: str) -> str:
    text = printable(line)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
