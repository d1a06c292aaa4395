"""A stream of bytes is pushed through a scanner: it looks for values, and into every compressed stream that it meets.

A compressed stream may begin anywhere: in a file, in a member of an archive, in a row of a database. Archives need no
reader of their own, since their members lie in them as they are or compressed; nothing is ever extracted, and no name
in an archive is believed. Depth, bytes and streams are bounded; what a bound kept from being seen is said.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Final

from wallbite.search.decoders import BEGINNINGS, LONGEST_BEGINNING, OPAQUE, Damaged, Decoder, Sealed
from wallbite.search.needles import Needle

_BLANKS: Final = b" \t\r\n"  # an encoded value may be broken into lines
_MOST_STREAMS: Final = 64  # decoded at once out of one stream


@dataclasses.dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one search."""

    depth: int = 8  # streams within streams
    size: int = 1 << 29  # bytes, decoded ones included


@dataclasses.dataclass(frozen=True, slots=True, order=True)
class Hit:
    """A value was found: which, in what form, and where: a file, then each stream in it and the byte it begins at."""

    needle: str
    form: str
    where: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True, order=True)
class Unread:
    """Something could not be searched."""

    where: tuple[str, ...]
    why: str


class Search:
    """What is looked for, what was found, and how much may still be read."""

    def __init__(self, needles: Iterable[Needle], limits: Limits) -> None:
        self.patterns = [(pattern, form, needle) for needle in needles for pattern, form in needle.patterns().items()]
        self.overlap = max((len(pattern) for pattern, _, _ in self.patterns), default=1) - 1
        self.limits = limits
        self.left = limits.size
        self.seen = 0
        self.hits: set[Hit] = set()
        self.unread: set[Unread] = set()

    def spend(self, count: int, where: tuple[str, ...]) -> bool:
        """Account for bytes; False once there were too many."""
        self.left -= count
        if self.left < 0:
            self.unread.add(Unread(where, f"more than {self.limits.size} bytes"))
            return False
        self.seen += count
        return True


class Scanner:
    """One stream, and the decoders of those that began in it. `where` names it."""

    def __init__(self, search: Search, where: tuple[str, ...]) -> None:
        self.search = search
        self.where = where
        self.offset = 0  # of what comes next
        self.tail = b""
        self.squeezed_tail = b""
        self.streams: list[tuple[Decoder, Scanner]] = []

    def feed(self, data: bytes) -> None:
        """Look at some more bytes."""
        if not data or not self.search.spend(len(data), self.where):
            return
        if self.offset == 0:
            self.judge_beginning(data)
        self.look(self.tail + data, "")
        squeezed = data.replace(b"\\n", b"").replace(b"\\r", b"").translate(None, _BLANKS)
        if len(squeezed) != len(data) or self.squeezed_tail != self.tail:
            self.look(self.squeezed_tail + squeezed, ", broken")
        self.squeezed_tail = self.kept(self.squeezed_tail + squeezed)
        for decoder, inner in list(self.streams):
            self.decode(decoder, inner, data)
        self.begin_streams(data)
        self.tail = self.kept(self.tail + data)
        self.offset += len(data)

    def kept(self, data: bytes) -> bytes:
        """The end of what was seen, in which something may begin."""
        return data[-max(self.search.overlap, LONGEST_BEGINNING) :]

    def judge_beginning(self, data: bytes) -> None:
        """A stream as a whole that no decoder here opens is not searched."""
        for beginning, name in OPAQUE.items():
            if data.startswith(beginning):
                self.search.unread.add(Unread(self.where, f"{name} is not opened"))

    def look(self, data: bytes, how: str) -> None:
        """Note every value that lies in these bytes."""
        for pattern, form, needle in self.search.patterns:
            if pattern in data:
                self.search.hits.add(Hit(needle.name, form + how, self.where))

    def begin_streams(self, data: bytes) -> None:
        """Start a decoder wherever a compressed stream may begin, also where its beginning is in two pieces."""
        whole, before = self.tail + data, len(self.tail)
        for match in BEGINNINGS.finditer(whole):
            if match.end() <= before:
                continue  # it lay in what was seen before
            name = str(match.lastgroup)
            where = (*self.where, f"{name}@{self.offset - before + match.start()}")
            if len(where) > self.search.limits.depth + 1:
                self.search.unread.add(Unread(where, f"deeper than {self.search.limits.depth} streams"))
            elif len(self.streams) >= _MOST_STREAMS:
                self.search.unread.add(Unread(where, f"more than {_MOST_STREAMS} streams at once"))
            else:
                decoder, inner = Decoder(name), Scanner(self.search, where)
                self.streams.append((decoder, inner))
                self.decode(decoder, inner, whole[match.start() :])

    def decode(self, decoder: Decoder, inner: Scanner, data: bytes) -> None:
        """Push bytes through a decoder into the scanner of what it gives."""
        try:
            for piece in decoder.decode(data):
                inner.feed(piece)
                if self.search.left < 0:
                    break
        except Damaged:
            pass  # it only looked like a stream, or it was cut: what could be decoded has been looked at
        except Sealed as error:
            self.search.unread.add(Unread(inner.where, str(error)))
        else:
            if not decoder.ended and self.search.left >= 0:
                return
        self.streams.remove((decoder, inner))
