"""Search in bytes at hand, and in files and directories."""

from __future__ import annotations

import dataclasses
import os
import stat
from collections.abc import Iterable, Iterator
from typing import Final

from wallbite.search.needles import Needle
from wallbite.search.scanner import Limits, Scanner, Search, Unread

_CHUNK: Final = 1 << 20
_FLAGS: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_GONE: Final = (FileNotFoundError, NotADirectoryError)


@dataclasses.dataclass(frozen=True, slots=True)
class Found:
    """What came of a search: no hits say something only where nothing is unread, and bytes were seen.

    `hits`: {"needle":, "form":, "where":} sorted; `unread`: {"where":, "why":}; `files`: how many; `size`: bytes,
    decoded ones included. It holds no part of a value.
    """

    hits: list[dict[str, str]]
    unread: list[dict[str, str]]
    files: int
    size: int


def search_bytes(parts: Iterable[tuple[str, bytes]], needles: Iterable[Needle], limits: Limits | None = None) -> Found:
    """Search in byte strings by name."""
    search, count = Search(needles, limits or Limits()), 0
    for name, data in parts:
        count += 1
        scanner = Scanner(search, (name,))
        for start in range(0, len(data), _CHUNK):
            scanner.feed(data[start : start + _CHUNK])
    return _found(search, count)


def search_files(paths: Iterable[str], needles: Iterable[Needle], limits: Limits | None = None) -> Found:
    """Search in files, and in directories to their depth; names are searched too, and what links say, unfollowed.

    A path that is not there is unread, unless it was met in a directory and went away meanwhile.
    """
    search, count = Search(needles, limits or Limits()), 0
    for top in paths:
        for path in _below(top, search):
            if search.left < 0:
                break
            count += _search_file(search, path, path == top)
    return _found(search, count)


def _below(top: str, search: Search) -> Iterator[str]:
    def note(error: OSError) -> None:
        if not isinstance(error, _GONE):
            search.unread.add(Unread((str(error.filename),), str(error.strerror)))

    yield top
    if not os.path.islink(top):
        for directory, inner, files in os.walk(top, onerror=note):
            for name in sorted((*inner, *files)):
                yield os.path.join(directory, name)


def _search_file(search: Search, path: str, named: bool) -> int:
    """One file; 1 when it was read."""
    where = (path,)
    try:
        Scanner(search, where).feed(os.path.basename(os.fsencode(path)))
        mode = os.lstat(path).st_mode
        if stat.S_ISLNK(mode):
            Scanner(search, where).feed(os.fsencode(os.readlink(path)))
        if not stat.S_ISREG(mode):
            return 0
        descriptor = os.open(path, _FLAGS)
    except OSError as error:
        if named or not isinstance(error, _GONE):
            search.unread.add(Unread(where, str(error.strerror)))
        return 0
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        scanner = Scanner(search, where)
        try:
            while (chunk := file.read(_CHUNK)) and search.left >= 0:
                scanner.feed(chunk)
        except OSError as error:
            search.unread.add(Unread(where, str(error.strerror)))
    return 1


def _found(search: Search, files: int) -> Found:
    return Found(
        [{"needle": hit.needle, "form": hit.form, "where": _place(hit.where)} for hit in sorted(search.hits)],
        [{"where": _place(each.where), "why": each.why} for each in sorted(search.unread)],
        files,
        search.seen,
    )


def _place(where: tuple[str, ...]) -> str:
    return " > ".join(where)
