"""How a user's own words are shown back to the user: on one line, short, and harmless to a terminal."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable
from typing import Any, Final

_WIDTH: Final = 60
_NAMED_AT_MOST: Final = 24


def printable(text: str) -> str:
    """The text with every character that could steer a terminal, or break a line, escaped."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def shown(value: Any) -> str:
    """A value as it may stand in a message: one line of at most 60 characters."""
    text = value if isinstance(value, float) else _json(value)
    text = printable(str(text))
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 1]}…"


def _json(value: Any) -> str:
    """A value as JSON; of a large one only the beginning is rendered."""
    if isinstance(value, str):
        return json.dumps(value[:_WIDTH], ensure_ascii=False)
    if isinstance(value, dict):
        value = dict(list(value.items())[:_WIDTH])
    if isinstance(value, list):
        value = value[:_WIDTH]
    return json.dumps(value, ensure_ascii=False, default=str)


def among(names: Iterable[str]) -> str:
    """An enumeration for the "expected" of a problem."""
    known = list(names)
    more = f" or {len(known) - _NAMED_AT_MOST} others" if len(known) > _NAMED_AT_MOST else ""
    listed = ", ".join(printable(name) for name in known[:_NAMED_AT_MOST])
    return f"one of {listed}{more}" if len(known) > 1 else listed or "nothing"


def nearest(word: str, names: Iterable[str], otherwise: str = "") -> str:
    """A question with the known name that is most like the word, else another remedy."""
    close = difflib.get_close_matches(word[:_WIDTH], list(names), n=1, cutoff=0.6)
    return f"did you mean {close[0]!r}?" if close else otherwise
