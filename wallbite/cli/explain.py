"""``wallbite explain ID``: all that the catalogue says of a requirement."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Iterator
from typing import Final

from wallbite import catalogue
from wallbite.catalogue import Catalogue, Requirement
from wallbite.cli.command import Commands, add_command
from wallbite.cli.output import say
from wallbite.documents import among, nearest, shown
from wallbite.exits import ExitCode
from wallbite.problems import UsageProblem

NAME: Final = "explain"
_INDENT: Final = 14
_WIDTH: Final = 100


def add(commands: Commands) -> None:
    """Add the command to the grammar."""
    parser = add_command(commands, NAME, "explain a requirement", _explain)
    parser.add_argument("id", metavar="ID", help="a requirement's id, such as WALL-03")


def _explain(options: argparse.Namespace) -> ExitCode:
    known = catalogue.load()
    say("\n".join(_lines(_found(known, options.id.upper()))))
    return ExitCode.CONFORMANT


def _found(known: Catalogue, name: str) -> Requirement:
    if name in known.requirements:
        return known.requirements[name]
    remedy = nearest(name, known.requirements, "see: wallbite list")
    raise UsageProblem(f"unknown requirement {shown(name)}", "", f"an id of {among(known.families)}", remedy)


def _lines(requirement: Requirement) -> Iterator[str]:
    yield f"{requirement.id}  {requirement.level}"
    yield from textwrap.wrap(requirement.statement, _WIDTH)
    yield ""
    for label, text in _facts(requirement):
        wrapped = textwrap.wrap(text, _WIDTH - _INDENT) or ["-"]
        yield f"{label:<{_INDENT}}{wrapped[0]}"
        yield from (" " * _INDENT + line for line in wrapped[1:])


def _facts(requirement: Requirement) -> Iterator[tuple[str, str]]:
    yield "why", requirement.rationale
    yield "observed", requirement.observed
    yield "expected", requirement.expected
    if requirement.control:
        yield "control", requirement.control
    yield "remediation", requirement.remediation
    yield "vantage", requirement.vantage
    yield "postures", ", ".join(requirement.postures)
    if requirement.surfaces:
        yield "surfaces", ", ".join(requirement.surfaces)
    if requirement.parts:
        yield "parts", ", ".join(requirement.parts)
    yield "source", "; ".join(requirement.source)
    for framework, controls in requirement.mappings.items():
        for control, why in controls.items():
            yield framework, f"{control}: {why}" if why else control
    yield "row", requirement.where
