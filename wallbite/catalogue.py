"""The catalogue: what a gateway must keep. Requirements in families, families in profiles."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from wallbite.content import content, root
from wallbite.documents import Document, among, nearest, parse, read_bytes, shown, validate
from wallbite.postures import ENFORCING, POSTURES
from wallbite.problems import UsageProblem
from wallbite.verdict import Level


@dataclass(frozen=True, slots=True)
class Family:
    """Requirements about one thing, such as WALL."""

    name: str
    title: str


@dataclass(frozen=True, slots=True)
class Profile:
    """A named set of families, which a target may claim to keep."""

    name: str
    families: tuple[Family, ...]


PRIVSEP: Final = Profile(
    "privsep",
    (
        Family("BOOT", "The boot gate"),
        Family("CONF", "Configuration that cannot mean what it says"),
        Family("DROP", "Identity of what is spawned"),
        Family("WALL", "What an account must not reach"),
        Family("MODE", "Modes and owners on disk"),
        Family("FPR", "Fingerprint-bound grants"),
        Family("SECR", "Delivery of secrets"),
        Family("ENV", "Environment stripping"),
        Family("BACK", "Backups"),
        Family("LIFE", "The spawned process's end"),
        Family("SIDE", "Side doors of an account"),
        Family("INST", "What is laid down"),
    ),
)
CHANNELS: Final = Profile(
    "channels",
    (
        Family("CHAN", "What is written"),
        Family("SHARE", "Several users on one host"),
        Family("BOX", "The tool sandbox"),
    ),
)
_FOLDER: Final = content("conformance", "requirements")
PROFILES: Final[Mapping[str, Profile]] = {one.name: one for one in (PRIVSEP, CHANNELS)}


@dataclass(frozen=True, slots=True)
class Requirement:
    """A normative statement, and how it is judged.

    Attributes:
        id: such as ``WALL-03``; ``WALL-04.1`` is a part of ``WALL-04``.
        source: document and clause, one or several.
        observed, expected: what is looked at, and what must be seen there.
        vantage: from where attempts are made: ``spawned``, ``dropped`` or ``harness``.
        postures: the names of those in which it is judged.
        surfaces: the roles of the surfaces that it speaks of.
        denial: whether it is proven by something being refused.
        control: what shows that the same thing works where it must; a denial has one.
        mappings: controls of ``nist-800-53``, ``cis``, ``asvs`` and ``iso-27001``, each with a sentence why.
        parts: the ids of the requirements that it was split into; it is then judged by theirs.
        where: ``file:line`` of its row.
    """

    id: str
    level: Level
    statement: str
    rationale: str
    source: tuple[str, ...]
    observed: str
    expected: str
    remediation: str
    vantage: str
    postures: tuple[str, ...]
    surfaces: tuple[str, ...] = ()
    denial: bool = False
    control: str = ""
    mappings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    parts: tuple[str, ...] = ()
    where: str = ""

    @property
    def family(self) -> str:
        """The name of its family."""
        return self.id.partition("-")[0]

    @property
    def parent(self) -> str:
        """The id of the requirement that it is a part of; empty where it stands alone."""
        whole, dot, _ = self.id.partition(".")
        return whole if dot else ""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Every requirement there is, by id in the order of the catalogue.

    Attributes:
        families: those that have requirements, by name.
        digest: SHA-256 over the files that it was read from.
    """

    requirements: Mapping[str, Requirement]
    families: Mapping[str, Family]
    digest: str

    def missing(self, profile: str = PRIVSEP.name) -> tuple[Family, ...]:
        """The families of a profile that have no requirements yet."""
        return tuple(family for family in PROFILES[profile].families if family.name not in self.families)

    def of(self, profile: str) -> tuple[Requirement, ...]:
        """The requirements of a profile."""
        names = {family.name for family in PROFILES[profile].families}
        return tuple(each for each in self.requirements.values() if each.family in names)


def load(folder: Path | None = None) -> Catalogue:
    """The catalogue below conformance/requirements/, or below another folder.

    Raises:
        UsageProblem: a file of it is wrong.
    """
    documents = [_read(path) for path in sorted((folder or _FOLDER).glob("*.yaml"), key=_order)]
    families: dict[str, Family] = {}
    requirements: dict[str, Requirement] = {}
    for document in documents:
        family = _family(document, families)
        families[family.name] = family
        requirements |= _rows(document, family, requirements)
    digest = hashlib.sha256("".join(document.digest for document in documents).encode()).hexdigest()
    return Catalogue(requirements, families, digest)


def select(catalogue: Catalogue, names: Sequence[str], profile: str = PRIVSEP.name) -> tuple[Requirement, ...]:
    """The requirements of a profile that are named by id or family; all of them where none is named.

    A requirement that was split brings its parts along, and a part its parent.

    Raises:
        UsageProblem: there is no such profile, requirement or family, or nothing in it.
    """
    if profile not in PROFILES:
        what = f"unknown profile {shown(profile)}"
        raise UsageProblem(what, expected=among(PROFILES), remedy=nearest(profile, PROFILES, "name one of them"))
    candidates = catalogue.of(profile)
    wanted = {id_ for name in names for id_ in _named(catalogue, name.upper(), candidates, profile)}
    chosen = tuple(each for each in candidates if not names or each.id in wanted)
    if not chosen:
        raise UsageProblem(f"profile {profile!r} has no requirements", expected="at least one", remedy="add a family")
    return chosen


def _named(catalogue: Catalogue, name: str, candidates: Iterable[Requirement], profile: str) -> Iterator[str]:
    """The ids that a name stands for."""
    found = [each for each in candidates if name in {each.id, each.family, each.parent}]
    if not found:
        raise _not_found(catalogue, name, profile)
    for each in found:
        yield each.id
        if each.parent:
            yield each.parent


def _not_found(catalogue: Catalogue, name: str, profile: str) -> UsageProblem:
    families = [family.name for family in PROFILES[profile].families]
    if name in {family.name for family in catalogue.missing(profile)}:
        remedy = "leave it out, or add its requirements"
        return UsageProblem(f"family {name} has no requirements yet", expected=among(catalogue.families), remedy=remedy)
    known = [*families, *(each.id for each in catalogue.of(profile))]
    what = f"unknown requirement or family {shown(name)}"
    remedy = nearest(name, known, "see: wallbite list")
    return UsageProblem(what, expected=f"{among(families)}, or an id such as WALL-03", remedy=remedy)


def _read(path: Path) -> Document:
    """A file, named as it is below the content: where Wallbite is installed says nothing of the catalogue."""
    name = path.relative_to(root()) if path.is_relative_to(root()) else path
    return parse(read_bytes(path), str(name))


def _order(path: Path) -> tuple[int, str]:
    """Files in the order of the families, then by name."""
    names = [family.name for profile in PROFILES.values() for family in profile.families]
    stem = path.stem.upper()
    return (names.index(stem) if stem in names else len(names), stem)


def _family(document: Document, before: Mapping[str, Family]) -> Family:
    validate(document, "requirements")
    name: str = document.value["family"]
    known = [family.name for profile in PROFILES.values() for family in profile.families]
    if name not in known:
        raise document.problem(("family",), among(known), nearest(name, known, "add it to a profile"))
    if name in before:
        raise document.problem(("family",), "each family in one file", "merge the two files")
    return Family(name, document.value["title"])


def _rows(document: Document, family: Family, before: Mapping[str, Requirement]) -> dict[str, Requirement]:
    rows: dict[str, Requirement] = {}
    for place, row in enumerate(document.value["requirements"]):
        path = ("requirements", place, "id")
        if not row["id"].startswith(f"{family.name}-"):
            raise document.problem(path, f"an id of the family {family.name}", "move it to its family's file")
        if row["id"] in rows or row["id"] in before:
            raise document.problem(path, "each id once", "give it the next free number")
        rows[row["id"]] = _requirement(row, document.where(("requirements", place)))
    _check_parents(document, rows)
    parts = {id_: tuple(each.id for each in rows.values() if each.parent == id_) for id_ in rows}
    return {id_: _with_parts(each, parts[id_]) for id_, each in rows.items()}


def _check_parents(document: Document, rows: Mapping[str, Requirement]) -> None:
    for place, each in enumerate(rows.values()):
        if each.parent and each.parent not in rows:
            expected = f"a row {each.parent} that it is a part of"
            raise document.problem(("requirements", place, "id"), expected, f"add {each.parent}")


def _with_parts(requirement: Requirement, parts: tuple[str, ...]) -> Requirement:
    return dataclasses.replace(requirement, parts=parts) if parts else requirement


def _requirement(row: Mapping[str, Any], where: str) -> Requirement:
    source = row["source"]
    return Requirement(
        id=row["id"],
        level=Level(row["level"]),
        statement=_line(row["statement"]),
        rationale=_line(row["rationale"]),
        source=(source,) if isinstance(source, str) else tuple(source),
        observed=_line(row["observed"]),
        expected=_line(row["expected"]),
        remediation=_line(row["remediation"]),
        vantage=row["vantage"],
        postures=_postures(row["postures"]),
        surfaces=tuple(row.get("surfaces", ())),
        denial=row.get("denial", False),
        control=_line(row.get("control", "")),
        mappings={name: _controls(found) for name, found in row.get("mappings", {}).items()},
        where=where,
    )


def _line(text: str) -> str:
    """A text that YAML may have folded over lines, on one."""
    return " ".join(text.split())


def _controls(found: Mapping[str, str] | Sequence[str]) -> dict[str, str]:
    """Controls with their sentences; a list has none."""
    return {name: _line(why) for name, why in found.items()} if isinstance(found, Mapping) else dict.fromkeys(found, "")


_SETS: Final = {"enforcing": ENFORCING, "all": tuple(POSTURES)}


def _postures(named: str | Sequence[str]) -> tuple[str, ...]:
    return _SETS[named] if isinstance(named, str) else tuple(named)
