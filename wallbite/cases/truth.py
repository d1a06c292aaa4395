"""Whether a probe spoke the truth: what root can hold its answer against.

A probe may run below a shim or a filter that answers for the kernel. So each plan begins with attempts on a neighbour:
a file of the harness's own that everybody may read, whose content is new in each stage. And of a process that is still
there after it answered, the kernel says who it is.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from wallbite.installation import processes
from wallbite.installation.installation import PLANS
from wallbite.observation import OK
from wallbite.probing.answers import Answer, Result
from wallbite.probing.plan import Attempt
from wallbite.stages.credentials import Credentials

NAME: Final = "neighbour"  # both the operation and the object of the observation
WRONG: Final = "EBADMSG"  # it said that it was allowed, and did not see what is there
SETS: Final = ("permitted", "effective", "inheritable", "ambient", "bounding")


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A file that every account may read, and what is seen of it. It lies beside the plans, which a probe reads too."""

    path: str
    size: int
    sha256: str

    @classmethod
    def lay(cls) -> Neighbour:
        """Make one, of a size and a content that nobody can guess."""
        content = secrets.token_bytes(256 + secrets.randbelow(2048))
        path = Path(PLANS, secrets.token_hex(8))
        path.write_bytes(content)
        path.chmod(0o644)
        return cls(str(path), len(content), hashlib.sha256(content).hexdigest())

    def attempts(self) -> list[Attempt]:
        """What each probe tries first; all of it must succeed."""
        return [Attempt(operation, NAME, path=self.path) for operation in ("stat", "read")]

    def judge(self, results: Sequence[Result]) -> tuple[str, str]:
        """The errno of the first that went wrong and how; or OK."""
        expected: tuple[Mapping[str, Any], ...] = ({"size": self.size}, {"size": self.size, "sha256": self.sha256})
        for attempt, result, wanted in zip(self.attempts(), results, expected, strict=True):
            if result.errno != OK:
                return (
                    result.errno or WRONG,
                    f"{attempt.operation} of a file that everybody may read gave {result.errno}",
                )
            if any(result.seen.get(name) != value for name, value in wanted.items()):
                return WRONG, f"{attempt.operation} of a file that everybody may read did not show what is in it"
        return OK, ""


def by_the_kernel(answer: Answer) -> tuple[str, list[str]]:
    """Where the kernel says otherwise of a process that answered and is still there; OK or an errno goes before."""
    pid = find(answer.who["pid"], answer.owner_uid)
    if not pid:
        return "ESRCH", [f"pid {answer.who['pid']} is no process of uid {answer.owner_uid}"]
    try:
        told = processes.read(pid)[0]
    except OSError:
        return "ESRCH", [f"pid {pid} ended although it was to wait"]
    differs = list(_differences(told, answer.who))
    return (WRONG if differs else OK), differs


def find(pid: int, uid: int | None) -> int:
    """The process that calls itself ``pid``, perhaps in a namespace of its own, and has this uid; else 0."""
    for name in (str(pid), *os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if name.isdigit() and _is(name, pid, uid):
                return int(name)
    return 0


def _is(name: str, pid: int, uid: int | None) -> bool:
    fields = dict(line.split(":", 1) for line in Path("/proc", name, "status").read_text().splitlines() if ":" in line)
    return int(fields["NSpid"].split()[-1]) == pid and uid in (None, int(fields["Uid"].split()[1]))


def _differences(told: Credentials, who: Mapping[str, Any]) -> list[str]:
    pairs = {
        "uids": (list(told.uids), list(who["uids"])),
        "gids": (list(told.gids), list(who["gids"])),
        "groups": (sorted(told.groups), sorted(who["groups"])),
        **{name: (f"{getattr(told, name):x}", f"{int(who['capabilities'][name], 16):x}") for name in SETS},
    }
    return [f"{name} are {real}, it said {said}" for name, (real, said) in pairs.items() if real != said]
