"""What install files say, read as systemd reads them: units, sysusers.d(5), tmpfiles.d(5). Only what is judged."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Any, Final

_NAMES: Final = """
    CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE
    NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN
    SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE
    MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE
"""
CAPABILITIES: Final = tuple(_NAMES.split())  # in the order of their numbers
ALL: Final = (1 << len(CAPABILITIES)) - 1


def service(text: str) -> Mapping[str, list[str]]:
    """The values of each key of a unit's [Service] section, in order; an empty value takes the earlier ones back."""
    found: dict[str, list[str]] = {}
    section = ""
    for line in text.replace("\\\n", " ").splitlines():
        stripped = line.strip()
        if stripped.startswith("["):
            section = stripped
        elif section == "[Service]" and "=" in stripped and stripped[0] not in "#;":
            key, _, value = stripped.partition("=")
            found[key.strip()] = [*found.get(key.strip(), []), value.strip()] if value.strip() else []
    return found


def capability_mask(values: list[str], default: int) -> int:
    """The set that CapabilityBoundingSet= or AmbientCapabilities= gives; ``~`` takes away.

    Raises:
        ValueError: a name that is no capability.
    """
    if not values:
        return default
    mask = ALL if values[0].startswith("~") else 0
    for value in values:
        named = 0
        for name in value.removeprefix("~").split():
            bare = name.upper().removeprefix("CAP_")
            if bare not in CAPABILITIES:
                raise ValueError(f"{name!r} is no capability")
            named |= 1 << CAPABILITIES.index(bare)
        mask = mask & ~named if value.startswith("~") else mask | named
    return mask


def users(text: str) -> Iterator[dict[str, Any]]:
    """Each ``u`` line of sysusers.d: name, uid, gid, home."""
    for words in _lines(text):
        if words[0].rstrip("!") == "u" and len(words) >= 3:
            uid, _, gid = words[2].partition(":")
            home = words[4] if len(words) > 4 else "-"
            yield {"name": words[1], "uid": uid, "gid": gid or uid, "home": home}


def directories(text: str) -> Iterator[dict[str, Any]]:
    """Each directory line of tmpfiles.d: path, mode, user, group."""
    for words in _lines(text):
        if words[0].rstrip("!+-=~^$") in {"d", "D", "q", "Q", "v"} and len(words) >= 2:
            mode, user, group = (*words[2:5], "-", "-", "-")[:3]
            yield {"path": words[1], "mode": mode, "user": user, "group": group}


def _lines(text: str) -> Iterator[list[str]]:
    for line in text.splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            yield shlex.split(line)
