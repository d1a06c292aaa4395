"""Mounts of a stage, and which directories of the host's system every stage sees."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from wallbite.stages import kernel

# nix and gnu hold the whole system on NixOS and Guix; the C library of their interpreters lies there.
_SYSTEM: Final = frozenset({"bin", "sbin", "usr", "nix", "gnu"})
UNPRIVILEGED: Final = kernel.MS_NOSUID | kernel.MS_NODEV
# How statvfs names a mount's flags, and how mount does.
_KEPT_FLAGS: Final = (
    (os.ST_NOSUID, kernel.MS_NOSUID),
    (os.ST_NODEV, kernel.MS_NODEV),
    (os.ST_NOEXEC, kernel.MS_NOEXEC),
    (os.ST_NOATIME, kernel.MS_NOATIME),
    (os.ST_NODIRATIME, kernel.MS_NODIRATIME),
    (os.ST_RELATIME, kernel.MS_RELATIME),
)


def is_system(name: str) -> bool:
    """Whether a top-level directory of the host holds its programs and libraries."""
    return name in _SYSTEM or name.startswith("lib")


def mount_points() -> list[str]:
    """Every mount point of this mount namespace, in the order of mounting."""
    with Path("/proc/self/mountinfo").open(encoding="utf-8", errors="surrogateescape") as table:
        return [_decoded(line.split(" ", 5)[4]) for line in table]


def tmpfs(target: str, options: str, flags: int = kernel.MS_NODEV) -> None:
    """Mount an empty tmpfs; `options` such as ``mode=0755,size=64m``."""
    kernel.mount("tmpfs", target, "tmpfs", flags, options)


def bind_read_only(source: str, target: str, flags: int, points: list[str]) -> None:
    """Bind `source`, with the mounts below it, on `target`, where nothing can then be written.

    Args:
        source: a path of the host.
        target: where it is to be seen; of the same kind.
        flags: further mount flags, such as ``MS_NOSUID``.
        points: the mount points of the host, as :func:`mount_points` told them.
    """
    real = os.path.realpath(source)
    below = [point for point in points if point.startswith(real.rstrip("/") + "/")]
    _bind_one(source, target, flags)
    for point in dict.fromkeys(below):
        inside = target + point[len(real) :]
        if Path(point).exists() and Path(inside).exists():
            _bind_one(point, inside, flags)


def _bind_one(source: str, target: str, flags: int) -> None:
    kernel.mount(source, target, None, kernel.MS_BIND)
    present = os.statvfs(target).f_flag
    kept = sum(flag for shown, flag in _KEPT_FLAGS if present & shown)
    kernel.mount(None, target, None, kernel.MS_BIND | kernel.MS_REMOUNT | kernel.MS_RDONLY | kept | flags)


def _decoded(point: str) -> str:
    """Undo the kernel's escapes of white space and backslash (040 for a space)."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), point)
