"""File handles, made by root for the operation `handle`."""

from __future__ import annotations

import ctypes
import os
import struct
from typing import Final

MOST: Final = 128  # bytes of a handle (MAX_HANDLE_SZ)
AT_FDCWD: Final = -100
HEAD: Final = 8  # its size and its type


def make_handle(path: str) -> str:
    """The handle of an object, as `TYPE:HEX`.

    Raises:
        OSError: the object is not there, or its file system makes none (an overlay without ``nfs_export``).
    """
    library = ctypes.CDLL(None, use_errno=True)
    buffer = ctypes.create_string_buffer(struct.pack("=Ii", MOST, 0), HEAD + MOST)
    mount = ctypes.c_int()
    if library.name_to_handle_at(AT_FDCWD, os.fsencode(path), buffer, ctypes.byref(mount), 0):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), path)
    size, kind = struct.unpack_from("=Ii", buffer.raw)
    return f"{kind}:{buffer.raw[HEAD : HEAD + size].hex()}"
