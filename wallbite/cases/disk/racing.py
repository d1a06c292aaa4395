"""A race: an account's process exchanges what lies in a directory of its own while the gateway reads it."""

from __future__ import annotations

import os
import random
import select
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from wallbite.postures import ROOT_CAPABILITIES
from wallbite.stages import credentials, inotify, kernel

FILES: Final = 150  # that are exchanged at once
DECOY: Final = b"decoy "
_EXCHANGE: Final = 2
_HERE: Final = -100
_BATCH: Final = 3  # exchanges for each event
_DELAY: Final = 60e-6  # seconds at most before each
_IDLE: Final = 0.001  # seconds without an event

Pair = tuple[str, str]


def lay(top: str, key: str, directory: str, decoy: bytes, ids: dict[str, int]) -> list[Pair]:
    """Files and links to the key, files named as the secret ones and a link to their directory; what to exchange."""
    root = Path(top)
    for name in ("files", "links", "copy"):
        (root / name).mkdir(parents=True)
    for number in range(FILES):
        (root / "files" / f"part-{number}").write_bytes(decoy)
        (root / "links" / f"part-{number}").symlink_to(key)
    for name in os.listdir(directory):
        (root / "copy" / name).write_bytes(decoy)
    (root / "shortcut").symlink_to(directory)
    for path in (root, *root.rglob("*")):
        os.chown(path, ids["uid"], ids["gid"], follow_symlinks=False)
        if not path.is_symlink():
            path.chmod(0o755)
    return [(f"{top}/files", f"{top}/links"), (f"{top}/copy", f"{top}/shortcut")]


class Race:
    """The account's process, from here on until it is told to stop."""

    def __init__(self, uid: int, gid: int, pairs: Sequence[Pair]) -> None:
        """Start it."""
        over, self._stop = os.pipe()
        self._told, telling = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            try:
                os.close(self._stop)
                credentials.trim_bounding(ROOT_CAPABILITIES)
                credentials.drop_to(uid, gid, (gid,))
                os.write(telling, str(_exchange(pairs, over)).encode())
            finally:
                os._exit(0)
        os.close(over)
        os.close(telling)

    def stop(self) -> int:
        """How often it exchanged something; 0 where it could not."""
        os.close(self._stop)
        with os.fdopen(self._told, "rb") as stream:
            said = stream.read()
        os.waitpid(self._pid, 0)
        return int(said or b"0")


def _exchange(pairs: Sequence[Pair], over: int) -> int:
    """Exchange whenever a file there is opened or read, a few times and not always equally soon after it."""
    count = 0
    with inotify.Watch() as watch:
        for path in {path for pair in pairs for path in pair if not os.path.islink(path)}:
            watch.add(path, inotify.OPEN | inotify.ACCESS)
        while not select.select([over], [], [], 0)[0]:
            watch.wait(_IDLE)
            for _ in range(_BATCH):
                until = time.perf_counter() + random.random() * _DELAY  # noqa: S311 - it decides nothing secret
                while time.perf_counter() < until:
                    pass
                for one, other in pairs:
                    kernel.call("renameat2", _HERE, os.fsencode(one), _HERE, os.fsencode(other), _EXCHANGE)
                    count += 1
    return count
