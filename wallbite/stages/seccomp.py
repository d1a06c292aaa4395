"""Seccomp filters that make a change of identity fail with EPERM, as a broken drop would; or do nothing, and say 0.

A gateway that goes on after a failed ``setresuid`` runs its plugin with its own identity. The filter makes one such
call fail, for one value, and nothing else. Where root is only emulated (as build tools do by such filters) the call
succeeds without effect: then nobody knows who does not read back.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from errno import EPERM
from typing import Final

from wallbite.stages import kernel

_MACHINE: Final = os.uname().machine
_ARCHITECTURES: Final = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
# Number of the call, and how many of its arguments are ids, or an option.
_CALLS: Final[dict[str, dict[str, tuple[int, int]]]] = {
    "x86_64": {
        "setuid": (105, 1), "setreuid": (113, 2), "setresuid": (117, 3), "setfsuid": (122, 1),
        "setgid": (106, 1), "setregid": (114, 2), "setresgid": (119, 3), "setfsgid": (123, 1),
        "setgroups": (116, 0), "prctl": (157, 1),
        "chmod": (90, 0), "fchmod": (91, 0), "fchmodat": (268, 0), "fchmodat2": (452, 0),
    },
    "aarch64": {
        "setuid": (146, 1), "setreuid": (145, 2), "setresuid": (147, 3), "setfsuid": (151, 1),
        "setgid": (144, 1), "setregid": (143, 2), "setresgid": (149, 3), "setfsgid": (152, 1),
        "setgroups": (159, 0), "prctl": (167, 1),
        "fchmod": (52, 0), "fchmodat": (53, 0), "fchmodat2": (452, 0),
    },
}  # fmt: skip
UID_CALLS: Final = ("setuid", "setreuid", "setresuid", "setfsuid")
GID_CALLS: Final = ("setgid", "setregid", "setresgid", "setfsgid")
GROUP_CALLS: Final = ("setgroups",)
CONTROL_CALLS: Final = ("prctl",)
MODE_CALLS: Final = ("chmod", "fchmod", "fchmodat", "fchmodat2")

_LOAD: Final = 0x20  # BPF_LD | BPF_W | BPF_ABS
_JUMP_EQUAL: Final = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_RETURN: Final = 0x06  # BPF_RET | BPF_K
_ALLOW: Final = 0x7FFF0000
_ERRNO: Final = 0x00050000
_NUMBER_AT: Final = 0  # offsets in struct seccomp_data
_ARCHITECTURE_AT: Final = 4
_ARGUMENTS_AT: Final = 16
_FILTER_MODE: Final = 2


@dataclass(frozen=True, slots=True)
class Denial:
    """Calls that are not carried out.

    Attributes:
        calls: names, as of :data:`UID_CALLS`.
        value: the id or option that one of the call's arguments must have; None: whatever the arguments are.
        error: what the caller is told; 0: that it was carried out.
    """

    calls: tuple[str, ...]
    value: int | None = None
    error: int = EPERM


def program(denials: Sequence[Denial]) -> bytes:
    """The filter, as an array of ``struct sock_filter`` of this machine.

    Raises:
        KeyError: an unknown call, or a machine that is neither x86_64 nor aarch64.
    """
    instructions = [
        _instruction(_LOAD, _ARCHITECTURE_AT),
        _instruction(_JUMP_EQUAL, _ARCHITECTURES[_MACHINE], 1, 0),
        _instruction(_RETURN, _ALLOW),
    ]
    for denial in denials:
        for name in denial.calls:
            instructions += _rule(*_CALLS[_MACHINE][name], denial)
    return b"".join([*instructions, _instruction(_RETURN, _ALLOW)])


def deny_uid(uid: int, error: int = EPERM) -> bytes:
    """No call gives a process `uid`."""
    return program([Denial(UID_CALLS, uid, error)])


def deny_gid(gid: int, error: int = EPERM) -> bytes:
    """No call gives a process `gid`."""
    return program([Denial(GID_CALLS, gid, error)])


def deny_groups(error: int = EPERM) -> bytes:
    """``setgroups`` never changes anything."""
    return program([Denial(GROUP_CALLS, None, error)])


def deny_no_new_privileges() -> bytes:
    """No call sets ``no_new_privs``."""
    return program([Denial(CONTROL_CALLS, kernel.PR_SET_NO_NEW_PRIVS)])


def silence_modes() -> bytes:
    """No call changes a mode, and all say that they did, as on a file system that has none."""
    return program([Denial(tuple(name for name in MODE_CALLS if name in _CALLS[_MACHINE]), None, 0)])


def install(filter_program: bytes) -> None:
    """Put a filter over this process for good; needs CAP_SYS_ADMIN, and leaves no_new_privs alone.

    Raises:
        OSError: EACCES without the capability, EINVAL for a filter that the kernel does not take.
    """
    code = ctypes.create_string_buffer(filter_program, len(filter_program))
    header = struct.pack("@HP", len(filter_program) // 8, ctypes.addressof(code))
    kernel.call("prctl", kernel.PR_SET_SECCOMP, _FILTER_MODE, header, 0, 0)


def _rule(number: int, arguments: int, denial: Denial) -> list[bytes]:
    """Deny call `number` where one of its first `arguments` is the value in its low 32 bits, as the kernel reads it."""
    refuse, value = _instruction(_RETURN, _ERRNO | denial.error), denial.value
    if value is None:
        tests = [refuse]
    else:
        tests = []
        for index in range(arguments):
            tests += [_instruction(_LOAD, _ARGUMENTS_AT + 8 * index), _instruction(_JUMP_EQUAL, value, 0, 1), refuse]
    return [_instruction(_LOAD, _NUMBER_AT), _instruction(_JUMP_EQUAL, number, 0, len(tests)), *tests]


def _instruction(code: int, operand: int, when_true: int = 0, when_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, when_true, when_false, operand & 0xFFFFFFFF)
