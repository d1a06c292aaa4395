"""What a case changes on its stage before a boot, besides what it lays down: noted in the run, planted in the floor.

A file, a directory, a link or a FIFO, with its mode and owner; or that it is gone. Access lists and mounts are not.
"""

from __future__ import annotations

import base64
import os
import shutil
import stat
import zlib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from wallbite.installation.installation import PRIVATE, Installation, Looked, look_below, state

LARGEST: Final = 1 << 20  # bytes of a file that are kept; what is larger is planted as long, and empty

Change = dict[str, Any]


def look(installation: Installation) -> Looked:
    """What is there where a program, or a case, may leave things; the harness's own place left out."""
    found = {**look_below("/etc"), **installation.look()}
    return {path: one for path, one in found.items() if path != PRIVATE and not path.startswith(f"{PRIVATE}/")}


def changes(before: Mapping[str, os.stat_result], after: Mapping[str, os.stat_result]) -> list[Change]:
    """What differs, what is gone first, and directories before what lies in them."""
    gone = [{"path": path, "kind": "gone"} for path in sorted(before.keys() - after.keys())]
    changed = [path for path in sorted(after) if path not in before or state(before[path]) != state(after[path])]
    return gone + [_change(path, after[path]) for path in changed]


def _change(path: str, found: os.stat_result) -> Change:
    change = {"path": path, "mode": stat.S_IMODE(found.st_mode), "uid": found.st_uid, "gid": found.st_gid}
    with suppress(OSError):
        if stat.S_ISDIR(found.st_mode):
            return {**change, "kind": "directory"}
        if stat.S_ISLNK(found.st_mode):
            return {**change, "kind": "link", "to": os.readlink(path)}
        if stat.S_ISFIFO(found.st_mode):
            return {**change, "kind": "fifo"}
        if stat.S_ISREG(found.st_mode):
            data = Path(path).read_bytes() if found.st_size <= LARGEST else b""
            packed = base64.b64encode(zlib.compress(data)).decode()
            return {**change, "kind": "file", "size": found.st_size, "data": packed}
    return {"path": path, "kind": "other"}


def unpacked(change: Change) -> Change:
    """A change with a file's bytes as characters."""
    if "data" not in change:
        return change
    return {**change, "data": zlib.decompress(base64.b64decode(change["data"])).decode("latin-1")}


def plant(found: Iterable[Change]) -> None:
    """Make it so; what cannot be is left."""
    for change in found:
        with suppress(OSError):
            _plant(change["path"], change)


def _plant(path: str, change: Change) -> None:
    kind = change["kind"]
    if kind == "other":
        return
    if not (kind == "directory" and os.path.isdir(path) and not os.path.islink(path)):
        _remove(path)
    if kind == "link":
        os.symlink(change["to"], path)
    elif kind == "directory":
        os.makedirs(path, exist_ok=True)
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "file":
        Path(path).write_bytes(change["data"].encode("latin-1"))
        os.truncate(path, change["size"])
    if kind != "gone":
        os.chown(path, change["uid"], change["gid"], follow_symlinks=False)
        if kind != "link":
            os.chmod(path, change["mode"])


def _remove(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    else:
        Path(path).unlink(missing_ok=True)
