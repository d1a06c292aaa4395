"""Labels: what Wallbite started can be told from everything else, and a run that lives from one that was killed."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Final

KIND: Final = "org.wallbite.kind"  # container, equipment, distribution
RUN: Final = "org.wallbite.run"  # machine, boot, pid namespace, pid and start of the harness's process


def of(kind: str, **more: str) -> dict[str, str]:
    """The labels of something that this process starts."""
    return {KIND: kind, RUN: this_run(), **{f"org.wallbite.{name}": value for name, value in more.items()}}


def this_run() -> str:
    """A name for this process that no other has, also after a reboot."""
    return f"{_machine()}.{boot()}.{_namespace()}.{os.getpid()}.{_started(os.getpid())}"


def alive(run: str) -> bool:
    """Whether the process that a label names may still live.

    Engines are shared: of a process of another machine, or of another container here, nothing can be seen.
    """
    match run.split("."):
        case [machine, booted, namespace, pid, started] if machine == _machine() and pid.isdigit():
            here = booted == boot()
            return here and (namespace != _namespace() or _started(int(pid)) == started)
    return True


def boot() -> str:
    """This boot of this machine."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def _machine() -> str:
    """This machine, or the container that this process is in."""
    try:
        number = Path("/etc/machine-id").read_bytes()
    except OSError:
        number = b""
    return hashlib.sha256(number + os.uname().nodename.encode()).hexdigest()[:12]


def _namespace() -> str:
    """The pid namespace in which the number of a process means something."""
    return str(os.stat("/proc/self/ns/pid").st_ino)


def _started(pid: int) -> str:
    """The clock tick at which a process started; empty where there is none, or only its corpse."""
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_bytes().rsplit(b")", 1)[1].split()
    except OSError:
        return ""
    return "" if state in {b"Z", b"X"} else fields[18].decode()
