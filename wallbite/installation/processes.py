"""What root reads of a process from ``/proc``: identity, sets, descriptors, session, signals."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any, Final

from wallbite.stages.credentials import Credentials, parse_status

_SETTLING: Final = 0.5  # seconds for what dies with the gateway to be gone
_TICK: Final = 0.005


def read(pid: int) -> tuple[Credentials, dict[str, Any]]:
    """The credentials of a process, and all that is known of it as JSON values.

    Raises:
        OSError: it is gone.
    """
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
        status = file.read()
    credentials = parse_status(status)
    fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    sets = {
        name: f"{getattr(credentials, name):x}"
        for name in ("permitted", "effective", "inheritable", "ambient", "bounding")
    }
    return credentials, {
        "pid": pid,
        "uids": list(credentials.uids),
        "gids": list(credentials.gids),
        "groups": list(credentials.groups),
        "capabilities": sets,
        "descriptors": descriptors(pid),
        "session": os.getsid(pid),
        "signals": {"ignored": fields["SigIgn"].strip(), "blocked": fields["SigBlk"].strip()},
    }


def descriptors(pid: int) -> list[list[Any]]:
    """Number and target of each open descriptor; one that a running process closes meanwhile is left out.

    Raises:
        OSError: the process is gone.
    """
    folder, found = f"/proc/{pid}/fd", []
    for name in sorted(os.listdir(folder), key=int):
        with contextlib.suppress(FileNotFoundError):
            found.append([int(name), os.readlink(f"{folder}/{name}")])
    os.stat(folder)  # gone with the process, and then what was left out was not closed
    return found


def first_mapping(pid: int) -> int:
    """The address of the first readable mapping."""
    with open(f"/proc/{pid}/maps", encoding="ascii", errors="replace") as file:
        for line in file:
            span, mode = line.split()[:2]
            if mode.startswith("r"):
                return int(span.split("-")[0], 16)
    return 0


def present() -> frozenset[int]:
    """Every process of the stage."""
    return frozenset(int(name) for name in os.listdir("/proc") if name.isdigit())


def left_over(known: Collection[int]) -> list[str]:
    """The names of the processes that are neither known nor gone within a moment."""
    deadline = time.monotonic() + _SETTLING
    while names := [name for pid in present() - set(known) if (name := _living(pid))]:
        if time.monotonic() > deadline:
            return sorted(names)
        time.sleep(_TICK)
    return []


def _living(pid: int) -> str:
    """The name of a process that is not about to be reaped; or nothing."""
    with contextlib.suppress(OSError):
        name, _, rest = Path(f"/proc/{pid}/stat").read_text(errors="backslashreplace").rpartition(")")
        return name.partition("(")[2] if rest.split()[0] not in "ZX" else ""
    return ""
