"""A document that a user wrote, as plain values that know their lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wallbite.documents.showing import printable, shown
from wallbite.problems import UsageProblem

Path = tuple[str | int, ...]  # as a JSON pointer: keys, and places in lists


@dataclass(frozen=True, slots=True)
class Document:
    """Plain values, and where they stand.

    Attributes:
        file: the name of the file, as the user gave it.
        value: mappings (with text as keys), lists, text, numbers, booleans and nulls.
        lines: the line, from 1, of each value; of a mapping's value it is the line of its key.
        texts: how each value that is not text was written, such as ``0600`` for 384.
        digest: SHA-256 of the file's bytes, in hex.
    """

    file: str
    value: Any
    lines: Mapping[Path, int]
    texts: Mapping[Path, str]
    digest: str

    def line(self, path: Path = ()) -> int:
        """The line of the value at a path, or of the nearest thing that surrounds it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def where(self, path: Path = ()) -> str:
        """``file:line`` of the value at a path."""
        return f"{printable(self.file)}:{self.line(path)}"

    def at(self, path: Path) -> Any:
        """The value at a path; None where there is nothing."""
        value = self.value
        for part in path:
            try:
                value = value[part]
            except (KeyError, IndexError, TypeError):
                return None
        return value

    def written(self, path: Path) -> str:
        """The value at a path as the user wrote it, fit for a message."""
        return printable(self.texts[path]) if path in self.texts else shown(self.at(path))

    def problem(self, path: Path, expected: str, remedy: str = "", *, what: str = "") -> UsageProblem:
        """A problem with the value at a path: ``file:line: key is value; expected ...; remedy``."""
        return UsageProblem(what or f"{named(path)} is {self.written(path)}", self.where(path), expected, remedy)


def named(path: Path) -> str:
    """A path as a user would say it: ``install[3].mode``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return printable(text) or "the document"
