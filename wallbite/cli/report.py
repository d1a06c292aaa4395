"""``wallbite report DIR``: another rendering of a record."""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from wallbite.cli.command import Commands, add_command
from wallbite.cli.output import complain, say
from wallbite.documents import printable
from wallbite.exits import ExitCode
from wallbite.problems import UsageProblem

if TYPE_CHECKING:
    from wallbite.evidence.signing import Signer

NAME: Final = "report"
FORMATS: Final = ("html", "junit", "markdown", "json", "sarif", "oscal", "attestation", "prometheus")
_UNSIGNED: Final = "the attestation is not signed, and proves nothing; sign it with --key FILE"


def add(commands: Commands) -> None:
    """Add the command to the grammar."""
    parser = add_command(commands, NAME, "render a record", _report)
    parser.add_argument("folder", metavar="DIR", nargs="?", help="the folder that a run wrote")
    parser.add_argument("--format", choices=FORMATS, help="which rendering")
    parser.add_argument("--key", metavar="FILE", type=Path, help="sign the attestation with this Ed25519 key (PEM)")
    parser.add_argument("--matrix", metavar="DIR", nargs="+", help="instead: one page over several folders")
    parser.add_argument("--output", metavar="FILE", help="a file to write or replace (default: stdout)")


def _report(options: argparse.Namespace) -> ExitCode:
    from wallbite.reports import render

    if options.matrix:
        return _matrix(options)
    if options.folder is None or options.format is None:
        raise UsageProblem("a folder and --format are needed", expected="DIR --format F, or --matrix DIR...")
    signer = _signer(options)
    _write(render(Path(options.folder), options.format, signer), options.output)
    return ExitCode.CONFORMANT


def _matrix(options: argparse.Namespace) -> ExitCode:
    from wallbite.reports import matrix

    if options.folder or options.format or options.key:
        raise UsageProblem("--matrix stands alone", expected="--matrix DIR..., and --output FILE")
    found = matrix.columns([Path(folder) for folder in options.matrix])
    _write(matrix.render(found), options.output)
    absent = [printable(column.name) for column in found if column.record is None]
    if absent:
        complain(f"not run, and so nothing is known of: {', '.join(absent)}")
    return ExitCode.UNDECIDED if absent else ExitCode.CONFORMANT


def _write(text: str, output: str | None) -> None:
    if output is None:
        say(text)
    else:
        replace(Path(output), text.encode())


def _signer(options: argparse.Namespace) -> Signer | None:
    """The key that signs, where there is something to sign."""
    from wallbite.evidence.signing import Signer

    if options.format == "attestation":
        if options.key is None:
            complain(_UNSIGNED)
            return None
        signer = Signer.load(options.key)
        _see_that_it_deserves_it(Path(options.folder))
        return signer
    if options.key is not None:
        raise UsageProblem("--key signs an attestation only", expected="--format attestation", remedy="leave it out")
    return None


def _see_that_it_deserves_it(place: Path) -> None:
    """Nobody vouches for verdicts that the record's observations do not give."""
    from wallbite.evidence.verify import State, verify
    from wallbite.run import judge_record

    found = verify(place, judge_record)
    if found.state is not State.INTACT:
        raise UsageProblem(f"is not signed: {found}", printable(str(place)), "a record as `wallbite run` wrote it")


def replace(path: Path, data: bytes) -> None:
    """Put a file in place, whole or not at all.

    Raises:
        UsageProblem: it cannot be written.
    """
    part = ""
    try:
        descriptor, part = tempfile.mkstemp(prefix=".wallbite-", dir=path.parent)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            os.fchmod(file.fileno(), 0o644)
        os.replace(part, path)
    except (OSError, ValueError) as error:
        if part:
            Path(part).unlink(missing_ok=True)
        reason = getattr(error, "strerror", None) or str(error)
        expected = "a writable place"
        raise UsageProblem(f"cannot be written: {reason}", printable(str(path)), expected, "name another") from error
