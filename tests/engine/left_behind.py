"""What a command left behind on the host: files outside the folder that it was called in, processes, mounts.

    python -m tests.engine.left_behind COMMAND [WORD]...

Ends as the command did; with 1 where it left something: a process or a file of an account's, a mount, anything that
bears the name Wallbite, or anything in the folder for temporary files that it is given. What else is new may be
somebody else's: it is told, and no more.
"""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.engine import running

# What the kernel, an engine and the system's own services keep for themselves.
ELSEWHERE: Final = (
    "/proc",
    "/sys",
    "/dev/pts",
    "/var/lib/docker",
    "/var/lib/containerd",
    "/var/lib/containers",
    "/run/docker",
)


@dataclass(frozen=True)
class Host:
    """What there is."""

    paths: frozenset[str]
    processes: frozenset[str]
    mounts: frozenset[str]

    @classmethod
    def now(cls, top: str = "/") -> Host:
        """Look everywhere below a directory but in the present folder."""
        spared = {*ELSEWHERE, os.getcwd()}
        return cls(frozenset(_paths(top, spared)), frozenset(_strangers()), frozenset(running.mounts().splitlines()))

    def beyond(self, before: Host) -> list[str]:
        """What was not there before."""
        found = [("file", self.paths - before.paths), ("process", self.processes - before.processes)]
        return [
            f"{kind} {one}" for kind, new in [*found, ("mount", self.mounts - before.mounts)] for one in sorted(new)
        ]


def is_ours(one: str, temporary: str) -> bool:
    """Whether nobody but the command can have left it."""
    kind, _, path = one.partition(" ")
    if kind == "process":
        return True
    if kind == "mount":
        place = path.split()[1]  # a line of /proc/self/mounts: source, place, type
        return not any(place == other or place.startswith(f"{other}/") for other in ELSEWHERE)
    try:
        pwd.getpwuid(os.lstat(path).st_uid)
    except KeyError:
        return True
    except OSError:
        return False  # it went away meanwhile
    return "wallbite" in path.lower() or path.startswith(temporary)


def _paths(top: str, spared: set[str]) -> Iterator[str]:
    pending = [top]
    while pending:
        try:
            with os.scandir(pending.pop()) as entries:
                for entry in entries:
                    if entry.path in spared:
                        continue
                    yield entry.path
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
        except OSError:
            continue  # it went away meanwhile


def _strangers() -> Iterator[str]:
    """Processes whose user the host does not know: an account of a stage."""
    known = {one.pw_uid for one in pwd.getpwall()}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if (uid := entry.stat().st_uid) not in known:
                    yield f"{entry.name} of uid {uid}: {running.line_of(int(entry.name))}"
            except OSError:
                continue


def main() -> int:
    """Look, run, look again."""
    with tempfile.TemporaryDirectory(prefix="left-behind-") as temporary:
        before = Host.now()
        code = subprocess.run(sys.argv[1:], check=False, env={**os.environ, "TMPDIR": temporary}).returncode
        new = Host.now().beyond(before)
        left = [one for one in new if is_ours(one, temporary)]
    if left:
        print(f"left behind: {len(left)}", *left[:50], sep="\n  ", file=sys.stderr)
    else:
        print(f"nothing was left behind: {len(before.paths):,} paths were there before")
    if others := [one for one in new if one not in left]:
        print(f"new besides, and perhaps of others: {len(others)}", *others[:20], sep="\n  ")
    return code or int(bool(left))


if __name__ == "__main__":
    sys.exit(main())
