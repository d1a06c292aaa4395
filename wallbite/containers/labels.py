"""Labels: what Wallbite started can be told from everything else, and a run that lives from one that was killed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

KIND: Final = "org.wallbite.kind"  # container, equipment, distribution
RUN: Final = "org.wallbite.run"  # boot, pid and start of the harness's process


def of(kind: str, **more: str) -> dict[str, str]:
    """The labels of something that this process starts."""
    return {KIND: kind, RUN: this_run(), **{f"org.wallbite.{name}": value for name, value in more.items()}}


def this_run() -> str:
    """A name for this process that no other has, also after a reboot."""
    return f"{boot()}.{os.getpid()}.{_started(os.getpid())}"


def alive(run: str) -> bool:
    """Whether the process that a label names still lives; of another machine's nothing can be said: it does."""
    boot, _, rest = run.partition(".")
    pid, _, started = rest.partition(".")
    if not pid.isdigit():
        return True
    return boot == boot() and _started(int(pid)) == started


def boot() -> str:
    """This boot of this machine."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def _started(pid: int) -> str:
    """The clock tick at which a process started; empty where there is none, or only its corpse."""
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_bytes().rsplit(b")", 1)[1].split()
    except OSError:
        return ""
    return "" if state in {b"Z", b"X"} else fields[18].decode()
