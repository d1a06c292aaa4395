"""The command line's grammar: each command's own module adds its part."""

from __future__ import annotations

import argparse
import functools
import re
from collections.abc import Callable, Sequence
from typing import Final, NoReturn

from wallbite import __version__
from wallbite.cli import check, clean, diff, explain, image, init, report, requirements, run, selftest, verify
from wallbite.documents import nearest
from wallbite.exits import ExitCode
from wallbite.problems import UsageProblem

_MODULES: Final = (run, requirements, explain, check, init, report, verify, diff, selftest, image, clean)

_CHOICE: Final = re.compile(r"invalid choice: '([^']*)' \(choose from (.*)\)")
_EXITS: Final = """exit codes:
  0 conformant    1 not conformant    2 usage    3 could not decide
  4 self-test failed    5 record altered    130 interrupted"""


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are problems of one line."""

    def error(self, message: str) -> NoReturn:
        """Raise what argparse would print.

        Raises:
            UsageProblem: always.
        """
        chosen = _CHOICE.search(message)
        hint = nearest(chosen[1], re.findall(r"[\w-]+", chosen[2])) if chosen else ""
        raise UsageProblem(message, remedy=" ".join(filter(None, (hint, f"see: {self.prog} --help"))))


def parse(arguments: Sequence[str] | None = None) -> Callable[[], ExitCode]:
    """What a command line asks for, ready to be done.

    Raises:
        UsageProblem: it asks for nothing that there is.
        SystemExit: it asked for help or the version, and has it.
    """
    options = _grammar().parse_args(arguments)
    return functools.partial(options.action, options)


def _grammar() -> argparse.ArgumentParser:
    parser = _Parser(
        "wallbite",
        description="Security conformance harness for privilege-separated gateways.",
        epilog=_EXITS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"wallbite {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True, dest="command", parser_class=_Parser)
    for module in _MODULES:
        module.add(commands)
    return parser
