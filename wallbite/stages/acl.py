"""POSIX access lists, written and read as the kernel keeps them: extended attributes of a header and entries."""

from __future__ import annotations

import contextlib
import os
import struct
from typing import Final

ACCESS: Final = "system.posix_acl_access"
DEFAULT: Final = "system.posix_acl_default"  # of a directory: what is made in it begins with
_VERSION: Final = 2
_USER_OBJ, _USER, _GROUP_OBJ, _MASK, _OTHER = 0x01, 0x02, 0x04, 0x10, 0x20
_NOBODY: Final = 0xFFFFFFFF


def grant(path: str, uid: int, rights: int, name: str = ACCESS) -> None:
    """Let one more user have these rights (as bits of rwx), beside what the mode gives.

    The kernel shows the mask in the place of the group's bits of the mode.

    Raises:
        OSError: the file system keeps no such lists (ENOTSUP).
    """
    mode = os.lstat(path).st_mode
    owner, group, other = mode >> 6 & 7, mode >> 3 & 7, mode & 7
    entries = (
        (_USER_OBJ, owner, _NOBODY),
        (_USER, rights, uid),
        (_GROUP_OBJ, group, _NOBODY),
        (_MASK, group | rights, _NOBODY),
        (_OTHER, other, _NOBODY),
    )
    packed = b"".join(struct.pack("<HHI", *entry) for entry in entries)
    os.setxattr(path, name, struct.pack("<I", _VERSION) + packed, follow_symlinks=False)


def names(path: str) -> list[str]:
    """Which lists a path has beyond its mode."""
    found = []
    for name in (ACCESS, DEFAULT):
        with contextlib.suppress(OSError):
            os.getxattr(path, name, follow_symlinks=False)
            found.append(name)
    return found


def drop(path: str) -> None:
    """Take a path's lists away."""
    for name in names(path):
        os.removexattr(path, name, follow_symlinks=False)
