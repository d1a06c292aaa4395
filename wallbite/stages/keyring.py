"""The kernel's key rings. Every function raises OSError: EPERM or ENOSYS where an engine's filter forbids them."""

from __future__ import annotations

import ctypes
import os
from typing import Final

from wallbite.stages import kernel

SESSION: Final = -3  # KEY_SPEC_SESSION_KEYRING
_ARM = os.uname().machine == "aarch64"
_ADD_KEY: Final = 217 if _ARM else 248
_KEYCTL: Final = 219 if _ARM else 250
_JOIN: Final = 1
_SEARCH: Final = 10
_READ: Final = 11


def join_session() -> int:
    """Leave the session keyring for a fresh, empty one; returns its serial."""
    return kernel.system_call("keyctl", _KEYCTL, _JOIN, None)


def add_user_key(description: str, payload: bytes, ring: int = SESSION) -> int:
    """Put a key of type ``user`` on `ring`; returns its serial."""
    size = len(payload)
    return kernel.system_call("add_key", _ADD_KEY, b"user", description.encode(), payload, size, ring)


def search(description: str, ring: int = SESSION) -> int:
    """The serial of a ``user`` key; ENOKEY where there is none."""
    return kernel.system_call("keyctl", _KEYCTL, _SEARCH, ring, b"user", description.encode(), 0)


def read(serial: int, bound: int = 4096) -> bytes:
    """The payload of a key, cut at `bound` bytes."""
    buffer = ctypes.create_string_buffer(bound)
    size = kernel.system_call("keyctl", _KEYCTL, _READ, serial, buffer, bound)
    return buffer.raw[: min(size, bound)]
