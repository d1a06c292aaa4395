"""Operating system users for a target's identities: entries in the stage's own ``/etc/passwd`` and ``/etc/group``.

For targets that look their accounts up by name, and for what a user's groups open.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PASSWD: Final = Path("/etc/passwd")
GROUP: Final = Path("/etc/group")
SHELL: Final = "/bin/sh"
_SYSTEM: Final = range(999, 100, -1)  # where a new group's number is looked for, as groupadd --system does


@dataclass(frozen=True, slots=True)
class User:
    """One user, with a group of the same name.

    Attributes:
        groups: further groups that it is a member of; one that is not there is made.
    """

    name: str
    uid: int
    gid: int
    home: str = ""
    groups: tuple[str, ...] = ()


def add(user: User, passwd: Path = PASSWD, group: Path = GROUP) -> None:
    """Enter a user, its group and its memberships.

    Raises:
        ValueError: the machine has a user or group of that name, or with that number, already.
    """
    users, groups = _read(passwd), _read(group)
    _check_free(users, user.name, user.uid, passwd)
    _check_free(groups, user.name, user.gid, group)
    users.append([user.name, "x", str(user.uid), str(user.gid), "", user.home or "/", SHELL])
    groups.append([user.name, "x", str(user.gid), ""])
    for name in user.groups:
        _join(groups, name, user.name)
    _write(passwd, users)
    _write(group, groups)


def group(name: str, path: Path = GROUP) -> int:
    """The number of a group, which is made where it is not there."""
    groups = _read(path)
    entry = next((one for one in groups if one[0] == name), None)
    if entry is None:
        entry = [name, "x", str(_free(groups)), ""]
        groups.append(entry)
        _write(path, groups)
    return int(entry[2])


def join(name: str, member: str, path: Path = GROUP) -> None:
    """Make a user a member of a group, which is made where it is not there."""
    groups = _read(path)
    _join(groups, name, member)
    _write(path, groups)


def _join(groups: list[list[str]], name: str, member: str) -> None:
    entry = next((one for one in groups if one[0] == name), None)
    if entry is None:
        entry = [name, "x", str(_free(groups)), ""]
        groups.append(entry)
    entry[3] = ",".join([*filter(None, entry[3].split(",")), member])


def _free(groups: Sequence[Sequence[str]]) -> int:
    taken = {entry[2] for entry in groups}
    return next(number for number in _SYSTEM if str(number) not in taken)


def _check_free(entries: Iterable[Sequence[str]], name: str, number: int, path: Path) -> None:
    for entry in entries:
        if entry[0] == name or entry[2] == str(number):
            raise ValueError(f"{path} has {entry[0]!r} with number {entry[2]} already: {name!r} cannot be {number}")


def _read(path: Path) -> list[list[str]]:
    """The entries; a line that is none, such as NIS has, is left out."""
    lines = path.read_text(errors="surrogateescape").splitlines()
    return [entry for entry in (line.split(":") for line in lines) if len(entry) >= 4]


def _write(path: Path, entries: Iterable[Sequence[str]]) -> None:
    """Replace the file as a whole, with the mode and owner that it had."""
    before = path.stat()
    beside = path.with_name(f".{path.name}.wallbite")
    beside.write_text("".join(":".join(entry) + "\n" for entry in entries), errors="surrogateescape")
    os.chown(beside, before.st_uid, before.st_gid)
    beside.chmod(before.st_mode & 0o7777)
    beside.rename(path)
