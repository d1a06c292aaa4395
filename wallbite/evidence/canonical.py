"""One way to write a value down: canonical JSON, and values from hostile places made safe to keep."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Final

TEXT: Final = 4096  # characters of one string
ITEMS: Final = 4096  # entries of one list or mapping
DEPTH: Final = 8
BUDGET: Final = 1 << 20  # characters of a whole value, about
_LARGEST: Final = 64  # bits of an integer
_NODE: Final = 8  # what a value costs besides its characters
_CUT: Final = "\N{HORIZONTAL ELLIPSIS}"


def canonical(value: object) -> bytes:
    """Compact JSON with sorted keys, in UTF-8; a lone surrogate becomes a JSON escape.

    Raises:
        ValueError: for NaN, infinities, and what JSON cannot hold.
        TypeError: likewise.
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "backslashreplace")


def digest(data: bytes) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(data).hexdigest()


def plain(text: str, limit: int = TEXT) -> str:
    """The text as valid Unicode, cut to `limit` characters with a note of what was left out."""
    if len(text) > limit:
        text = f"{text[:limit]}{_CUT}(+{len(text) - limit} characters)"
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")


def bounded(value: object, *, text: int = TEXT, items: int = ITEMS, depth: int = DEPTH, budget: int = BUDGET) -> Any:
    """A JSON value like the given one, of bounded size, in which what was left out is said; never raises."""
    return _Bounds(text, items, budget).of(value, depth)


@dataclasses.dataclass(slots=True)
class _Bounds:
    """The limits of one value, and how much of the budget is left."""

    text: int
    items: int
    left: int

    def of(self, value: object, depth: int) -> Any:
        self.left -= _NODE
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str):
            return self._string(value)
        if isinstance(value, (int, float)):
            return _number(value)
        if depth <= 0 or self.left <= 0:
            return _CUT
        return self._compound(value, depth - 1)

    def _string(self, value: str) -> str:
        kept = plain(str(value), max(0, min(self.text, self.left)))
        self.left -= len(kept)
        return kept

    def _compound(self, value: object, depth: int) -> Any:
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            value = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        if isinstance(value, Mapping):
            return self._mapping(value, depth)
        if isinstance(value, (bytes, bytearray)):
            return self._string(bytes(value).decode("utf-8", "backslashreplace"))
        if isinstance(value, AbstractSet):
            return self._list(sorted(value, key=_text), depth)
        if isinstance(value, Sequence):
            return self._list(value, depth)
        return self._string(_text(value))

    def _mapping(self, value: Mapping[Any, Any], depth: int) -> dict[str, Any]:
        kept: dict[str, Any] = {}
        for key, item in value.items():
            if len(kept) >= self.items or self.left <= 0:
                kept[_CUT] = f"{len(value) - len(kept)} more"
                break
            kept[self._string(_text(key))] = self.of(item, depth)
        return kept

    def _list(self, value: Sequence[Any], depth: int) -> list[Any]:
        kept: list[Any] = []
        for item in value:
            if len(kept) >= self.items or self.left <= 0:
                kept.append(f"{_CUT} {len(value) - len(kept)} more")
                break
            kept.append(self.of(item, depth))
        return kept


def _number(value: float) -> int | float | str:
    if isinstance(value, int):
        return int(value) if value.bit_length() <= _LARGEST else f"an integer of {value.bit_length()} bits"
    return float(value) if math.isfinite(value) else str(value)


def _text(value: object) -> str:
    try:
        return str(value)
    except Exception as error:  # noqa: BLE001 - what an object does when it is asked for its text is not ours
        return f"({type(value).__name__} without text: {type(error).__name__})"
