"""Many observations, kept small: a run may make a million of them, and all are there until the last check has judged.

Each field is a column of numbers that stand for texts, and a text is kept once. What was seen besides is kept as JSON,
the same text once; past `MEMORY` it lies in a nameless file. An observation is made again when somebody looks at it.
"""

from __future__ import annotations

import json
import tempfile
import weakref
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO, Any, Final, overload

from wallbite.alike import Alike
from wallbite.ids import id_of, place_of
from wallbite.observation import Observation

FIELDS: Final = (
    "case", "kind", "posture", "vantage", "account", "step", "operation", "object", "layout", "errno",
)  # fmt: skip
MEMORY: Final = 32 << 20  # bytes of what was seen that are kept in memory
RECENT: Final = 1 << 12  # observations that are kept as they are: a check looks at the same ones more than once
_ALIKE: Final = 1 << 16  # texts that are known to be kept already
_LONGEST: Final = 256  # characters of such a text


@dataclass(slots=True)
class Column:
    """One field of many observations: a number for each, and the value that the number stands for."""

    numbers: array[int] = field(default_factory=lambda: array("I"))
    values: list[str | None] = field(default_factory=list)
    known: dict[str | None, int] = field(default_factory=dict)

    def append(self, value: str | None) -> None:
        """One more."""
        number = self.known.setdefault(value, len(self.values))
        if number == len(self.values):
            self.values.append(value)
        self.numbers.append(number)

    def __getitem__(self, at: int) -> str | None:
        """The value at a place."""
        return self.values[self.numbers[at]]


def columns_of(observations: Iterable[Observation]) -> dict[str, Column]:
    """The columns of some observations."""
    if isinstance(observations, Observations):
        return observations.columns
    columns = {name: Column() for name in FIELDS}
    for one in observations:
        for name, column in columns.items():
            column.append(getattr(one, name))
    return columns


class Observations(Alike[Observation]):
    """A sequence that only grows, equal to any other with the same observations."""

    def __init__(self, observations: Iterable[Observation] = ()) -> None:
        """Keep some."""
        self.columns = {name: Column() for name in FIELDS}
        self._ids: dict[int, str] = {}  # the ids that do not follow from their place
        self._places, self._sizes = array("Q"), array("I")
        self._alike: dict[str, tuple[int, int]] = {}
        self._seen: IO[bytes] = tempfile.SpooledTemporaryFile(MEMORY)  # noqa: SIM115 - it lives as long as this does
        self._end = 0
        self._recent: dict[int, Observation] = {}
        weakref.finalize(self, self._seen.close)
        self.extend(observations)

    def append(self, one: Observation) -> None:
        """Keep one more.

        Raises:
            TypeError: what it saw is not JSON.
        """
        place, size = self._kept(one.seen)
        if one.id != id_of(len(self)):
            self._ids[len(self)] = one.id
        self._places.append(place)
        self._sizes.append(size)
        for name, column in self.columns.items():
            column.append(getattr(one, name))

    def extend(self, observations: Iterable[Observation]) -> None:
        """Keep several more."""
        for one in observations:
            self.append(one)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._sizes)

    @overload
    def __getitem__(self, at: int) -> Observation: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Observation]: ...
    def __getitem__(self, at: int | slice) -> Observation | Sequence[Observation]:
        """One of them, or some."""
        if isinstance(at, slice):
            return Part(self, range(*at.indices(len(self))))
        place = range(len(self))[at]
        if (known := self._recent.get(place)) is not None:
            return known
        values: list[Any] = [column.values[column.numbers[place]] for column in self.columns.values()]
        values += (self._look(place), self._ids.get(place) or self._named(place))
        one = Observation(*values)
        if len(self._recent) >= RECENT:
            self._recent.clear()
        self._recent[place] = one
        return one

    def __iter__(self) -> Iterator[Observation]:
        """Each in turn."""
        return (self[at] for at in range(len(self)))

    def _named(self, place: int) -> str:
        return "" if place in self._ids else id_of(place)

    def _kept(self, seen: Mapping[str, Any]) -> tuple[int, int]:
        """Where what was seen is kept, and its length; nothing takes no room."""
        if not seen:
            return 0, 0
        text = json.dumps(seen, separators=(",", ":"), ensure_ascii=True, sort_keys=True)  # as a record has it
        if found := self._alike.get(text):
            return found
        data = text.encode("ascii")
        self._seen.seek(self._end)
        self._seen.write(data)
        found = self._end, len(data)
        self._end += len(data)
        if len(data) <= _LONGEST and len(self._alike) < _ALIKE:
            self._alike[text] = found
        return found

    def _look(self, place: int) -> dict[str, Any]:
        if not self._sizes[place]:
            return {}
        self._seen.seek(self._places[place])
        found: dict[str, Any] = json.loads(self._seen.read(self._sizes[place]).decode("ascii"))
        return found


class Part(Alike[Observation]):
    """Some of them, made again when somebody looks."""

    def __init__(self, whole: Observations, places: range) -> None:
        """The observations of ``whole`` at these places."""
        self._whole, self._places = whole, places

    def __len__(self) -> int:
        """How many there are."""
        return len(self._places)

    @overload
    def __getitem__(self, at: int) -> Observation: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Observation]: ...
    def __getitem__(self, at: int | slice) -> Observation | Sequence[Observation]:
        """One of them, or some."""
        if isinstance(at, slice):
            return Part(self._whole, self._places[at])
        return self._whole[self._places[at]]


class ById(Mapping[str, Observation]):
    """Observations by their ids, without a second copy of them where an id follows from its place."""

    def __init__(self, observations: Sequence[Observation]) -> None:
        """Of a record."""
        self._all = observations
        self._others = {} if isinstance(observations, Observations) else {one.id: one for one in observations}

    def __getitem__(self, name: str) -> Observation:
        """The one with this id.

        Raises:
            KeyError: there is none.
        """
        if not isinstance(self._all, Observations):
            return self._others[name]
        place = place_of(name)
        if place is None or place >= len(self._all) or (found := self._all[place]).id != name:
            raise KeyError(name)
        return found

    def __iter__(self) -> Iterator[str]:
        """Their ids."""
        return (one.id for one in self._all)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._all)
