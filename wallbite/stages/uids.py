"""A range of uids and gids for each worker.

Limits on processes and keys are counted per uid over the whole machine, whatever the namespace. Two stages that ran
at once under the same uids would disturb each other, and so would a stage and a user of the host.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from wallbite.problems import EnvironmentProblem

SIZE: Final = 100
# 65534 is nobody and 65535 means "unchanged" to old programs; subordinate uids of users begin at 100,000.
_CANDIDATES: Final = (*range(61000, 65500, SIZE), *range(66000, 99900, SIZE))


def claim() -> tuple[int, socket.socket]:
    """Claim a range for as long as the returned socket, or a copy of it in another process, is open.

    The claim is an abstract socket of the current network namespace: the kernel lets go of it when its holders die,
    and nothing lies on the disk.

    Returns:
        the first uid (and gid) of :data:`SIZE`, and the socket.

    Raises:
        EnvironmentProblem: every range is taken.
    """
    taken = _taken()
    for base in _CANDIDATES:
        if taken.isdisjoint(range(base, base + SIZE)) and _mapped(base):
            holder = _bind(f"\0wallbite-uids-{base}")
            if holder:
                return base, holder
    raise EnvironmentProblem(
        "no range of 100 free uids is left between 61000 and 99999",
        expected="a range that no user, group, process or other run of Wallbite has",
        remedy="run with fewer --jobs",
    )


def lacking() -> str:
    """Why no range can be had in this user namespace; empty where one could be."""
    if any(map(_mapped, _CANDIDATES)):
        return ""
    mapped = sum(count for _, count in _extents("/proc/self/uid_map"))
    return (
        f"no second uid: this user namespace has {mapped} of them, and no range of {SIZE} between {_CANDIDATES[0]} and"
        f" {_CANDIDATES[-1] + SIZE - 1}; run it where root can become any user"
    )


def _bind(name: str) -> socket.socket | None:
    holder = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        holder.bind(name)
    except OSError:
        holder.close()
        return None
    return holder


def _taken() -> set[int]:
    """Every id that the host's users, groups and processes have."""
    ids = set[int]()
    for path in ("/etc/passwd", "/etc/group"):
        with contextlib.suppress(OSError):
            for line in Path(path).read_text(errors="replace").splitlines():
                ids |= {int(field) for field in line.split(":")[2:4] if field.isdigit()}
    with os.scandir("/proc") as entries:
        ids |= set(_owners(entry for entry in entries if entry.name.isdigit()))
    return ids


def _owners(entries: Iterator[os.DirEntry[str]]) -> Iterator[int]:
    for entry in entries:
        with contextlib.suppress(OSError):
            yield entry.stat().st_uid


def _mapped(base: int) -> bool:
    """Whether this user namespace has the whole range."""
    return all(
        any(first <= base and base + SIZE <= first + count for first, count in _extents(f"/proc/self/{kind}_map"))
        for kind in ("uid", "gid")
    )


def _extents(path: str) -> list[tuple[int, int]]:
    with contextlib.suppress(OSError):
        lines = Path(path).read_text().splitlines()
        return [(int(line.split()[0]), int(line.split()[2])) for line in lines]
    return [(0, 2**32 - 1)]  # a kernel without user namespaces
