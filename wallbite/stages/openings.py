"""A small ``fanotify(7)``: each file as it is at the moment it is opened, before who opens it can do anything with it.

Who opens is held until the watcher has looked; so what a file's mode was before its first byte is seen, and not
guessed. The watcher is a process of its own: one that is held by itself would wait for ever. It opens nothing.
"""

from __future__ import annotations

import json
import os
import select
import signal
import stat
import struct
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from wallbite.stages import kernel

_CLASS_CONTENT: Final = 0x4 | 0x2 | 0x1  # with permission events; non-blocking; close-on-exec
_LARGE_FILES: Final = os.O_RDONLY | os.O_CLOEXEC | 0o100000
_ADD_MOUNT: Final = 0x1 | 0x10
_OPEN_PERM: Final = 0x10000
_NAMES: Final = {_OPEN_PERM: "open", 0x2: "modify", 0x8: "close"}
_EVENT: Final = struct.Struct("=IBBHQii")  # length, version, reserved, length of this, mask, descriptor, pid
_ANSWER: Final = struct.Struct("=iI")
_ALLOW: Final = 1
_OTHERS: Final = 3
_MOST: Final = 2000  # events that are kept
_HERE: Final = -100
_COARSE: Final = 5  # CLOCK_REALTIME_COARSE, which files are stamped with


@dataclass(frozen=True, slots=True)
class Kill:
    """Send SIGKILL to who does this to a new file: ``open``, ``modify`` or ``close`` it; but for those in ``apart``.

    ``between``: to who has such a file open, at the third other file that it opens afterwards.
    """

    event: str
    apart: str = ""


class Openings:
    """Watches some mounts from here on, but for what processes do that are there already.

    Raises:
        OSError: the kernel or the container does not let it.
    """

    def __init__(self, mounts: Sequence[str], spared: Collection[int], kill: Kill | None = None) -> None:
        """Start the watcher, and wait until it watches."""
        self._told, telling = os.pipe()
        stopped, self._stop = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(self._told)
            os.close(self._stop)
            _watch(mounts, frozenset(spared), kill, telling, stopped)
        os.close(telling)
        os.close(stopped)
        ready = os.read(self._told, 16)
        if ready != b"ready":
            os.close(self._stop)
            os.close(self._told)
            os.waitpid(self._pid, 0)
            number = int(ready or b"0")
            raise OSError(number, os.strerror(number), "fanotify")

    def stop(self) -> list[dict[str, Any]]:
        """End the watch. Of each new regular file: event, path, mode, uid, size, parent's mode; and of a kill.

        An event ``lost`` says that some were lost: what is not there may have been, nevertheless.
        """
        os.close(self._stop)
        with os.fdopen(self._told, "rb") as stream:
            data = stream.read()
        os.waitpid(self._pid, 0)
        found: list[dict[str, Any]] = json.loads(data)
        return found


def _watch(mounts: Sequence[str], spared: frozenset[int], kill: Kill | None, telling: int, stopped: int) -> NoReturn:
    """The watcher's life."""
    try:
        group = kernel.call("fanotify_init", _CLASS_CONTENT, _LARGE_FILES)
        began = _next_tick()
        for path in mounts:
            kernel.call("fanotify_mark", group, _ADD_MOUNT, sum(_NAMES), _HERE, os.fsencode(path))
        os.write(telling, b"ready")
        watcher = _Watcher(group, spared, kill, began)
        while stopped not in select.select([group, stopped], [], [])[0]:
            watcher.take()
        watcher.take()
        data = json.dumps(watcher.seen).encode()
        while data:
            data = data[os.write(telling, data) :]
    except OSError as error:
        os.write(telling, str(error.errno).encode())
    finally:
        os._exit(0)


def _next_tick() -> float:
    """A time such that what was made before it bears an earlier one: the kernel's clock for files is a coarse one."""
    before = time.clock_gettime(_COARSE)
    while (now := time.clock_gettime(_COARSE)) == before:
        pass
    return now


class _Watcher:
    def __init__(self, group: int, spared: frozenset[int], kill: Kill | None, began: float) -> None:
        self.group, self.spared, self.kill, self.began = group, spared, kill, began
        self.seen: list[dict[str, Any]] = []
        self.others, self.lost = 0, False
        self.born: dict[str, str] = {}  # path of each new file, and its mode when it was last looked at

    def take(self) -> None:
        """Look at what is waiting, and let go who is held."""
        try:
            data = os.read(self.group, 1 << 16)
        except BlockingIOError:
            return
        offset = 0
        while offset < len(data):
            length, _, _, _, mask, descriptor, pid = _EVENT.unpack_from(data, offset)
            offset += length
            if descriptor < 0:
                self.lose()
                continue
            try:
                if pid not in self.spared:
                    self.look(mask, descriptor, pid)
            finally:
                if mask & _OPEN_PERM:
                    os.write(self.group, _ANSWER.pack(descriptor, _ALLOW))
                os.close(descriptor)

    def lose(self) -> None:
        """The kernel's queue, or what is kept, was too short: from here on this is known to be incomplete."""
        if not self.lost:
            self.lost = True
            self.seen.append({"event": "lost"})

    def look(self, mask: int, descriptor: int, pid: int) -> None:
        """One file at one moment."""
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            return
        if len(self.seen) >= _MOST:
            self.lose()
            return
        events = [name for bit, name in _NAMES.items() if mask & bit]
        path = os.readlink(f"/proc/self/fd/{descriptor}")
        self.look_again()
        new = found.st_ctime >= self.began
        if new:
            entry: dict[str, Any] = {"path": path, "mode": f"{stat.S_IMODE(found.st_mode):04o}", "uid": found.st_uid}
            entry |= {"size": found.st_size, "parent": _parent(path)}
            self.seen += [{"event": name, **entry} for name in events]
            self.born[path] = entry["mode"]
        if self.kill and self.hits(self.kill, events, new=new and os.path.dirname(path) != self.kill.apart):
            os.kill(pid, signal.SIGKILL)
            self.seen.append({"event": "killed", "path": path})
            self.kill = None

    def look_again(self) -> None:
        """Who opens something else is held as well: meanwhile, what has become of the files that are new?"""
        for path, before in self.born.items():
            try:
                found = os.lstat(path)
            except OSError:
                continue
            mode = f"{stat.S_IMODE(found.st_mode):04o}"
            if mode != before:
                self.born[path] = mode
                self.seen.append({"event": "changed", "path": path, "mode": mode, "parent": _parent(path)})

    def hits(self, kill: Kill, events: Sequence[str], *, new: bool) -> bool:
        """Whether this is the moment."""
        if kill.event != "between":
            return new and kill.event in events
        self.others += (1 if self.others or new else 0) if "open" in events else 0
        return self.others > _OTHERS


def _parent(path: str) -> str:
    try:
        return f"{stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode):04o}"
    except OSError:
        return ""
