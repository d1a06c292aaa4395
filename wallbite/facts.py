"""What a check may see: the observations of a run, and the setting that they were made in. Nothing else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final

from wallbite.catalogue import Requirement
from wallbite.observation import OK, Observation

TOLD: Final = 3  # problems that one reason names


@dataclass(frozen=True, slots=True)
class SurfaceFact:
    """A protected object, as checks see it: ``role`` is what requirements name, ``owner`` an account or ``gateway``."""

    name: str
    role: str
    surface_class: str
    kind: str
    owner: str
    mode: str


@dataclass(frozen=True)
class Setting:
    """What was tested, as far as checks need it; it stands in the record's header.

    Attributes:
        target, stage: names.
        accounts: the accounts that the target declares.
        postures: the postures that were run.
        surfaces: the declared surfaces, one for each account where a surface is an account's.
        paths: the declared spawn paths.
        excused: requirement id or family to the reason why it is not applicable to this target.
        declared: anything else of the descriptor that checks compare with, such as the scratch places.
    """

    target: str
    stage: str
    accounts: tuple[str, ...]
    postures: tuple[str, ...]
    surfaces: tuple[SurfaceFact, ...]
    paths: tuple[str, ...]
    excused: Mapping[str, str]
    declared: Mapping[str, Any]

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Setting:
        """The setting that a record's header holds."""
        return cls(
            target=value["target"],
            stage=value["stage"],
            accounts=tuple(value["accounts"]),
            postures=tuple(value["postures"]),
            surfaces=tuple(SurfaceFact(**surface) for surface in value["surfaces"]),
            paths=tuple(value["paths"]),
            excused=dict(value["excused"]),
            declared=dict(value["declared"]),
        )


@dataclass(frozen=True)
class Index:
    """Where to find the observations of a run."""

    observations: Sequence[Observation]

    @cached_property
    def by_operation(self) -> Mapping[tuple[str, str, str], list[Observation]]:
        """By kind of case, posture and operation."""
        index: dict[tuple[str, str, str], list[Observation]] = defaultdict(list)
        for one in self.observations:
            index[(one.kind, one.posture, one.operation)].append(one)
        return index

    @cached_property
    def by_object(self) -> Mapping[tuple[str, str, str, str], list[Observation]]:
        """By kind of case, posture, operation and object."""
        index: dict[tuple[str, str, str, str], list[Observation]] = defaultdict(list)
        for one in self.observations:
            index[(one.kind, one.posture, one.operation, one.object)].append(one)
        return index

    @cached_property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of case of which there are observations, in the order in which they came."""
        return tuple(dict.fromkeys(kind for kind, _, _ in self.by_operation))

    @cached_property
    def disbelieved(self) -> Mapping[tuple[str, ...], str]:
        """Answers by case, account and step, and accounts by posture, that were found to be untrue; and how."""
        found: dict[tuple[str, ...], str] = {}
        for one in self.observations:
            if one.operation == "neighbour" and one.errno != OK:
                found[(one.case, one.account, one.step)] = f"the probe is not believed: {one.seen.get('problem')}"
            elif one.operation == "kernel" and one.errno != OK:
                text = "; ".join(map(str, one.seen.get("differs", ())))
                found[(one.posture, one.account)] = f"the probe is not believed, the kernel says otherwise: {text}"
        return found


@dataclass(frozen=True)
class Facts:
    """The observations of a run with their setting and the policy tables.

    Attributes:
        kinds: the kinds of case of which observations are found; None: all.
        shared: the index of the same observations, where there is one already.
    """

    setting: Setting
    observations: Sequence[Observation]
    tables: Mapping[str, Any] = field(default_factory=dict)
    kinds: frozenset[str] | None = None
    shared: Index | None = None

    @cached_property
    def index(self) -> Index:
        """Of all observations, also of the kinds that are not found here."""
        return self.shared or Index(self.observations)

    def of(self, kinds: Iterable[str]) -> Facts:
        """The same facts, of which only the observations of cases of these kinds are found.

        Two kinds may call different things by one name; and a check that is selected alone finds no others anyway.
        """
        return replace(self, kinds=frozenset(kinds), shared=self.index)

    def find(self, posture: str, operation: str | Iterable[str], **wanted: str) -> list[Observation]:
        """The observations of ``operation`` (or of several) in ``posture`` whose fields equal ``wanted``."""
        operations = (operation,) if isinstance(operation, str) else operation
        kinds = [kind for kind in self.index.kinds if self.kinds is None or kind in self.kinds]
        named = wanted.get("object")
        return [
            observation
            for name in operations
            for kind in kinds
            for observation in (
                self.index.by_operation.get((kind, posture, name), ())
                if named is None
                else self.index.by_object.get((kind, posture, name, named), ())
            )
            if all(getattr(observation, key) == value for key, value in wanted.items())
        ]

    def first(self, posture: str, operation: str, **wanted: str) -> Observation | None:
        """The first of what :meth:`find` finds."""
        return next(iter(self.find(posture, operation, **wanted)), None)

    def postures(self, requirement: Requirement) -> tuple[str, ...]:
        """The postures of this run in which ``requirement`` applies."""
        return tuple(name for name in self.setting.postures if name in requirement.postures)

    def surfaces(self, roles: Iterable[str]) -> list[SurfaceFact]:
        """The declared surfaces with one of ``roles``."""
        wanted = set(roles)
        return [surface for surface in self.setting.surfaces if surface.role in wanted]

    def doubt(self, one: Observation) -> str:
        """Why what a probe said of itself is not believed; empty where it is, or where no probe said it."""
        disbelieved = self.index.disbelieved
        if one.vantage != "spawned" or not disbelieved:
            return ""
        return disbelieved.get((one.case, one.account, one.step)) or disbelieved.get((one.posture, one.account), "")

    def broken(self, posture: str, kinds: Iterable[str]) -> list[Observation]:
        """The cases of ``kinds`` in ``posture`` that did not come to their end: they crashed, hung or gave up."""
        return [one for kind in kinds for one in self.find(posture, "case", kind=kind)]

    def trouble(self, posture: str, kinds: Iterable[str], account: str = "") -> str:
        """Why the cases of ``kinds`` could not say anything in ``posture``: what broke in them, or that none ran."""
        problems = [
            str(observation.seen["problem"])
            for kind in kinds
            for observation in self.find(posture, ("case", "answer"), kind=kind)
            if observation.seen.get("problem") and not (account and observation.account not in ("", "root", account))
        ]
        told = list(dict.fromkeys(problems))
        more = [f"and {len(told) - TOLD} more"] if len(told) > TOLD else []
        return "; ".join([*told[:TOLD], *more]) or "not run: no case observed it"
