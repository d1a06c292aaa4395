"""A target by its name, or by the path of its descriptor."""

from __future__ import annotations

import os
from itertools import chain

from wallbite.content import content
from wallbite.documents import Document, among, nearest, read, shown, validate
from wallbite.problems import UsageProblem
from wallbite.target.building import build, build_called
from wallbite.target.known import known_placeholders
from wallbite.target.library import SCHEMA, library_rules
from wallbite.target.model import Target
from wallbite.target.rules import RULES, profile

_SUFFIXES = (".yaml", ".yml")


def load(name_or_path: str | os.PathLike[str]) -> Target:
    """The target of that name below fixtures/targets/, else the one whose descriptor has that path.

    Raises:
        UsageProblem: there is no such target, or its descriptor is wrong.
    """
    given = os.fspath(name_or_path)
    shipped = content("fixtures", "targets") / f"{given}.yaml"
    if given in names():
        return parse_target(read(shipped))
    if not _is_path(given):
        raise UsageProblem(
            f"unknown target {shown(given)}",
            expected=f"{among(names())}, or the path of a descriptor",
            remedy=nearest(given, names(), "write one with: wallbite init FILE"),
        )
    return parse_target(read(given))


def names() -> tuple[str, ...]:
    """The targets that Wallbite knows by name."""
    return tuple(sorted(path.stem for path in content("fixtures", "targets").glob("*.yaml")))


def parse_target(document: Document) -> Target:
    """The target that a document describes.

    Raises:
        UsageProblem: the first thing that is wrong with it, by line.
    """
    is_library = document.at(("schema",)) == SCHEMA
    validate(document, "library" if is_library else "target")
    rules = (profile, library_rules) if is_library else (*RULES, known_placeholders)
    problems = chain(*(rule(document) for rule in rules))
    first = min(problems, key=lambda problem: int(problem.where.rpartition(":")[2]), default=None)
    if first:
        raise first
    return build_called(document) if is_library else build(document)


def _is_path(given: str) -> bool:
    return "/" in given or given.endswith(_SUFFIXES) or os.path.exists(given)
