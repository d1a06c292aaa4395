"""A target that is a library: what it writes and runs, and the few lines of Python that call it in a process apart."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from wallbite.documents import Document, among, nearest
from wallbite.problems import UsageProblem

SCHEMA: Final = "wallbite-library/1"
IDENTITIES: Final = ("gateway", "other", "member")  # who calls it, somebody else, and one who shares a group
_SECONDS: Final = 30.0  # for an interpreter to say what it has
_ASK: Final = """
import importlib.metadata, json, sys
try:
    version = importlib.metadata.version(sys.argv[1])
except importlib.metadata.PackageNotFoundError:
    version = ""
print(json.dumps([version, ".".join(map(str, sys.version_info[:3])), sys.prefix, sys.base_prefix]))
"""


@dataclass(frozen=True, slots=True)
class Package:
    """The Python package that the library is.

    Attributes:
        versions, python: ranges, as PEP 440 writes them.
        environment: the variable that names a virtual environment which has it.
        requires: what a container is given of it: ``alone``, and ``with-dependencies``.
    """

    name: str
    versions: str
    environment: str
    python: str = ">=3.8"
    requires: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def interpreter(self) -> str:
        """The interpreter of the virtual environment."""
        return f"{os.environ.get(self.environment, '')}/bin/python"


@dataclass(frozen=True, slots=True)
class Channel:
    """Where the library writes what holds other people's content.

    Attributes:
        call: the call that writes it; it takes ``directory``, ``name`` and ``text``.
        file: the file's name, in which ``{name}`` is the name from outside.
        mode: what a file of it must have.
        named_outside: whether a model names the file.
        lines: whether each write adds a line; else each write is a file.
        makes_directory: whether the call makes its directory.
        found: where a whole run leaves it, a pattern below the home.
    """

    name: str
    call: str
    file: str
    mode: int
    named_outside: bool
    lines: bool
    makes_directory: bool
    found: str


@dataclass(frozen=True)
class Library:
    """How a library is called, and what it says of itself. Empty where the descriptor does not say it."""

    channels: Mapping[str, Channel]
    calls: Mapping[str, str]
    copies: tuple[tuple[str, str], ...] = ()
    package: Package | None = None
    search: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    readable: Mapping[str, str] = field(default_factory=dict)
    telemetry: tuple[str, ...] = ()
    states: Mapping[str, str] = field(default_factory=dict)
    switches: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    doctor: tuple[str, ...] = ()
    credentials: str = ""
    doctor_says: Mapping[str, str] = field(default_factory=dict)
    limits: Mapping[str, int] = field(default_factory=dict)
    network_skills: tuple[str, ...] = ()
    printed: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    written: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    promises: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    daemon_event: str = ""
    access_lists: Mapping[str, str] = field(default_factory=dict)
    bare: tuple[str, ...] = ()

    def interpreter(self, own: str) -> str:
        """The interpreter that it runs under; the harness's own where it brings none."""
        return self.package.interpreter if self.package else own


@dataclass(frozen=True, slots=True)
class Installed:
    """What a virtual environment says of itself: versions, and the trees that it needs."""

    version: str
    python: str
    trees: tuple[str, ...]


def build_library(raw: Mapping[str, Any]) -> Library:
    """The library that a valid document describes."""
    doctor = raw.get("doctor", {})
    return Library(
        channels={name: _channel(name, each) for name, each in raw["channels"].items()},
        calls=raw["calls"],
        copies=tuple((each["copy"], each["to"]) for each in raw.get("install", ())),
        package=Package(**raw["package"]) if "package" in raw else None,
        search=tuple(raw.get("search", ())),
        doctor=tuple(doctor.get("command", ())),
        doctor_says=doctor.get("says", {}),
        telemetry=tuple(raw.get("telemetry", ())),
        network_skills=tuple(raw.get("network-skills", ())),
        **{
            key: raw[key]
            for key in ("environment", "readable", "states", "credentials", "switches", "limits", "printed", "written")
            if key in raw
        },
        promises={name: _says(each) for name, each in raw.get("promises", {}).items()},
        daemon_event=raw.get("daemon", {}).get("event", ""),
        access_lists=raw.get("access-lists", {}),
        bare=tuple(raw.get("bare-environment", ())),
    )


def _channel(name: str, each: Mapping[str, Any]) -> Channel:
    return Channel(
        name=name,
        call=each["call"],
        file=each["file"],
        mode=int(each["mode"], 8),
        named_outside=each["names"] == "outside",
        lines=each["writes"] == "lines",
        makes_directory=each["makes-directory"],
        found=each["found"],
    )


def _says(each: str | Mapping[str, Any]) -> dict[str, Any]:
    """A promise: a text alone is broken by whatever fails."""
    return {"binds": True, "broken-by": "", **({"says": each} if isinstance(each, str) else each)}


def library_rules(document: Document) -> Iterator[UsageProblem]:
    """What the schema cannot say: calls that are named exist and are Python; ranges are ranges."""
    calls = document.value["calls"]
    for name, text in calls.items():
        try:
            compile(text, name, "exec")
        except (SyntaxError, ValueError) as error:
            yield document.problem(("calls", name), "Python", f"correct it: {error}", what=f"the call {name!r} is none")
    for name, channel in document.value["channels"].items():
        if channel["call"] not in calls:
            path = ("channels", name, "call")
            yield document.problem(path, among(calls), nearest(channel["call"], calls, "add it to calls"))
    for place, pattern in _patterns(document.value):
        try:
            re.compile(pattern)
        except re.error as error:
            yield document.problem(place, "a regular expression", f"correct it: {error}")
    if "daemon" in calls and not document.at(("daemon", "event")):
        yield document.problem(("calls", "daemon"), "daemon: {event: PATTERN}", "say how its log tells of its start")
    if "package" in document.value:
        yield from _ranges(document)


def _ranges(document: Document) -> Iterator[UsageProblem]:
    from packaging.requirements import InvalidRequirement, Requirement  # noqa: PLC0415 - where a library is described
    from packaging.specifiers import InvalidSpecifier, SpecifierSet  # noqa: PLC0415

    for key in ("versions", "python"):
        given = document.at(("package", key))
        try:
            SpecifierSet(given or "")
        except InvalidSpecifier:
            yield document.problem(("package", key), 'a range of versions such as ">=1.0.4,<1.1"', "correct it")
    for key, words in (document.at(("package", "requires")) or {}).items():
        for at, word in enumerate(words):
            try:
                Requirement(word)
            except InvalidRequirement:
                yield document.problem(
                    ("package", "requires", key, at), 'a package such as "httpx>=0.27"', "correct it"
                )


def _patterns(raw: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every regular expression of a document, and where it stands."""
    for state, pattern in raw.get("doctor", {}).get("says", {}).items():
        yield ("doctor", "says", state), pattern
    for name, step in raw.get("printed", {}).items():
        yield ("printed", name, "ends"), step["ends"]
    for name, promise in raw.get("promises", {}).items():
        if not isinstance(promise, str):
            yield ("promises", name, "broken-by"), promise.get("broken-by", "")
    if "daemon" in raw:
        yield ("daemon", "event"), raw["daemon"]["event"].replace("{pid}", "1")


def missing_package(package: Package) -> str:
    """Why a package cannot be called here, in a sentence; empty where nothing is missing."""
    if reason := _not_provided(package):
        return reason
    from packaging.specifiers import SpecifierSet  # noqa: PLC0415 - where a library is described

    try:
        found = installed(package)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        return f"{package.interpreter} does not say what it has: {error}"
    if found.python not in SpecifierSet(package.python, prereleases=True):
        return f"too old or new a Python: {package.interpreter} is {found.python}, and it needs {package.python}"
    if not found.version:
        return f"not provided: {package.interpreter} has no package {package.name!r}"
    within = found.version in SpecifierSet(package.versions, prereleases=True)
    return "" if within else f"{package.name} is {found.version}, and the descriptor speaks of {package.versions}"


def _not_provided(package: Package) -> str:
    named = os.environ.get(package.environment, "")
    if not named:
        made = f"python3 -m venv DIR && DIR/bin/pip install {package.name}"
        return f"not provided: {package.environment} is not set; let it name a virtual environment with it ({made})"
    if not os.path.isabs(named):  # a stage has another working directory
        return f"not provided: {package.environment} is {named!r}; expected an absolute path"
    if not os.path.exists(package.interpreter):
        return f"not provided: {package.environment} names no virtual environment: no {package.interpreter}"
    return ""


def installed(package: Package) -> Installed:
    """What the virtual environment says of itself.

    Raises:
        OSError, SubprocessError, ValueError: it says nothing.
    """
    done = subprocess.run(
        [package.interpreter, "-I", "-c", _ASK, package.name],
        capture_output=True,
        timeout=_SECONDS,
        check=True,
        cwd="/",
        env={"PATH": "/usr/bin:/bin"},
    )
    version, python, *trees = json.loads(done.stdout)
    return Installed(version, python, tuple(trees))


def trees(library: Library | None) -> tuple[str, ...]:
    """The trees of the host that a stage must reach for it."""
    if library is None or library.package is None:
        return ()
    return (*installed(library.package).trees, str(Path(library.package.interpreter)))
