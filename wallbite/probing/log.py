"""An answer inside a log: the lines from its header to its end."""

from __future__ import annotations

import json
import os
import stat
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from wallbite.probing.answers import ANSWER_BYTES, ANSWER_SCHEMA

CHUNK: Final = 1 << 20
LINE_BYTES: Final = ANSWER_BYTES


@dataclass(slots=True)
class LogReader:
    """Reads a growing log and keeps nothing of it but the answers with one nonce.

    Args:
        path: of the log; no link is followed.
        nonce: of the plan.
    """

    path: Path
    nonce: str
    _offset: int = 0
    _inode: tuple[int, int] | None = None
    _rest: bytes = b""
    _kept: list[bytes] = field(default_factory=list)
    _size: int = 0
    _whole: list[bytes] = field(default_factory=list)

    def more(self, deadline: float) -> bytes | None:
        """Reads what came since, until the deadline, and returns the next answer once its end line is there."""
        if self._whole:
            return self._whole.pop(0)
        try:
            handle = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
        except OSError:
            return None
        try:
            return self._read(handle, deadline)
        finally:
            os.close(handle)

    def _read(self, handle: int, deadline: float) -> bytes | None:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            return None
        if (found.st_dev, found.st_ino) != self._inode or found.st_size < self._offset:
            self._offset, self._inode, self._rest = 0, (found.st_dev, found.st_ino), b""
        while part := os.pread(handle, CHUNK, self._offset):
            self._offset += len(part)
            *lines, self._rest = (self._rest + part).split(b"\n")
            if len(self._rest) > LINE_BYTES:
                self._rest = b""  # nobody's: what follows on this line is read as a line that says nothing
            for line in lines:
                self._take(line + b"\n")
            if self._whole or time.monotonic() >= deadline:
                break
        return self._whole.pop(0) if self._whole else None

    def _take(self, line: bytes) -> None:
        kind = self._kind(line)
        if kind == "header":
            self._kept, self._size = [line], len(line)
        elif self._kept and self._size <= ANSWER_BYTES:
            self._kept.append(line)
            self._size += len(line)
        if self._kept and kind == "end":
            self._whole.append(b"".join(self._kept))
            self._kept = []

    def _kind(self, line: bytes) -> str:
        if self.nonce.encode() not in line or not line.startswith(b"{"):
            return ""
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            return ""
        if not isinstance(found, dict):
            return ""
        if found.get("schema") == ANSWER_SCHEMA and found.get("nonce") == self.nonce:
            return "header"
        return "end" if found.get("end") == self.nonce else ""
