"""The inbox: the directory where probes leave their answers, and a log in which an answer may stand.

Anyone may put a file in, nobody but root may list it. What is in it is hostile: only regular files of one name are
read, no link is followed, and no more of a file than its bound.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from wallbite.probing.answers import ANSWER_BYTES
from wallbite.probing.carriers import STORM_END
from wallbite.probing.log import LogReader
from wallbite.probing.plan import Plan
from wallbite.stages import inotify

MODE: Final = 0o1733
STORM_BYTES: Final = 1 << 17
LETTER: Final = inotify.MOVED_TO | inotify.CLOSE_WRITE
GROWTH: Final = inotify.MODIFY | inotify.CREATE | LETTER

Letter = tuple[str, int, bytes]  # file name, uid of its owner, content


@dataclass(frozen=True, slots=True)
class Inbox:
    """A directory for answers.

    Args:
        path: where it is, or is to be.
    """

    path: Path

    def make(self) -> None:
        """Makes it, as root, so that all may put in and only root may look.

        Raises:
            FileExistsError: there is something already.
        """
        self.path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        self.path.mkdir(mode=0o700)
        self.path.chmod(MODE)

    def await_answers(self, nonce: str, count: int, deadline: float) -> list[Letter]:
        """The whole answers with this nonce; fewer than `count` where the deadline came first.

        Args:
            nonce: of the plan.
            count: how many are waited for.
            deadline: on the clock of `time.monotonic`.

        Returns:
            Name, owner's uid and content, in the order of arrival. A content of more than `ANSWER_BYTES` is cut one
            byte after them, so that `parse` refuses it.
        """
        names = re.compile(rf"{re.escape(nonce)}\.\d+(-\d+)?")
        return self._await(names, count, deadline, ANSWER_BYTES, lambda _: True)

    def await_storm(self, count: int, deadline: float) -> list[Letter]:
        """The whole answers of storm carriers, as `await_answers`."""
        names = re.compile(r"storm\.\d+")
        return self._await(names, count, deadline, STORM_BYTES, lambda data: data.endswith(STORM_END))

    def signer(self, nonce: str, pid: int) -> int | None:
        """Whose letter NONCE.PID is: who answers by a log leaves an empty one. None where there is none."""
        try:
            found = (self.path / f"{nonce}.{pid}").lstat()
        except OSError:
            return None
        return found.st_uid if stat.S_ISREG(found.st_mode) and found.st_nlink == 1 else None

    def _await(
        self, names: re.Pattern[str], count: int, deadline: float, bound: int, whole: Callable[[bytes], bool]
    ) -> list[Letter]:
        found: dict[str, Letter] = {}

        def enough() -> bool:
            for name in sorted(name for name in set(os.listdir(self.path)) - found.keys() if names.fullmatch(name)):
                if len(found) >= count:  # a flood of letters is not read in whole
                    break
                letter = self._read(name, bound)
                if letter and whole(letter[2]):
                    found[name] = letter
            return len(found) >= count or time.monotonic() >= deadline

        if enough():  # a watch takes the kernel ten milliseconds to close
            return list(found.values())
        with inotify.Watch() as watch:
            watch.add(str(self.path), LETTER)
            while not enough():
                watch.wait(max(0.0, deadline - time.monotonic()))
        return list(found.values())

    def _read(self, name: str, bound: int) -> Letter | None:
        try:
            handle = os.open(self.path / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENOENT, errno.ENXIO):
                return None
            raise
        try:
            found = os.fstat(handle)
            if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
                return None
            with os.fdopen(handle, "rb", closefd=False) as file:
                return name, found.st_uid, file.read(bound + 1)
        finally:
            os.close(handle)


def await_in_file(path: Path, plan: Plan, deadline: float) -> bytes | None:
    """The answer to a plan out of a log that grows, from header to end line; None where the deadline came first.

    The log may hold other lines before and after. Its file may come later, and may be replaced.
    """
    return next(iter(await_answers_in_file(path, plan, 1, deadline)), None)


def await_answers_in_file(path: Path, plan: Plan, count: int, deadline: float) -> list[bytes]:
    """The answers to a plan, as :func:`await_in_file`; fewer than `count` where the deadline came first."""
    reader = LogReader(path, plan.nonce)
    found: list[bytes] = []
    with inotify.Watch() as watch:
        watch.add(str(path.parent), GROWTH)
        while True:
            while len(found) < count and (answer := reader.more(deadline)) is not None:
                found.append(answer)
            left = deadline - time.monotonic()
            if len(found) >= count or left <= 0:
                return found
            watch.wait(left)
