"""What a record holds, as frozen objects, and how each of them looks on a line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, Final

from wallbite import __version__, ids
from wallbite.evidence.canonical import canonical, digest
from wallbite.observation import Observation
from wallbite.verdict import Level, Outcome, Ruling, Verdict
from wallbite.waivers import Waiver

SCHEMA: Final = "wallbite-record/1"
ORIGIN: Final = "0" * 64  # what the first line has for the digest of the line before


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What was run, of what, on what: known before the first observation.

    Attributes:
        target: the descriptor's name; `title` beside it.
        descriptor: the descriptor as it was named on the command line.
        descriptor_digest: SHA-256 of its text, in hex.
        descriptor_file: its path; below the content where it is a shipped one.
        claims: what the descriptor claims.
        stage: such as ``namespace``.
        postures, accounts: names, in the order in which they are shown.
        surfaces: one mapping each: ``name``, ``path``, ``class``, ``kind``, ``line`` (of the descriptor).
        requirements: the selected requirements in full, one mapping each; ``id`` and ``level`` are needed.
        host, kernel: facts, as `wallbite.evidence.host` gathers them.
        command: the command line.
        started: UTC, ISO 8601.
        seed: of the random choices of the run, or None.
        fault: the seeded fault, or None.
        missing_families: families of the claimed profile that have no checks yet.
        residuals: what the target accepts, by name.
        not_applicable: the reason for each id or family that the target declared not applicable.
        waivers: the failures that somebody answers for.
        waivers_digest: SHA-256 of the file that they come from, in hex; empty without one.
        context: what the checks need besides the observations.
        harness: Wallbite's version.
    """

    target: str
    title: str = ""
    descriptor: str
    descriptor_digest: str
    descriptor_file: str = ""
    claims: Mapping[str, Any] = field(default_factory=dict)
    stage: str
    postures: tuple[str, ...]
    accounts: tuple[str, ...]
    surfaces: tuple[Mapping[str, Any], ...] = ()
    requirements: tuple[Mapping[str, Any], ...]
    host: Mapping[str, Any] = field(default_factory=dict)
    kernel: Mapping[str, Any] = field(default_factory=dict)
    command: tuple[str, ...] = ()
    started: str
    seed: int | None = None
    fault: str | None = None
    missing_families: tuple[str, ...] = ()
    residuals: Mapping[str, str] = field(default_factory=dict)
    not_applicable: Mapping[str, str] = field(default_factory=dict)
    waivers: tuple[Waiver, ...] = ()
    waivers_digest: str = ""
    context: Mapping[str, Any] = field(default_factory=dict)
    harness: str = __version__

    @property
    def catalogue_digest(self) -> str:
        """SHA-256 of the selected requirements, in hex."""
        return digest(canonical([dict(requirement) for requirement in self.requirements]))

    @property
    def day(self) -> str:
        """The day of the run, ISO 8601, in UTC."""
        return self.started[:10]

    @property
    def levels(self) -> dict[str, Level]:
        """How much each selected requirement binds, by its id."""
        return {requirement["id"]: Level(requirement["level"]) for requirement in self.requirements}


@dataclass(frozen=True, slots=True)
class Case:
    """One stage that was booted: what was asked, and how it went.

    Attributes:
        case, kind, posture, params: as in the case that a worker was given.
        problem: why it ended early, or None.
        seconds: how long it took.
        observations: how many it gave.
    """

    case: str
    kind: str
    posture: str
    params: Mapping[str, Any]
    problem: str | None
    seconds: float
    observations: int


@dataclass(frozen=True, slots=True)
class Footer:
    """What the run came to.

    Attributes:
        counts: of ``cases``, ``observations``, ``verdicts``, ``requirements``, and of requirements by ruling.
        outcome: what the run comes to.
        finished: UTC, ISO 8601.
        self_test: digest and date of the self-test that backs the run, or ``none``.
    """

    counts: Mapping[str, int]
    outcome: Outcome
    finished: str
    self_test: str = "none"


@dataclass(frozen=True, slots=True)
class Record:
    """A whole record.

    Attributes:
        digest: SHA-256 of its bytes, in hex.
    """

    header: Header
    cases: tuple[Case, ...]
    observations: Sequence[Observation]
    verdicts: tuple[Verdict, ...]
    footer: Footer
    digest: str = ""


_DEFAULTS: Final[dict[type, dict[str, Any]]] = {
    kind: {
        item.name: {} if item.default is MISSING else item.default
        for item in fields(kind)
        if item.default is not MISSING or item.default_factory is not MISSING
    }
    for kind in (Observation, Verdict)
}


_NAMES: Final[dict[type, tuple[str, ...]]] = {
    kind: tuple(item.name for item in fields(kind)) for kind in (Observation, Verdict)
}
_NEEDED: Final = {kind: frozenset(names) - _DEFAULTS[kind].keys() for kind, names in _NAMES.items()}


def compact(item: Observation | Verdict) -> dict[str, Any]:
    """An observation or a verdict as a mapping, without the fields that have their default."""
    values = {name: getattr(item, name) for name in _NAMES[type(item)]}
    defaults = _DEFAULTS[type(item)]
    return {
        name: list(value) if isinstance(value, (tuple, ids.Ids)) else value
        for name, value in values.items()
        if name not in defaults or value != defaults[name]
    }


def observation(value: Mapping[str, Any]) -> Observation:
    """The observation of a record's line.

    Raises:
        ValueError: a field is unknown, missing or of another type.
        TypeError: it is not a mapping.
    """
    _only(value, Observation)
    errno, seen = value.get("errno"), value.get("seen", {})
    if not (errno is None or isinstance(errno, str)) or not isinstance(seen, dict):
        raise ValueError("an observation's errno is text or null, and what it saw is a mapping")
    _texts(value, {"errno", "seen"})
    return Observation(**value)


def verdict(value: Mapping[str, Any]) -> Verdict:
    """The verdict of a record's line.

    Raises:
        ValueError: a field is unknown, missing or of another type.
        TypeError: it is not a mapping.
    """
    _only(value, Verdict)
    _texts(value, {"evidence"})
    evidence = value.get("evidence", [])
    if not isinstance(evidence, list) or not all(isinstance(name, str) for name in evidence):
        raise ValueError("a verdict's evidence is a list of observation ids")
    return Verdict(**{**value, "ruling": Ruling(value["ruling"]), "evidence": ids.of(evidence)})


def _only(value: object, kind: type[Observation | Verdict]) -> None:
    if not isinstance(value, dict):
        raise TypeError(f"{kind.__name__.lower()}: expected a mapping")
    if unknown := sorted(value.keys() - _NAMES[kind]):
        raise ValueError(f"{kind.__name__.lower()}: unknown field {unknown[0]!r}")
    if missing := sorted(_NEEDED[kind] - value.keys()):
        raise ValueError(f"{kind.__name__.lower()}: field {missing[0]!r} is missing")


def _texts(value: Mapping[str, Any], others: set[str]) -> None:
    for name, item in value.items():
        if name not in others and not isinstance(item, str):
            raise ValueError(f"field {name!r} is not text")
