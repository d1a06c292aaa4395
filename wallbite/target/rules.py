"""What a schema cannot say of a descriptor: names that refer to each other, patterns, alternatives.

A rule looks at a document that its schema accepts, and yields a problem for each thing that is wrong, by line.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator
from pathlib import Path as FilePath
from typing import Any, Final

from wallbite.catalogue import PROFILES
from wallbite.content import root as content_root
from wallbite.documents import Document, Path, among, nearest
from wallbite.problems import UsageProblem
from wallbite.target.model import GATEWAY, ROOT
from wallbite.target.placeholders import placeholders

Problems = Iterator[UsageProblem]

_STEP_PATHS: Final = ("directory", "interpreter", "file", "link", "canary", "carrier")
_PATH_KEYS: Final = ("path", "to", "home", "program", "log", *_STEP_PATHS)


def profile(document: Document) -> Problems:
    """The claimed profile exists, and what does not apply is of its families."""
    path: Path = ("claims", "profile")
    claimed = document.at(path)
    if claimed not in PROFILES:
        yield document.problem(path, among(PROFILES), nearest(claimed, PROFILES, "name one of them"))
        return
    families = [family.name for family in PROFILES[claimed].families]
    for name in document.at(("claims", "not-applicable")) or ():
        if name.partition("-")[0] not in families:
            here = ("claims", "not-applicable", name)
            yield document.problem(here, f"a requirement of {among(families)}", "remove it", what=f"{name} is unknown")


def identities(document: Document) -> Problems:
    """The gateway is an identity, each account is one, and no account is the gateway."""
    known = document.value["identities"]
    if GATEWAY not in known:
        yield document.problem(("identities",), f"{GATEWAY!r} among them", "add it")
    for name in document.value["accounts"]:
        what = f"account {name!r} is no identity"
        if name not in known:
            yield document.problem(("accounts", name), among(known), "add it to identities", what=what)
        if name in {GATEWAY, ROOT}:
            what = f"account {name!r} is not unprivileged"
            yield document.problem(("accounts", name), "an identity of its own", "rename it", what=what)


def owners(document: Document) -> Problems:
    """Who owns something is an identity, root, or the account that it is repeated for."""
    known = [ROOT, *document.value["identities"]]
    for path, value in _texts(document.value):
        declared = path[0] in {"install", "config", "surfaces", "beside"} and "document" not in path
        if declared and path[-1] in {"owner", "group", "user"} and value not in {*known, "{account}"}:
            yield document.problem(path, among([*known, "{account}"]), nearest(value, known, "add it to identities"))


def paths(document: Document) -> Problems:
    """Paths are written in one way only, so that they can be compared."""
    for path, value in _texts(document.value):
        if path[-1] in _PATH_KEYS and value.startswith("/") and "document" not in path:
            plain = "/" + posixpath.normpath(value).lstrip("/")
            if value != plain:
                yield document.problem(path, "a path without '..', '//' or a final '/'", f"write {plain}")


def patterns(document: Document) -> Problems:
    """Patterns are regular expressions, and hold no placeholder but their own."""
    says = document.at(("gateway", "says")) or {}
    ready: Path = ("gateway", "ready", "log")
    places: list[Path] = [("gateway", "says", name) for name in says]
    logged: Path = ("spawn", "logged")
    places += [(*logged, key) for key in ("attempt", "error") if document.at((*logged, key))]
    places += [(*logged, "ends", status) for status in document.at((*logged, "ends")) or ()]
    for path in [*places, *([ready] if document.at(ready) else [])]:
        try:
            re.compile(document.at(path))
        except (re.error, RecursionError, OverflowError) as error:
            yield document.problem(path, "a regular expression", f"correct it: {error}")


def alternatives(document: Document) -> Problems:
    """Of things that exclude each other, one is there."""
    for path, names in (
        (("config",), ("document", "text")),
        *((("config", "parts", i), ("document", "text")) for i, _ in enumerate(document.at(("config", "parts")) or ())),
        *((("gateway", name), ("signal", "command")) for name in ("reload", "rotate", "stop")),
        *(((part, "ready"), ("http", "socket", "file", "log")) for part in ("gateway", "gate", "beside")),
        (("spawn", "request"), ("url", "command")),
        (("spawn", "event"), ("url", "command")),
        (("beside", "request"), ("url", "command")),
        *(((("spawn",), ("job", "logged")),) if document.at(("spawn", "logged")) else ()),
    ):
        value = document.at(path)
        given = [name for name in names if name in (value or ())]
        both = path == ("gateway", "rotate") and given  # a command that renames the log, and a signal after it
        if value is not None and len(given) != 1 and not both:
            what = f"{'.'.join(map(str, path))} has {' and '.join(given) or 'none of its kinds'}"
            yield document.problem(path, f"exactly {among(names)}", "keep one", what=what)


def spawning(document: Document) -> Problems:
    """Spawn paths that are named exist, events are named, and an answer on stdout has a file."""
    spawn = document.value.get("spawn") or {}
    known = spawn.get("paths", {})
    for name, each in known.items():
        if each["by"] == "event" and "event" not in each:
            yield document.problem(("spawn", "paths", name), "an event", "add 'event: NAME'")
    if spawn.get("answer") == "stdout" and "answer-file" not in spawn:
        yield document.problem(("spawn", "answer"), "an answer-file beside it", "add 'answer-file: PATH'")


def sources(document: Document) -> Problems:
    """What is copied is there."""
    folder = FilePath(document.file).absolute().parent
    for place, step in enumerate(document.value.get("install", ())):
        source = step.get("copy")
        if source is None or any(placeholders(source)):
            continue
        if "\0" in source or not ((folder / source).exists() or (content_root() / source).exists()):
            expected = "a path beside this file or among Wallbite's content"
            yield document.problem(("install", place, "copy"), expected, "correct it")


def _texts(value: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Every text of a nested value, with its path."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _texts(inner, (*path, key))
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from _texts(inner, (*path, place))


RULES: Final[tuple[Callable[[Document], Problems], ...]] = (
    profile,
    identities,
    owners,
    paths,
    patterns,
    alternatives,
    spawning,
    sources,
)
