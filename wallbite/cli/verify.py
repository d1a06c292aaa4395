"""``wallbite verify DIR``: is a record as it was written, and do its observations give its verdicts?"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from wallbite.cli.command import Commands, add_command
from wallbite.cli.output import say
from wallbite.documents import printable
from wallbite.exits import ExitCode

NAME: Final = "verify"
_NAMED_AT_MOST: Final = 10


def add(commands: Commands) -> None:
    """Add the command to the grammar."""
    parser = add_command(commands, NAME, "verify a record, and judge its observations again", _verify)
    parser.add_argument("folder", metavar="DIR", help="the folder that a run wrote")


def _verify(options: argparse.Namespace) -> ExitCode:
    from wallbite.evidence.verify import verify
    from wallbite.run import judge_record

    found = verify(Path(options.folder), judge_record)
    say(printable(str(found)))
    for word, verdicts in (("lost", found.lost), ("added", found.added)):
        for verdict in verdicts[:_NAMED_AT_MOST]:
            scope = " ".join(filter(None, (verdict.posture, verdict.account, verdict.surface)))
            say(printable(f"  {word}: {verdict.requirement} {verdict.ruling} {scope}: {verdict.reason}"))
    return found.code
