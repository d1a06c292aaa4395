"""A conduct for the tests of shared stages: lay a small target down, change something, and try to undo it."""

from __future__ import annotations

import ctypes
import os
import socket
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from wallbite import target
from wallbite.installation.ground import Ground
from wallbite.installation.identities import Identities
from wallbite.installation.installation import INBOX, Installation
from wallbite.postures import POSTURES
from wallbite.stages import kernel

STATE: Final = Path("/var/lib/gateway/state")
KEY: Final = Path("/etc/gateway/secret/age.key")
DAEMON: Final = ("/bin/sh", "-c", "trap '' TERM; sleep 60 & sleep 60")


def conduct(request: Mapping[str, Any], emit: Callable[[dict[str, Any]], None]) -> None:
    """Do the change of this name between a Ground and its restoring."""
    posture = POSTURES["root"]
    reference = target.load("reference")
    installation = Installation(
        reference, posture, Identities.of(request["uid_base"], reference.identities, posture), None
    )
    installation.lay_down(plugins=())
    Path(INBOX).mkdir()
    ground = Ground.of(installation)
    before = installation.snapshot()
    globals()[request["do"]]()
    restored = ground.restore(installation.config_document())
    config = "/etc/gateway/config.yaml"
    differs = [path for path in installation.changed(before) if path != config]
    running = sorted(int(name) for name in os.listdir("/proc") if name.isdigit())
    emit({"restored": restored, "differs": differs, "processes": running, "letters": os.listdir(INBOX)})


def nothing() -> None:
    """No change."""


def new_files() -> None:
    """A database, a directory with a link in it, a letter."""
    (STATE / "state.db").write_bytes(b"new")
    (STATE / "folder").mkdir()
    (STATE / "folder" / "link").symlink_to("/etc/passwd")
    Path(INBOX, "storm.1").write_bytes(b"letter")
    Path("/tmp/left").touch()  # noqa: S108 - the stage's


def tightened() -> None:
    """A directory's mode and owner."""
    STATE.chmod(0o750)
    os.chown(STATE, 7, 7)


def processes() -> None:
    """A daemon that heeds no SIGTERM, in a session of its own, with a child."""
    subprocess.Popen(DAEMON, start_new_session=True)


def rewritten() -> None:
    """A file of another content."""
    KEY.write_bytes(b"other")


def removed() -> None:
    """A file that is gone."""
    KEY.unlink()


def replaced() -> None:
    """A file of another inode, with all that is looked at as it was."""
    seen = KEY.stat()
    data = KEY.read_bytes()
    KEY.rename(KEY.with_name("old"))
    KEY.write_bytes(data)
    KEY.chmod(seen.st_mode & 0o7777)
    os.utime(KEY, ns=(seen.st_atime_ns, seen.st_mtime_ns))


def attribute() -> None:
    """An extended attribute of a file, and nothing else."""
    os.setxattr(KEY, "trusted.wallbite", b"1")


def folder_attribute() -> None:
    """An extended attribute of a directory."""
    os.setxattr(STATE, "trusted.wallbite", b"1")


def mounted() -> None:
    """A mount that hides what was laid down."""
    kernel.mount("tmpfs", "/mnt", "tmpfs", 0, "size=1m")


def elsewhere() -> None:
    """A file where nobody looks at names."""
    Path("/etc/ssl-left").touch()


def segment() -> None:
    """A SysV shared memory segment."""
    assert ctypes.CDLL(None).shmget(77, 4096, 0o1600) >= 0


def renamed_host() -> None:
    """Another name of the host."""
    socket.sethostname("other")
