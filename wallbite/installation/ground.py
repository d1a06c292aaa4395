"""Several boots in one stage: before each, everything is again as it was laid down, or the stage is used no further.

What a boot left is taken away (processes, new files, changed modes and owners), and then the stage is looked at, not
trusted: a boot begins only where every path, mount, IPC object and count of inodes is what it was at first.
"""

from __future__ import annotations

import os
import shutil
import signal
import stat
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from wallbite.installation.installation import INBOX, OUTPUT, PLANS, Installation, Looked, state

_MOUNTS: Final = ("/", "/dev", "/dev/shm", "/run", "/tmp", "/var/tmp")
_TABLES: Final = ("/proc/self/mountinfo", "/proc/sysvipc/shm", "/proc/sysvipc/sem", "/proc/sysvipc/msg")


@dataclass(frozen=True, eq=False)
class Ground:
    """What a stage was like when a target had been laid down in it, before its first boot.

    Attributes:
        looked: every path where something may be left behind.
        attributes: their extended attributes.
        traces: mounts, IPC objects, the host's name, message queues, inodes in use.
    """

    installation: Installation
    looked: Looked
    attributes: Mapping[str, tuple[str, ...]]
    traces: tuple[Any, ...]

    @classmethod
    def of(cls, installation: Installation) -> Ground:
        """The stage as it is now."""
        looked = installation.look()
        return cls(installation, looked, {path: _attributes(path) for path in looked}, _traces())

    def restore(self, document: Mapping[str, Any]) -> bool:
        """End every other process, undo what was changed, and lay ``document`` as the configuration.

        Called in process 1 of the stage.

        Returns:
            whether everything but the configuration is as it was. Where it is not, no boot may begin here any more.
        """
        _end_everything()
        with suppress(OSError):  # what cannot be undone is seen below
            for folder in (INBOX, PLANS, OUTPUT):
                _empty(folder)
            self.installation.write_config(document)
            self._undo(self.installation.look())
        return self._is_as_it_was()

    def _undo(self, after: Looked) -> None:
        for path in sorted(after.keys() - self.looked.keys(), reverse=True):
            _remove(path)
        for path, was in self.looked.items():
            now = after.get(path)
            if now is not None and _is_folder(now) and _is_folder(was) and state(now) != state(was):
                os.chown(path, was.st_uid, was.st_gid)
                os.chmod(path, stat.S_IMODE(was.st_mode))

    def _is_as_it_was(self) -> bool:
        now = self.installation.look()
        config = self.installation.target.config
        changing = {config.main.path} if config else set()
        return (
            now.keys() == self.looked.keys()
            and all(self._is_same(path, now[path]) for path in now.keys() - changing)
            and _traces() == self.traces
        )

    def _is_same(self, path: str, now: os.stat_result) -> bool:
        """The time of change also tells of a directory's entries; attributes are looked at where it is another."""
        was = self.looked[path]
        if state(now) != state(was):
            return False
        if now.st_ctime_ns == was.st_ctime_ns:
            return True
        return now.st_ino == was.st_ino and _attributes(path) == self.attributes[path]


def _is_folder(found: os.stat_result) -> bool:
    return stat.S_ISDIR(found.st_mode)


def _attributes(path: str) -> tuple[str, ...]:
    names = os.listxattr(path, follow_symlinks=False)
    return tuple(sorted(f"{name}={os.getxattr(path, name, follow_symlinks=False).hex()}" for name in names))


def _traces() -> tuple[Any, ...]:
    texts = []
    for name in _TABLES:
        with suppress(OSError), open(name, "rb") as file:
            texts.append(file.read())
    queues = os.listdir("/dev/mqueue") if os.path.isdir("/dev/mqueue") else []
    inodes = [os.statvfs(path).f_ffree for path in _MOUNTS if os.path.isdir(path)]
    return texts, os.uname().nodename, sorted(queues), inodes


def _end_everything() -> None:
    """SIGKILL to every other process of the stage, and wait until none is left."""
    with suppress(ProcessLookupError):
        os.kill(-1, signal.SIGKILL)
    with suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)


def _empty(folder: str) -> None:
    with os.scandir(folder) as entries:
        for entry in entries:
            _remove(entry.path)


def _remove(path: str) -> None:
    if _is_folder(os.lstat(path)):
        shutil.rmtree(path)
    else:
        os.unlink(path)
