"""Bounded reading of a file that a user named."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from wallbite.documents.composing import parse
from wallbite.documents.document import Document
from wallbite.documents.showing import printable
from wallbite.problems import UsageProblem

MAX_BYTES: Final = 1 << 20
_FLAGS: Final = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC  # not blocking: a FIFO would wait for a writer


def read(path: Path | str, *, limit: int = MAX_BYTES) -> Document:
    """Read and parse one YAML document.

    Args:
        path: a regular file.
        limit: how many bytes it may have.

    Raises:
        UsageProblem: it cannot be read, or is not one strict YAML document.
    """
    return parse(read_bytes(path, limit=limit), str(path))


def read_bytes(path: Path | str, *, limit: int = MAX_BYTES) -> bytes:
    """The bytes of a regular file that has at most `limit` of them.

    Raises:
        UsageProblem: it cannot be read, is no regular file, or is larger.
    """
    file = printable(str(path))
    try:
        descriptor = os.open(path, _FLAGS)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageProblem(f"cannot be read: {reason}", file, "a readable file", "check the path") from error
    try:
        return _bounded(descriptor, file, limit)
    finally:
        os.close(descriptor)


def _bounded(descriptor: int, file: str, limit: int) -> bytes:
    """What an open descriptor holds, never more than the limit."""
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise UsageProblem(f"is {_kind(status.st_mode)}", file, "a regular file", "name a file")
    if status.st_size > limit:
        raise _too_large(f"{status.st_size} bytes", file, limit)
    chunks, size = [], 0
    while size <= limit and (chunk := os.read(descriptor, limit + 1 - size)):
        chunks.append(chunk)
        size += len(chunk)
    if size > limit:  # a file may say 0 and hold more, as those below /proc do
        raise _too_large("larger", file, limit)
    return b"".join(chunks)


def _too_large(size: str, file: str, limit: int) -> UsageProblem:
    return UsageProblem(f"is {size}", file, f"at most {limit} bytes", "split it, or name the right file")


def _kind(mode: int) -> str:
    kinds = {stat.S_IFDIR: "a directory", stat.S_IFIFO: "a FIFO", stat.S_IFSOCK: "a socket"}
    return kinds.get(stat.S_IFMT(mode), "a device")
