"""``wallbite verify DIR``: is a record as it was written, and do its observations give its verdicts?"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from wallbite.cli.command import Commands, add_command
from wallbite.cli.output import say
from wallbite.documents import printable
from wallbite.exits import ExitCode
from wallbite.problems import UsageProblem

NAME: Final = "verify"
_NAMED_AT_MOST: Final = 10


def add(commands: Commands) -> None:
    """Add the command to the grammar."""
    parser = add_command(commands, NAME, "verify a record, and judge its observations again", _verify)
    parser.add_argument("folder", metavar="DIR", help="the folder that a run wrote")
    parser.add_argument(
        "--key", metavar="PUB", type=Path, help="the public Ed25519 key (PEM) of who signed its attestation"
    )
    parser.add_argument("--attestation", metavar="FILE", type=Path, help="default: attestation.json in DIR")


def _verify(options: argparse.Namespace) -> ExitCode:
    from wallbite.evidence.reader import locate
    from wallbite.evidence.verify import hold_against, verify
    from wallbite.run import judge_record

    place = Path(options.folder)
    found = verify(place, judge_record)
    if options.key is not None:
        attestation = options.attestation or locate(place).with_name("attestation.json")
        found = hold_against(place, attestation, options.key, found)
    elif options.attestation is not None:
        raise UsageProblem("--attestation without --key", expected="the key that signed it", remedy="add --key PUB")
    say(printable(str(found)))
    for word, verdicts in (("lost", found.lost), ("added", found.added)):
        for verdict in verdicts[:_NAMED_AT_MOST]:
            scope = " ".join(filter(None, (verdict.posture, verdict.account, verdict.surface)))
            say(printable(f"  {word}: {verdict.requirement} {verdict.ruling} {scope}: {verdict.reason}"))
    return found.code
