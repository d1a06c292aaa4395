"""What a stage told, line by line, read when somebody looks: as objects it would take ten times the room."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any, overload

from wallbite.alike import Alike

Told = dict[str, Any]


class Lines(Alike[Told]):
    """The JSON objects of some lines, equal to any other sequence of the same objects."""

    def __init__(self, lines: Sequence[bytes] = ()) -> None:
        """Of lines that :func:`fault` has nothing to say about."""
        self._lines = lines

    def __len__(self) -> int:
        """How many there are."""
        return len(self._lines)

    @overload
    def __getitem__(self, at: int) -> Told: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Told]: ...
    def __getitem__(self, at: int | slice) -> Told | Sequence[Told]:
        """One of them, or some."""
        if isinstance(at, slice):
            return Lines(self._lines[at])
        return {name: _shared(value) for name, value in json.loads(self._lines[at]).items()}

    def __repr__(self) -> str:
        """What is in them."""
        return repr(list(self))


def fault(line: bytes) -> str:
    """Why a line is no JSON object; empty where it is one."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        return str(error)
    return "" if isinstance(value, dict) else "not a mapping"


def _shared(value: Any) -> Any:
    """The same text is kept once: most of an observation's are those of the one before."""
    return sys.intern(value) if type(value) is str else value
