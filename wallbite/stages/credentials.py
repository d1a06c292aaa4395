"""Credentials: how a process of the harness changes its own, and how it reads another's from the kernel."""

from __future__ import annotations

import ctypes
import os
import struct
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from wallbite.stages import kernel

_VERSION_3: Final = 0x20080522  # 64-bit masks in two halves
_REVISION_2: Final = 0x02000000  # of security.capability: 64-bit masks, no root uid
_EFFECTIVE: Final = 0x1
_LOW: Final = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Credentials:
    """What ``/proc/PID/status`` says of a process.

    Attributes:
        uids, gids: real, effective, saved, file system.
        groups: supplementary groups.
        permitted, effective, inheritable, ambient, bounding: capability sets as bit masks.
        no_new_privs: the flag, or None where the kernel does not say.
        seccomp: 0 none, 1 strict, 2 filter; or None.
        state: one letter, such as ``S`` or ``Z``.
    """

    uids: tuple[int, ...]
    gids: tuple[int, ...]
    groups: tuple[int, ...]
    permitted: int
    effective: int
    inheritable: int
    ambient: int
    bounding: int
    no_new_privs: bool | None
    seccomp: int | None
    state: str

    def as_json(self) -> dict[str, Any]:
        """JSON values: lists for tuples, masks as hexadecimal text."""
        sets = ("permitted", "effective", "inheritable", "ambient", "bounding")
        values = asdict(self) | {name: f"{getattr(self, name):x}" for name in sets}
        return values | {name: list(values[name]) for name in ("uids", "gids", "groups")}


def read_credentials(pid: int | str = "self") -> Credentials:
    """Read the credentials of a process (or thread) from its status file.

    Raises:
        OSError: ENOENT or ESRCH where it is gone.
    """
    return parse_status(Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace"))


def parse_status(text: str) -> Credentials:
    """Read the text of a ``/proc/PID/status`` file."""
    fields = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)

    def numbers(name: str) -> tuple[int, ...]:
        return tuple(int(word) for word in fields[name].split())

    def mask(name: str) -> int:
        return int(fields.get(name, "0"), 16)

    return Credentials(
        uids=numbers("Uid"),
        gids=numbers("Gid"),
        groups=numbers("Groups"),
        permitted=mask("CapPrm"),
        effective=mask("CapEff"),
        inheritable=mask("CapInh"),
        ambient=mask("CapAmb"),
        bounding=mask("CapBnd"),
        no_new_privs=bool(int(fields["NoNewPrivs"])) if "NoNewPrivs" in fields else None,
        seccomp=int(fields["Seccomp"]) if "Seccomp" in fields else None,
        state=fields["State"].split()[0],
    )


def get_capabilities() -> tuple[int, int, int]:
    """Permitted, effective and inheritable set of this thread."""
    data = ctypes.create_string_buffer(24)
    kernel.call("capget", struct.pack("=Ii", _VERSION_3, 0), data)
    e0, p0, i0, e1, p1, i1 = struct.unpack("=6I", data.raw)
    return p0 | p1 << 32, e0 | e1 << 32, i0 | i1 << 32


def set_capabilities(permitted: int, effective: int, inheritable: int) -> None:
    """Set the three sets of this thread."""
    low = (effective & _LOW, permitted & _LOW, inheritable & _LOW)
    high = (effective >> 32, permitted >> 32, inheritable >> 32)
    kernel.call("capset", struct.pack("=Ii", _VERSION_3, 0), struct.pack("=6I", *low, *high))


def keep_capabilities() -> None:
    """Keep the permitted set over the next change from uid 0 to another (until exec)."""
    kernel.prctl(kernel.PR_SET_KEEPCAPS, 1)


def clear_ambient() -> None:
    """Empty the ambient set."""
    kernel.prctl(kernel.PR_CAP_AMBIENT, kernel.PR_CAP_AMBIENT_CLEAR_ALL)


def raise_ambient(mask: int) -> None:
    """Raise every capability of `mask` in the ambient set; it must be permitted and inheritable."""
    for number in _bits(mask):
        kernel.prctl(kernel.PR_CAP_AMBIENT, kernel.PR_CAP_AMBIENT_RAISE, number)


def trim_bounding(keep: int) -> None:
    """Drop from the bounding set what is not in `keep`; needs CAP_SETPCAP."""
    for number in range(64):
        if keep >> number & 1:
            continue
        try:
            present = kernel.prctl(kernel.PR_CAPBSET_READ, number)
        except OSError:  # EINVAL: past the last capability that this kernel knows
            return
        if present:
            kernel.prctl(kernel.PR_CAPBSET_DROP, number)


def drop_to(uid: int, gid: int, groups: tuple[int, ...]) -> None:
    """Become `uid` for good: no capability in any set but the bounding one; needs CAP_SETUID and CAP_SETGID."""
    clear_ambient()
    os.setgroups(list(groups))
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    set_capabilities(0, 0, 0)


def set_file_capabilities(path: str | os.PathLike[str], mask: int, effective: bool) -> None:
    """Give the executable at `path` the permitted set `mask`, raised at exec if `effective`.

    A later chown of the file, or write to it, takes them away: chown, then chmod, then this.
    """
    flags = _REVISION_2 | (_EFFECTIVE if effective else 0)
    value = struct.pack("<5I", flags, mask & _LOW, 0, mask >> 32, 0)
    os.setxattr(path, "security.capability", value)


def _bits(mask: int) -> list[int]:
    return [number for number in range(64) if mask >> number & 1]
