"""Waivers: failures that somebody answers for until a day. A waiver lies over a failure and never hides it.

A file of them is YAML, in the schema ``reports/schemas/waivers.schema.json``:

    schema: wallbite-waivers/1
    waivers:
      - requirement: WALL-03
        scope: {posture: root, surface: vault}    # or: all
        owner: Ada Lovelace, platform team
        justification: The vault moves out of the shared directory with release 4.
        created: 2026-11-02
        expires: 2027-01-31                       # holds through this day, UTC
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

from wallbite.catalogue import Catalogue
from wallbite.documents import Document, nearest, read, validate
from wallbite.postures import POSTURES
from wallbite.verdict import Ruling, Verdict

_DIMENSIONS: Final = ("posture", "account", "surface")
_ALL: Final = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """One waiver.

    Attributes:
        requirement: the id of a requirement, or of one that was split: then it speaks of its parts.
        posture, account, surface: its scope; empty where it speaks of all.
        owner: who answers for it.
        justification: why the failure is borne.
        created, expires: days, ISO 8601. It holds through the day on which it expires, in UTC.
        covered: whether the run at hand judged everything that the waiver speaks of; only then can it be called stale.
        where: ``file:line`` of its entry.
    """

    requirement: str
    posture: str = ""
    account: str = ""
    surface: str = ""
    owner: str
    justification: str
    created: str
    expires: str
    covered: bool = True
    where: str = ""

    @property
    def scope(self) -> str:
        """What it speaks of, in words."""
        named = (f"{name} {value}" for name in _DIMENSIONS if (value := getattr(self, name)))
        return ", ".join(named) or "all of it"

    def matches(self, verdict: Verdict) -> bool:
        """Whether it speaks of what a verdict speaks of, whatever that verdict is."""
        return self.speaks_of(verdict.requirement) and all(
            getattr(self, name) in {"", getattr(verdict, name)} for name in _DIMENSIONS
        )

    def expired(self, day: str) -> bool:
        """Whether it no longer holds on a day, ISO 8601."""
        return self.expires < day

    def lies_over(self, verdict: Verdict, day: str) -> bool:
        """Whether it covers a verdict: a failure that it speaks of, on a day on which it holds."""
        return verdict.ruling is Ruling.FAIL and not self.expired(day) and self.matches(verdict)

    def speaks_of(self, requirement: str) -> bool:
        """Whether a requirement is the one that it names, or a part of it."""
        return self.requirement in {requirement, requirement.rpartition(".")[0]}


def load(path: Path, known: Catalogue) -> tuple[tuple[Waiver, ...], str]:
    """The waivers of a file, and the SHA-256 of the file in hex.

    Raises:
        UsageProblem: the file is wrong, or names a requirement or posture that there is not; by line.
    """
    document = read(path)
    validate(document, "waivers")
    found = tuple(_waivers(document, known))
    _see_each_once(document, found)
    return found, document.digest


def covering(
    waivers: Iterable[Waiver], known: Catalogue, selected: Iterable[str], declared: Iterable[str], run: Iterable[str]
) -> tuple[Waiver, ...]:
    """The waivers, each with whether a run judges all that it speaks of.

    Args:
        waivers: of a file.
        known: the catalogue.
        selected: the ids of the requirements that the run judges.
        declared: the postures that the target declares.
        run: those of them that are run.
    """
    chosen, postures, running = set(selected), set(declared), set(run)

    def whole(waiver: Waiver) -> bool:
        rows = [each for each in known.requirements.values() if not each.parts and waiver.speaks_of(each.id)]
        wanted = {waiver.posture} if waiver.posture else {name for each in rows for name in each.postures}
        return {each.id for each in rows} <= chosen and wanted & postures <= running

    return tuple(dataclasses.replace(waiver, covered=whole(waiver)) for waiver in waivers)


def as_json(waiver: Waiver) -> dict[str, Any]:
    """A waiver as a record's header holds it."""
    return dataclasses.asdict(waiver)


def from_json(value: Mapping[str, Any]) -> Waiver:
    """The waiver of a record's header.

    Raises:
        ValueError: a field is of another type, or a day is none.
        TypeError: a field is unknown or missing.
    """
    waiver = Waiver(**value)
    for name, item in dataclasses.asdict(waiver).items():
        if not isinstance(item, bool if name == "covered" else str):
            raise ValueError(f"a waiver's {name!r} is {type(item).__name__}")  # noqa: TRY004 - as for every broken line
    date.fromisoformat(waiver.created)
    date.fromisoformat(waiver.expires)
    return waiver


def _waivers(document: Document, known: Catalogue) -> Iterator[Waiver]:
    for place, entry in enumerate(document.value["waivers"]):
        path = ("waivers", place)
        _see_names(document, path, entry, known)
        created, expires = (_day(document, (*path, name)) for name in ("created", "expires"))
        if created > expires:
            raise document.problem(
                (*path, "expires"), f"a day on or after {created}, when it was created", "correct it"
            )
        scope = {} if entry["scope"] == _ALL else entry["scope"]
        yield Waiver(
            requirement=entry["requirement"],
            posture=scope.get("posture", ""),
            account=scope.get("account", ""),
            surface=scope.get("surface", ""),
            owner=" ".join(entry["owner"].split()),
            justification=" ".join(entry["justification"].split()),
            created=created,
            expires=expires,
            where=document.where(path),
        )


def _see_names(document: Document, path: tuple[str | int, ...], entry: Mapping[str, Any], known: Catalogue) -> None:
    """See that a waiver names a requirement and a posture that there are."""
    name = entry["requirement"]
    if name not in known.requirements:
        remedy = nearest(name, known.requirements, "see: wallbite list")
        raise document.problem(
            (*path, "requirement"), "a requirement of the catalogue", remedy, what=f"unknown requirement {name!r}"
        )
    posture = entry["scope"].get("posture", "") if isinstance(entry["scope"], dict) else ""
    if posture and posture not in POSTURES:
        expected = f"one of {', '.join(POSTURES)}"
        raise document.problem((*path, "scope", "posture"), expected, nearest(posture, POSTURES, "correct it"))


def _day(document: Document, path: tuple[str | int, ...]) -> str:
    written = document.at(path)
    try:
        return date.fromisoformat(written).isoformat()
    except ValueError:
        raise document.problem(path, "a day such as 2027-01-31", "correct it") from None


def _see_each_once(document: Document, found: Iterable[Waiver]) -> None:
    seen: set[tuple[str, ...]] = set()
    for place, waiver in enumerate(found):
        key = (waiver.requirement, waiver.posture, waiver.account, waiver.surface)
        if key in seen:
            what = f"a second waiver of {waiver.requirement}, {waiver.scope}"
            raise document.problem(("waivers", place), "one for each scope", "merge the two", what=what)
        seen.add(key)
