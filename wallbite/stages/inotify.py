"""A small ``inotify(7)``: what happens to a directory's entries while a gateway works."""

from __future__ import annotations

import os
import select
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from wallbite.stages import kernel

ACCESS: Final = 0x1
MODIFY: Final = 0x2
ATTRIB: Final = 0x4
CLOSE_WRITE: Final = 0x8
OPEN: Final = 0x20
MOVED_FROM: Final = 0x40
MOVED_TO: Final = 0x80
CREATE: Final = 0x100
DELETE: Final = 0x200
OVERFLOW: Final = 0x4000  # events were lost
_HEADER: Final = struct.Struct("=iIII")


@dataclass(frozen=True, slots=True)
class Event:
    """What happened.

    Attributes:
        path: the path that is watched; empty for an overflow.
        name: the entry in it, empty where the event is the watched path's own.
        mask: of this module's constants.
    """

    path: str
    name: str
    mask: int


class Watch:
    """Watches paths until it is closed."""

    def __init__(self) -> None:
        """Open the descriptor (close-on-exec)."""
        self._descriptor = kernel.call("inotify_init1", os.O_CLOEXEC | os.O_NONBLOCK)
        self._paths: dict[int, str] = {}

    def __enter__(self) -> Self:
        """Nothing but itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Stop watching."""
        os.close(self._descriptor)

    def add(self, path: str, mask: int) -> None:
        """Watch `path` for `mask`.

        Raises:
            OSError: it is not there, or the user's limit of watches is reached.
        """
        self._paths[kernel.call("inotify_add_watch", self._descriptor, os.fsencode(path), mask)] = path

    def wait(self, timeout: float) -> list[Event]:
        """What happened since the last call; waits up to `timeout` seconds for the first."""
        if not select.select([self._descriptor], [], [], timeout)[0]:
            return []
        return list(self._events(os.read(self._descriptor, 1 << 16)))

    def wait_for(self, name: str, timeout: float) -> Event | None:
        """The first event of the entry `name`, within `timeout` seconds; others that are read meanwhile are dropped."""
        deadline = time.monotonic() + timeout
        while (left := deadline - time.monotonic()) > 0:
            for event in self.wait(left):
                if event.name == name:
                    return event
        return None

    def _events(self, data: bytes) -> Iterator[Event]:
        offset = 0
        while offset < len(data):
            number, mask, _cookie, size = _HEADER.unpack_from(data, offset)
            offset += _HEADER.size + size
            name = data[offset - size : offset].rstrip(b"\0")
            yield Event(self._paths.get(number, ""), os.fsdecode(name), mask)
