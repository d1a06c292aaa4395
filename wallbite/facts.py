"""What a check may see: the observations of a run, and the setting that they were made in. Nothing else."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final

from wallbite.catalogue import Requirement
from wallbite.observation import OK, Observation
from wallbite.observations import Column, columns_of

TOLD: Final = 3  # problems that one reason names
ASKED: Final = 1 << 12  # answers that an index remembers
FEW: Final = 64  # places of such an answer, at most
# By which fields observations can be found at once; the first that fits is taken.
FAMILIES: Final = (
    ("posture", "account", "object"),
    ("posture", "operation", "object", "step"),
    ("posture", "operation", "object"),
    ("posture", "operation", "account"),
    ("posture", "operation"),
)


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
    """Where to find the observations of a run: places in order, by what a check asks for.

    A check asks for each account and each surface, so that the way to what it wants must not become longer with either.
    """

    observations: Sequence[Observation]

    @cached_property
    def columns(self) -> Mapping[str, Column]:
        """The fields of all of them."""
        return columns_of(self.observations)

    @cached_property
    def _families(self) -> dict[tuple[str, ...], dict[tuple[int, ...], array[int]]]:
        return {}

    def family(self, names: tuple[str, ...]) -> Mapping[tuple[int, ...], array[int]]:
        """The places by the numbers of these fields; made when first asked for."""
        if names not in self._families:
            found: dict[tuple[int, ...], array[int]] = {}
            for place, key in enumerate(zip(*(self.columns[name].numbers for name in names), strict=True)):
                if (places := found.get(key)) is None:
                    places = found[key] = array("I")
                places.append(place)
            self._families[names] = found
        return self._families[names]

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of case of which there are observations, in the order in which they came."""
        return tuple(str(kind) for kind in self.columns["kind"].values)

    def places(self, operations: tuple[str, ...], wanted: Mapping[str, str | None]) -> Sequence[int]:
        """The places of what equals ``wanted``: operation by operation, then kind by kind, in order."""
        key = (operations, *wanted.items())  # attempt by attempt a check asks for the same look, the same control
        if (known := self._asked.get(key)) is not None:
            return known
        found = tuple(self._places(operations, wanted))
        if len(found) <= FEW:
            if len(self._asked) >= ASKED:
                self._asked.clear()
            self._asked[key] = found
        return found

    @cached_property
    def _asked(self) -> dict[tuple[Any, ...], tuple[int, ...]]:
        return {}

    def _places(self, operations: Iterable[str], wanted: Mapping[str, str | None]) -> Iterator[int]:
        numbers: dict[str, int] = {}
        for name, value in wanted.items():
            if (number := self.columns[name].known.get(value)) is None:
                return
            numbers[name] = number
        names = next(names for names in FAMILIES if numbers.keys() >= set(names) - {"operation"})
        rest = [(self.columns[name].numbers, number) for name, number in numbers.items() if name not in names]
        kinds, of_kind = self.columns["kind"].numbers, len(self.columns["kind"].values) > 1
        for bucket in self._buckets(names, numbers, operations):
            found = [place for place in bucket if all(column[place] == number for column, number in rest)]
            yield from sorted(found, key=kinds.__getitem__) if of_kind else found

    def _buckets(
        self, names: tuple[str, ...], numbers: Mapping[str, int], operations: Iterable[str]
    ) -> Iterator[Sequence[int]]:
        """For each operation, the places of a family in which it may be found."""
        column, family = self.columns["operation"], self.family(names)
        known = [column.known[name] for name in operations if name in column.known]
        if "operation" in names:
            for number in known:
                yield family.get(tuple(number if name == "operation" else numbers[name] for name in names), ())
            return
        if len(known) == 1:
            bucket = family.get(tuple(numbers[name] for name in names), ())
            yield [place for place in bucket if column.numbers[place] == known[0]]
            return
        by_operation: dict[int, list[int]] = {}
        for place in family.get(tuple(numbers[name] for name in names), ()):
            by_operation.setdefault(column.numbers[place], []).append(place)
        yield from (by_operation.get(number, ()) for number in known)

    def of_operation(self, name: str) -> Iterator[Observation]:
        """All of one operation, in order."""
        number = self.columns["operation"].known.get(name)
        return (self.observations[at] for at, one in enumerate(self.columns["operation"].numbers) if one == number)

    @cached_property
    def disbelieved(self) -> Mapping[tuple[str, ...], str]:
        """Answers by case, account and step, and accounts by posture, that were found to be untrue; and how."""
        found: dict[tuple[str, ...], str] = {}
        for one in self.of_operation("neighbour"):
            if one.errno != OK:
                found[(one.case, one.account, one.step)] = f"the probe is not believed: {one.seen.get('problem')}"
        for one in self.of_operation("kernel"):
            if one.errno != OK:
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
        operations = (operation,) if isinstance(operation, str) else tuple(operation)
        places = self.index.places(operations, {**wanted, "posture": posture})
        return [self.observations[place] for place in places if self._is_found(place)]

    def _is_found(self, place: int) -> bool:
        return self.kinds is None or self.index.columns["kind"][place] in self.kinds

    def first(self, posture: str, operation: str, **wanted: str) -> Observation | None:
        """The first of what :meth:`find` finds."""
        places = self.index.places((operation,), {**wanted, "posture": posture})
        return next((self.observations[place] for place in places if self._is_found(place)), None)

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
