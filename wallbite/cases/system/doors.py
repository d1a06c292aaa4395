"""Side doors planted in a stage: each opens a way for one account's user, and is closed again when it was looked at.

Of most kinds there are several forms, since who knows the usual one may overlook another.

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
from wallbite.stages import acl, kernel
from wallbite.stages.credentials import set_file_capabilities

LOCAL: Final = "/usr/local"
PLACES: Final = (LOCAL, "/etc/sudoers.d", "/etc/polkit-1", "/usr/share/polkit-1")
SUDOERS: Final = Path("/etc/sudoers")
RULES: Final = Path("/etc/sudoers.d")
_CAP_SETUID: Final = 1 << 7
_CAP_DAC_OVERRIDE: Final = 1 << 1
_CAP_SYS_ADMIN: Final = 1 << 21
_NAME: Final = "wallbite-door"


@dataclass(frozen=True, slots=True)
class Whose:
    """The account for which a door is opened: its name, its user's name, its numbers."""

    account: str
    user: str
    uid: int
    gid: int


Door = Callable[[Whose], AbstractContextManager[None]]


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


def _member(group: str) -> Door:
    """The user is a member of a group that is as good as root."""

    @contextmanager
    def opened(one: Whose) -> Iterator[None]:
        before = users.GROUP.read_bytes()
        users.join(group, _name_of(one))
        yield
        users.GROUP.write_bytes(before)

    return opened


def _sudo(rule: str) -> Door:
    """Rules that the gateway can read, whoever it is: sudo asks only that nobody else can write them."""

    @contextmanager
    def opened(one: Whose) -> Iterator[None]:
        text = rule.format(user=_name_of(one), uid=one.uid, group=_group_of(one), gid=one.gid)
        with ExitStack() as stack:
            stack.enter_context(directory(RULES))
            stack.enter_context(replaced(SUDOERS, f"root ALL=(ALL:ALL) ALL\n@includedir {RULES}\n", 0o444))
            stack.enter_context(replaced(RULES / _NAME, text, 0o444))
            yield

    return opened


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
def _path_by_list(one: Whose) -> Iterator[None]:
    place = str(Path(LOCAL, "sbin"))
    acl.grant(place, one.uid, 0o7)
    yield
    acl.drop(place)
    os.chmod(place, 0o755)


@contextmanager
def _setuid_by_list(one: Whose) -> Iterator[None]:
    program = Path(LOCAL, "bin", _NAME)
    with replaced(program, "#!/bin/sh\n", 0o4755):
        acl.grant(str(program), one.uid, 0o6)
        program.chmod(program.stat().st_mode | stat.S_ISUID)  # a new list may take it away
        yield


def _capable(capability: int) -> Door:
    """A file that gives a capability to the account's group."""

    @contextmanager
    def opened(one: Whose) -> Iterator[None]:
        program = Path(LOCAL, "bin", f"{_NAME}-capable")
        with replaced(program, "#!/bin/sh\n", 0o750, 0, one.gid):
            set_file_capabilities(str(program), capability, effective=True)
            yield

    return opened


def _owned(place: str, name: str) -> Door:
    """A file of the account's in a place that root's programs obey."""

    @contextmanager
    def opened(one: Whose) -> Iterator[None]:
        with directory(Path(place)), replaced(Path(place, name), "", 0o644, one.uid, one.gid):
            yield

    return opened


def _name_of(one: Whose) -> str:
    """The name that the uid has in this stage."""
    entries = (line.split(":") for line in users.PASSWD.read_text(errors="surrogateescape").splitlines())
    return next(entry[0] for entry in entries if len(entry) > 2 and entry[2] == str(one.uid))


def _group_of(one: Whose) -> str:
    """The name that the gid has in this stage."""
    entries = (line.split(":") for line in users.GROUP.read_text(errors="surrogateescape").splitlines())
    return next(entry[0] for entry in entries if len(entry) > 2 and entry[2] == str(one.gid))


DOORS: Final[Mapping[str, tuple[Door, ...]]] = {  # by kind, the usual form first
    "group": (_member("docker"), _member("disk"), _member("shadow")),
    "sudo": (
        _sudo("{user} ALL=(ALL:ALL) NOPASSWD: ALL\n"),
        _sudo("#{uid} ALL=(ALL:ALL) NOPASSWD: ALL\n"),
        _sudo("%{group} ALL=(ALL:ALL) NOPASSWD: ALL\n"),
        _sudo("%#{gid} ALL=(root) NOPASSWD: /usr/bin/apt-get\n"),
        _sudo("User_Alias OPERATORS = nobody, {user}\nOPERATORS ALL=(ALL:ALL) \\\n  NOPASSWD: ALL\n"),
    ),
    "path": (_path, _path_by_list),
    "setuid": (_setuid, _setuid_by_list),
    "cron": (
        _owned("/etc/cron.d", _NAME),
        _owned("/etc/cron.hourly", _NAME),
        _owned("/var/spool/cron/crontabs", "root"),
    ),
    "unit": (
        _owned("/etc/systemd/system", f"{_NAME}.service"),
        _owned(f"/etc/systemd/system/{_NAME}.service.d", "override.conf"),
    ),
    "polkit": (
        _owned("/etc/polkit-1/rules.d", f"{_NAME}.rules"),
        _owned("/usr/share/polkit-1/rules.d", f"{_NAME}.rules"),
    ),
    "capability": (_capable(_CAP_SETUID), _capable(_CAP_DAC_OVERRIDE), _capable(_CAP_SYS_ADMIN)),
}
FORMS: Final = max(map(len, DOORS.values()))
BLIND: Final[Mapping[str, Path]] = {"sudo": SUDOERS, "cron": Path("/etc/crontab"), "group": users.GROUP}
