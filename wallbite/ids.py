"""The ids of a record's observations: ``o1`` is the first. Many of them are kept as numbers, four bytes each."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Sequence
from typing import Final, overload

from wallbite.alike import Alike

_ID: Final = re.compile("o[1-9][0-9]{0,9}")  # past every record: Python reads no number of thousands of digits


def id_of(place: int) -> str:
    """The id of the observation at a place, which is counted from 0."""
    return f"o{place + 1}"


def place_of(name: str) -> int | None:
    """The place that an id of a record stands for; None where it is no such id."""
    return int(name[1:]) - 1 if _ID.fullmatch(name) else None


class Ids(Alike[str]):
    """Some ids, equal to a tuple of the same, and with its hash."""

    __slots__ = ("_places",)

    def __init__(self, places: Iterable[int]) -> None:
        """Those of some places."""
        self._places = array("I", places)

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[str]: ...
    def __getitem__(self, at: int | slice) -> str | Sequence[str]:
        """One of them, or some."""
        return tuple(map(id_of, self._places[at])) if isinstance(at, slice) else id_of(self._places[at])

    def __len__(self) -> int:
        """How many there are."""
        return len(self._places)

    def __hash__(self) -> int:  # type: ignore[override]  # what it stands for never changes
        """As a tuple of them."""
        return hash(tuple(self))


def of(names: Iterable[str]) -> Sequence[str]:
    """Some names, as small as they can be: a name that is not the id of a place stays a text, and so do all of them."""
    found = tuple(names)
    try:
        places = array("I", [-1 if (place := place_of(name)) is None else place for name in found])
    except OverflowError:  # one is no id, or that of a place past every record
        return found
    return Ids(places)
