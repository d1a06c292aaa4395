"""The lines of a record, read with bounds, before anybody trusts what they say."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from wallbite.evidence.canonical import canonical

LONGEST_LINE: Final = 32 << 20  # bytes
LARGEST_RECORD: Final = 1 << 30  # bytes


@dataclass(eq=False)
class Broken(Exception):
    """A line that cannot be part of a record.

    Attributes:
        line: its number, from 1; 0 for the file as a whole.
        detail: what is wrong with it.
    """

    line: int
    detail: str

    def __str__(self) -> str:
        """The detail, after the line's number."""
        return f"line {self.line}: {self.detail}" if self.line else self.detail


@dataclass(frozen=True, slots=True)
class Line:
    """One line: its number from 1, its bytes without the newline, and its value."""

    number: int
    raw: bytes
    value: dict[str, Any]


def first(path: Path) -> dict[str, Any]:
    """The value of the first line.

    Raises:
        Broken: there is none.
    """
    return next(scan(path)).value


def scan(path: Path) -> Iterator[Line]:
    """Each line in turn; there is at least one.

    Raises:
        Broken: the file cannot be read, is empty, or has a line that is too long or not canonical JSON.
    """
    number = 0
    with os.fdopen(_open(path), "rb") as file:
        while raw := file.readline(LONGEST_LINE):
            number += 1
            if not raw.endswith(b"\n"):
                raise Broken(number, "does not end in a newline, or is too long")
            yield Line(number, raw[:-1], _value(number, raw[:-1]))
    if not number:
        raise Broken(0, "the record is empty")


def _open(path: Path) -> int:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise Broken(0, f"{path}: {error.strerror}") from error
    state = os.fstat(descriptor)
    if stat.S_ISREG(state.st_mode) and state.st_size <= LARGEST_RECORD:
        return descriptor
    os.close(descriptor)
    raise Broken(0, f"{path}: not a regular file of at most {LARGEST_RECORD} bytes")


def _value(number: int, raw: bytes) -> dict[str, Any]:
    try:
        value = json.loads(raw.decode("utf-8"), object_pairs_hook=_unique)
        same = canonical(value) == raw
    except RecursionError:
        raise Broken(number, "nested too deeply") from None
    except ValueError as error:  # also: not UTF-8, not JSON, a duplicate key, not a number
        raise Broken(number, f"not JSON: {error}") from None
    if not isinstance(value, dict):
        raise Broken(number, "not a mapping")
    if not same:
        raise Broken(number, "not in canonical form")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"duplicate key {next(name for name in names if names.count(name) > 1)!r}")
    return value
