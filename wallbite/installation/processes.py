"""What root reads of a process from ``/proc``: identity, sets, descriptors, session, signals."""

from __future__ import annotations

import os
from typing import Any

from wallbite.stages.credentials import Credentials, parse_status


def read(pid: int) -> tuple[Credentials, dict[str, Any]]:
    """The credentials of a process, and all that is known of it as JSON values.

    Raises:
        OSError: it is gone.
    """
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
        status = file.read()
    credentials = parse_status(status)
    fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    sets = {name: f"{getattr(credentials, name):x}" for name in ("permitted", "effective", "inheritable", "ambient", "bounding")}
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
    """Number and target of each open descriptor."""
    folder = f"/proc/{pid}/fd"
    return [[int(name), os.readlink(f"{folder}/{name}")] for name in sorted(os.listdir(folder), key=int)]


def first_mapping(pid: int) -> int:
    """The address of the first readable mapping."""
    with open(f"/proc/{pid}/maps", encoding="ascii", errors="replace") as file:
        for line in file:
            span, mode = line.split()[:2]
            if mode.startswith("r"):
                return int(span.split("-")[0], 16)
    return 0
