"""System calls that Python's ``os`` lacks: namespaces, mounts, process settings, file handles.

Every function raises :class:`OSError` with the kernel's errno, and the name of the call as its filename.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
from collections.abc import Sequence
from typing import Any, Final

CLONE_NEWNS: Final = 0x00020000
CLONE_NEWUTS: Final = 0x04000000
CLONE_NEWIPC: Final = 0x08000000
CLONE_NEWPID: Final = 0x20000000
CLONE_NEWNET: Final = 0x40000000

MS_RDONLY: Final = 0x1
MS_NOSUID: Final = 0x2
MS_NODEV: Final = 0x4
MS_NOEXEC: Final = 0x8
MS_REMOUNT: Final = 0x20
MS_NOATIME: Final = 0x400
MS_NODIRATIME: Final = 0x800
MS_BIND: Final = 0x1000
MS_REC: Final = 0x4000
MS_PRIVATE: Final = 0x40000
MS_RELATIME: Final = 0x200000
MNT_DETACH: Final = 0x2

PR_SET_PDEATHSIG: Final = 1
PR_SET_DUMPABLE: Final = 4
PR_SET_KEEPCAPS: Final = 8
PR_SET_SECCOMP: Final = 22
PR_CAPBSET_READ: Final = 23
PR_CAPBSET_DROP: Final = 24
PR_SET_CHILD_SUBREAPER: Final = 36
PR_SET_NO_NEW_PRIVS: Final = 38
PR_CAP_AMBIENT: Final = 47
PR_CAP_AMBIENT_RAISE: Final = 2
PR_CAP_AMBIENT_CLEAR_ALL: Final = 4

_AT_FDCWD: Final = -100
_HANDLE_BYTES: Final = 128  # MAX_HANDLE_SZ
_SIOCGIFFLAGS: Final = 0x8913
_SIOCSIFFLAGS: Final = 0x8914
_IFF_UP: Final = 0x1
_RT_SIGACTION: Final = {"x86_64": 13, "aarch64": 134}
SIGNALS: Final = 64

_libc = ctypes.CDLL(None, use_errno=True)


def call(name: str, *arguments: Any) -> int:
    """Call a function of the C library that returns an ``int``, -1 on failure.

    Args:
        name: the function's name.
        arguments: integers (passed as ``long``), bytes, None, or ctypes objects.
    """
    return _call(name, ctypes.c_int, arguments, name)


def execve(program: str, argv: Sequence[bytes], entries: Sequence[bytes]) -> None:
    """Execute a program with an environment of whatever bytes: the kernel asks for no ``=``, and for no order.

    Raises:
        OSError: it was not executed.
    """
    arguments, environment = ((ctypes.c_char_p * (len(part) + 1))(*part, None) for part in (argv, entries))
    call("execve", os.fsencode(program), arguments, environment)


def system_call(name: str, number: int, *arguments: Any) -> int:
    """Call a system call by number; `name` is for the error only."""
    return _call("syscall", ctypes.c_long, (number, *arguments), name)


def long_call(name: str, *arguments: Any) -> int:
    """Call a function of the C library that returns a ``long``, -1 on failure."""
    return _call(name, ctypes.c_long, arguments, name)


def _call(name: str, result: type[ctypes.c_int | ctypes.c_long], arguments: tuple[Any, ...], shown: str) -> int:
    function = _libc[name]
    function.restype = result
    ctypes.set_errno(0)
    value = int(function(*(ctypes.c_long(a) if isinstance(a, int) else a for a in arguments)))
    if value == -1:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), shown)
    return value


def set_disposition(signal: int, *, ignored: bool) -> None:
    """Ignore a signal, or give it its default disposition; 32 and 33 too, which libc keeps for itself."""
    action = struct.pack("4Q", int(ignored), 0, 0, 0)  # SIG_DFL is 0, SIG_IGN 1; no flags, no mask
    system_call("rt_sigaction", _RT_SIGACTION[os.uname().machine], signal, action, None, SIGNALS // 8)


def unshare(flags: int) -> None:
    """Leave the namespaces that `flags` (CLONE_NEW*) name."""
    call("unshare", flags)


def mount(source: str | None, target: str, kind: str | None = None, flags: int = 0, options: str = "") -> None:
    """Mount `source` on `target`; the error's second file name is the target."""
    try:
        call(
            "mount",
            os.fsencode(source) if source is not None else None,
            os.fsencode(target),
            kind.encode() if kind is not None else None,
            flags,
            os.fsencode(options) if options else None,
        )
    except OSError as error:
        raise OSError(error.errno, error.strerror, f"mount {kind or ''} on {target}") from None


def umount2(target: str, flags: int = 0) -> None:
    """Unmount what lies on `target`."""
    call("umount2", os.fsencode(target), flags)


def pivot_root(new_root: str, put_old: str) -> None:
    """Make `new_root` the root of this mount namespace."""
    call("pivot_root", os.fsencode(new_root), os.fsencode(put_old))


def prctl(option: int, *arguments: int) -> int:
    """``prctl(2)``; unused arguments are zero, as several options demand."""
    padded = (*arguments, 0, 0, 0, 0)[:4]
    return call("prctl", option, *padded)


def die_with_parent(signal_number: int = 9) -> None:
    """Have `signal_number` sent to this process when the *thread* that forked it ends.

    Cleared by every change of credentials. The caller checks afterwards that its parent still lives.
    """
    prctl(PR_SET_PDEATHSIG, signal_number)


def set_dumpable(dumpable: bool) -> None:
    """Say whether others of this uid may trace this process and read its memory."""
    prctl(PR_SET_DUMPABLE, int(dumpable))


def become_subreaper() -> None:
    """Have orphaned descendants become children of this process."""
    prctl(PR_SET_CHILD_SUBREAPER, 1)


def no_new_privs() -> None:
    """Forbid this process and its descendants to gain privilege at exec."""
    prctl(PR_SET_NO_NEW_PRIVS, 1)


def handle_of(path: str) -> tuple[str, int]:
    """The file handle of `path` as ``open_by_handle_at`` takes it, and its mount's id.

    Returns:
        the whole ``struct file_handle`` (length, type, bytes) in hex, and the mount id.

    Raises:
        OSError: EOPNOTSUPP where the file system has no handles.
    """
    buffer = ctypes.create_string_buffer(struct.pack("=Ii", _HANDLE_BYTES, 0), 8 + _HANDLE_BYTES)
    mount_id = ctypes.c_int()
    call("name_to_handle_at", _AT_FDCWD, os.fsencode(path), buffer, ctypes.byref(mount_id), 0)
    size = struct.unpack_from("=I", buffer.raw)[0]
    return buffer.raw[: 8 + size].hex(), mount_id.value


def loopback_up() -> None:
    """Bring up ``lo`` in this network namespace."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sH14x", b"lo", 0)
        flags = struct.unpack_from("16sH", fcntl.ioctl(control, _SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", flags | _IFF_UP))
