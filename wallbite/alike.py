"""Sequences of our own that are equal to any other sequence of the same items, as a list is to a list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Alike(Sequence[T]):
    """Compared item by item; it has no hash, since its items may have none."""

    __slots__ = ()
    __hash__ = None  # type: ignore[assignment]  # as a list

    def __eq__(self, other: object) -> bool:
        """Whether the other sequence holds the same."""
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(other) == len(self) and all(mine == theirs for mine, theirs in zip(self, other, strict=True))
