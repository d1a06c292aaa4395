"""The skeleton of a container's root, over which its stages are laid.

A container's root is itself an overlay, and one without file handles; an overlay of it would have none either, and a
wall that is asked for by handle could not be shown to bite. So what stages see of the root is copied once into memory.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from wallbite.problems import EnvironmentProblem
from wallbite.stages import mounts

PLACE: Final = "/.wallbite-skeleton"
_MEMORY: Final = "mode=0755,size=2g,nr_inodes=400k"


def make(place: str = PLACE, keep: Sequence[str] = ()) -> str:
    """Mount memory at `place`, with a copy of /etc and of `keep`, and an empty directory for each of the system's.

    Raises:
        EnvironmentProblem: the image does not have what is to be kept.
    """
    Path(place).mkdir(mode=0o755)
    mounts.tmpfs(place, _MEMORY)
    for entry in Path("/").iterdir():
        if entry.name != "etc" and not mounts.is_system(entry.name):
            continue
        if entry.is_symlink():
            Path(place + str(entry)).symlink_to(entry.readlink())
        elif entry.is_dir():
            (_copy if entry.name == "etc" else _empty)(str(entry), place + str(entry))
    for path in keep:
        if not os.path.isdir(path):
            raise EnvironmentProblem(f"the image has no directory {path!r}", remedy="see image.keep of the descriptor")
        if path.split("/")[1] == "etc" or mounts.is_system(path.split("/")[1]):
            continue  # there already
        Path(place + os.path.dirname(path)).mkdir(parents=True, exist_ok=True)
        _copy(path, place + path)
    return place


def _copy(source: str, target: str) -> None:
    """A directory with owners, modes, times and attributes; only what has content: no sockets, FIFOs or devices."""
    for folder, directories, files in os.walk(source):
        inside = target + folder[len(source) :]
        _empty(folder, inside)
        for name in (*directories, *files):
            path = os.path.join(folder, name)
            if os.path.islink(path) or stat.S_ISREG(os.lstat(path).st_mode):
                shutil.copy2(path, os.path.join(inside, name), follow_symlinks=False)
                _own(path, os.path.join(inside, name))


def _empty(source: str, target: str) -> None:
    Path(target).mkdir(exist_ok=True)
    _own(source, target)
    shutil.copystat(source, target)


def _own(source: str, target: str) -> None:
    """The owner; the mode after it, since a change of owner takes setuid bits away."""
    seen = os.lstat(source)
    os.chown(target, seen.st_uid, seen.st_gid, follow_symlinks=False)
    if not os.path.islink(target):
        os.chmod(target, stat.S_IMODE(seen.st_mode))
