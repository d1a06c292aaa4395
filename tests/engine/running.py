"""Runs of Wallbite as processes of their own, measured, and the host as it is before and after them."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

PATIENCE: Final = 60.0  # seconds that a run may take at all
PR_SET_CHILD_SUBREAPER: Final = 36


@dataclass(frozen=True)
class Done:
    """A run that is over.

    Attributes:
        code: its exit code; negative for a signal.
        out, error: what it wrote.
        seconds: how long it took.
        largest: resident memory of the largest of its processes, the target's included, in bytes; 0 where something
            was done to it in the middle.
        left: command lines of descendants that outlived it.
        folder: where the report was to be.
    """

    code: int
    out: str
    error: str
    seconds: float
    largest: int
    left: tuple[str, ...]
    folder: Path

    @property
    def report(self) -> dict[str, Any]:
        """The record as JSON."""
        words = ["report", str(self.folder), "--format", "json"]
        found: dict[str, Any] = json.loads(subprocess.check_output(command(words), text=True))
        return found

    @property
    def verdicts(self) -> list[tuple[str, ...]]:
        """Every verdict without its ids, in order."""
        keys = ("requirement", "posture", "account", "surface", "verdict", "reason")
        return sorted(tuple(str(verdict[key]) for key in keys) for verdict in self.report["verdicts"])


def command(words: Sequence[str]) -> list[str]:
    """The command line of Wallbite."""
    return [sys.executable, "-m", "wallbite", *words]


def adopt_orphans(yes: bool) -> None:
    """Whatever a run leaves behind becomes a child of this process, and so is noticed."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, int(yes), 0, 0, 0)
    with contextlib.suppress(ChildProcessError):
        while not yes and os.waitpid(-1, os.WNOHANG)[0]:
            pass


# A process starts with the peak memory of whoever executed it, and this one's is whatever earlier tests needed. Between
# them stands a small one, which says how large its own children became.
MEASURED: Final = """
import os, resource, sys
pid = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ)
code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
with open(sys.argv[1], "w") as file:
    file.write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
sys.exit(code if code >= 0 else 128 - code)
"""


def measured(folder: Path) -> list[str]:
    """What goes before a command line, so that its memory is written to a file of the folder."""
    return [sys.executable, "-IS", "-c", MEASURED, str(folder / "memory")]


def begin(words: Sequence[str], folder: Path, **options: Any) -> subprocess.Popen[bytes]:
    """Start a run whose streams go to files beside its report."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "stdout").open("wb") as out, (folder / "stderr").open("wb") as error:
        return subprocess.Popen(
            [*options.pop("before", ()), *command(words)],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=error,
            **{"cwd": folder, **options},
        )


def run(
    *words: str, folder: Path, during: Callable[[subprocess.Popen[bytes]], None] | None = None, **options: Any
) -> Done:
    """One run to its end; ``during`` is called when it has begun."""
    before = descendants()
    began = time.monotonic()
    before_it = [] if during else measured(folder)
    process = begin(["run", *words, "--out", str(folder / "out")], folder, before=before_it, **options)
    try:
        if during:
            during(process)
        code = reap(process)
    finally:
        process.kill()
    seconds = time.monotonic() - began
    left = tuple(_described(pid) for pid, _ in sorted(descendants() - before))
    out, error = ((folder / name).read_text(errors="backslashreplace") for name in ("stdout", "stderr"))
    largest = int((folder / "memory").read_text()) << 10 if before_it else 0
    return Done(code, out, error, seconds, largest, left, folder / "out")


def reap(process: subprocess.Popen[bytes]) -> int:
    """The exit code, once it has ended."""
    handle = os.pidfd_open(process.pid)
    try:
        assert _ends(handle, PATIENCE), "it did not end"
    finally:
        os.close(handle)
    return process.wait()


def _ends(handle: int, within: float) -> bool:
    return bool(select.select([handle], [], [], within)[0])


def descendants(root: int | None = None) -> set[tuple[int, str]]:
    """Every process below one (this one): pid, and when it began; a command line changes, these do not."""
    processes = {pid: stat for pid in _pids() if (stat := _stat(pid))}
    found, top = set[int](), root or os.getpid()
    while grown := {pid for pid, stat in processes.items() if int(stat[1]) in {top} | found} - found:
        found |= grown
    return {(pid, processes[pid][19]) for pid in found}


def _pids() -> list[int]:
    return [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]


def _stat(pid: int) -> list[str]:
    """What follows the name in /proc/PID/stat: state, parent, ...; nothing where it is gone."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return []


def _described(pid: int) -> str:
    """A process as a person would look for it, also when it has no command line any more."""
    with contextlib.suppress(OSError):
        return f"{pid} {line_of(pid)} {Path(f'/proc/{pid}/stat').read_text()[:120]}"
    return f"{pid}, gone a moment later"


def line_of(pid: int) -> str:
    """A process's command line, its beginning; nothing where it is gone."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").replace("\0", " ")[:200]
    return ""


def mounts() -> str:
    """The mounts of this namespace."""
    return Path("/proc/self/mounts").read_text()


def proportional(pids: Sequence[int]) -> int:
    """Resident memory of some processes together, shared pages divided among their holders, in bytes."""
    return sum(_proportional(pid) for pid in pids)


def _proportional(pid: int) -> int:
    with contextlib.suppress(OSError, ValueError):
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        return sum(int(line.split()[1]) << 10 for line in lines if line.startswith("Pss:"))
    return 0


def of_the_harness(root: int) -> list[int]:
    """The processes below one that are the harness's own: they run its interpreter with its modules."""
    found = {root} | {pid for pid, _ in descendants(root)}
    return [pid for pid in found if "wallbite" in line_of(pid)]


def environment(**more: str) -> Mapping[str, str]:
    """The present environment with something added."""
    return {**os.environ, **more}
