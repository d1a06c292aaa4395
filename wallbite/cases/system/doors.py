"""Side doors planted in a stage: each opens a way for one account's user, and is closed again when it was looked at.

Everything is in the stage's own /etc, and on a file system that is laid over /usr/local; what was there is put back.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from wallbite.cases.scene import Scene
from wallbite.installation import users
from wallbite.stages import kernel
from wallbite.stages.credentials import set_file_capabilities

GROUP: Final = "docker"
LOCAL: Final = "/usr/local"
PLACES: Final = (LOCAL, "/etc/sudoers.d", "/etc/polkit-1", "/usr/share/polkit-1")
SUDOERS: Final = Path("/etc/sudoers")
RULES: Final = Path("/etc/sudoers.d")
_CAP_SETUID: Final = 1 << 7
_NAME: Final = "wallbite-door"


@dataclass(frozen=True, slots=True)
class Whose:
    """The account for which a door is opened: its name, its user's name, its numbers."""

    account: str
    user: str
    uid: int
    gid: int


def whose(scene: Scene, account: str) -> Whose:
    """The account, and the user that the harness gives it."""
    ids = scene.ids(account)
    return Whose(account, f"wb-{account}"[:32], ids["uid"], ids["gid"])


def enter_users(scene: Scene) -> None:
    """An operating system user for each account, where the target's installation has none."""
    known = {int(line.split(":")[2]) for line in users.PASSWD.read_text().splitlines() if line.count(":") > 2}
    for account in scene.accounts:
        one = whose(scene, account)
        if one.uid not in known:
            users.add(users.User(one.user, one.uid, one.gid))


@contextmanager
def own_places() -> Iterator[None]:
    """Nothing of the host's where doors are planted or not everybody may look: its doors are not the target's."""
    with ExitStack() as stack:
        for place in PLACES:
            if Path(place).is_dir():
                kernel.mount("tmpfs", place, "tmpfs", 0, "mode=0755,size=4m")
                stack.callback(kernel.umount2, place, kernel.MNT_DETACH)
        for name in ("bin", "sbin"):
            Path(LOCAL, name).mkdir(0o755)
        if SUDOERS.exists():
            stack.enter_context(replaced(SUDOERS, "", 0o444))
        yield


@contextmanager
def replaced(path: Path, text: str | None, mode: int = 0o644, uid: int = 0, gid: int = 0) -> Iterator[None]:
    """A file with this text (None: a link that leads nowhere but to itself) in place of what is there."""
    aside = path.with_name(f".{path.name}.aside")
    was_there = os.path.lexists(path)
    if was_there:
        path.rename(aside)
    try:
        if text is None:
            path.symlink_to(path)
        else:
            path.write_text(text)
            os.chown(path, uid, gid)
            path.chmod(mode)
        yield
    finally:
        path.unlink()
        if was_there:
            aside.rename(path)


@contextmanager
def directory(path: Path) -> Iterator[None]:
    """A directory that root alone writes and everybody lists; made where there is none."""
    missing = [one for one in (path, *path.parents) if not one.exists()]
    for one in reversed(missing):
        one.mkdir()
        one.chmod(0o755)
    before = path.stat()
    path.chmod(0o755)
    try:
        yield
    finally:
        path.chmod(stat.S_IMODE(before.st_mode))
        for one in missing:
            one.rmdir()


@contextmanager
def _member(one: Whose) -> Iterator[None]:
    before = users.GROUP.read_bytes()
    users.join(GROUP, _name_of(one))
    yield
    users.GROUP.write_bytes(before)


@contextmanager
def _sudo(one: Whose) -> Iterator[None]:
    """Rules that the gateway can read, whoever it is: sudo asks only that nobody else can write them."""
    with ExitStack() as stack:
        stack.enter_context(directory(RULES))
        stack.enter_context(replaced(SUDOERS, f"root ALL=(ALL:ALL) ALL\n@includedir {RULES}\n", 0o444))
        stack.enter_context(replaced(RULES / _NAME, f"{_name_of(one)} ALL=(ALL:ALL) NOPASSWD: ALL\n", 0o444))
        yield


@contextmanager
def _path(one: Whose) -> Iterator[None]:
    place = Path(LOCAL, "sbin")
    os.chown(place, one.uid, one.gid)
    yield
    os.chown(place, 0, 0)


@contextmanager
def _setuid(one: Whose) -> Iterator[None]:
    with replaced(Path(LOCAL, "bin", _NAME), "#!/bin/sh\n", 0o4775, 0, one.gid):
        yield


@contextmanager
def _capable(one: Whose) -> Iterator[None]:
    program = Path(LOCAL, "bin", f"{_NAME}-capable")
    with replaced(program, "#!/bin/sh\n", 0o750, 0, one.gid):
        set_file_capabilities(str(program), _CAP_SETUID, effective=True)
        yield


def _owned(place: str, name: str) -> Callable[[Whose], Iterator[None]]:
    """A file of the account's in a place that root's programs obey."""

    def opened(one: Whose) -> Iterator[None]:
        with directory(Path(place)), replaced(Path(place, name), "", 0o644, one.uid, one.gid):
            yield

    return opened


def _name_of(one: Whose) -> str:
    """The name that the uid has in this stage."""
    entries = (line.split(":") for line in users.PASSWD.read_text(errors="surrogateescape").splitlines())
    return next(entry[0] for entry in entries if len(entry) > 2 and entry[2] == str(one.uid))


DOORS: Final[Mapping[str, Callable[[Whose], AbstractContextManager[None]]]] = {
    "group": _member,
    "sudo": _sudo,
    "path": _path,
    "setuid": _setuid,
    "cron": contextmanager(_owned("/etc/cron.d", _NAME)),
    "unit": contextmanager(_owned("/etc/systemd/system", f"{_NAME}.service")),
    "polkit": contextmanager(_owned("/etc/polkit-1/rules.d", f"{_NAME}.rules")),
    "capability": _capable,
}
BLIND: Final[Mapping[str, Path]] = {"sudo": SUDOERS, "cron": Path("/etc/crontab"), "group": users.GROUP}
