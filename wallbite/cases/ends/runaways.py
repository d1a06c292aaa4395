"""Plugins that do not want to end: sent by order, and held by a leash that tells when the last of them is gone."""

from __future__ import annotations

import json
import os
import secrets
import select
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from wallbite.cases.scene import CaseProblem, Scene
from wallbite.installation.installation import PLANS, PRIVATE
from wallbite.installation.jobs import JobState
from wallbite.installation.talk import ask, job_state, pick

WAYS: Final = ("child", "group", "session", "orphan", "daemon")  # how what is left behind got away
APPEARS: Final = 10.0  # seconds until a spawned plugin shows itself
GRACE: Final = 5.0  # seconds past a time-out in which what it ends must be gone
TOO_LONG: Final = (413, 414, 431)  # RFC 9110 and 6585
UNASKED: Final = JobState(finished=False, status="", attempts=None, error="")


class TooLong(CaseProblem):
    """A request that is refused for its length."""


@dataclass
class Leash:
    """A FIFO that processes hold open for writing as long as they live; each announces itself with a line.

    Attributes:
        holders: the pid of each, by what it calls itself.
    """

    path: str
    holders: dict[str, int] = field(default_factory=dict)
    _handle: int = -1
    _part: bytes = b""

    @classmethod
    def make(cls) -> Leash:
        """A new one, that anybody may hold and only root may look at."""
        path = f"{PRIVATE}/leash-{secrets.token_hex(6)}"
        os.mkfifo(path)
        Path(path).chmod(0o622)
        return cls(path, _handle=os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC))

    def appeared(self, count: int, within: float = APPEARS) -> bool:
        """Wait until so many have announced themselves."""
        deadline = time.monotonic() + within
        while len(self.holders) < count and (left := deadline - time.monotonic()) > 0:
            if not self._listen(left):
                time.sleep(min(left, 0.002))  # it was held, and is not: the kernel says so again and again
        return len(self.holders) >= count

    def loose(self, within: float) -> bool:
        """Wait until everybody who held it is gone; False where nobody ever did."""
        deadline = time.monotonic() + within
        while self._listen(left := max(0.0, deadline - time.monotonic())):
            if left <= 0:
                return False
        return bool(self.holders)

    def alive(self) -> list[str]:
        """Who of the holders is a living process still, and is not about to be none."""
        return [way for way, pid in self.holders.items() if _lives(pid)]

    def _listen(self, timeout: float) -> bool:
        """Take in what is said; False where somebody held it and nobody does, and nothing is left to read."""
        poll = select.poll()
        poll.register(self._handle, select.POLLIN)
        events = dict(poll.poll(timeout * 1000)).get(self._handle, 0)
        if events & select.POLLIN:
            *lines, self._part = (self._part + os.read(self._handle, 1 << 16)).split(b"\n")
            for line in lines:
                way, _, pid = line.decode("ascii", "replace").partition(" ")
                self.holders[way] = int(pid) if pid.isdigit() else 0
            return True
        return not events & select.POLLHUP


def _lives(pid: int) -> bool:
    """Whether a process is there, has not ended, and has no SIGKILL to take yet."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(errors="replace").splitlines()
    except OSError:
        return False
    fields = dict(line.split(":", 1) for line in lines if ":" in line)
    pending = int(fields["SigPnd"], 16) | int(fields["ShdPnd"], 16)
    return fields["State"].split()[0] not in ("Z", "X") and not pending & (1 << (signal.SIGKILL - 1))


@dataclass
class Runaway:
    """A job whose plugin was sent away with an order.

    Attributes:
        main: held by the plugin itself; ``leash``: by each process that it leaves behind.
        ways: how those get away.
        asked: when the job was asked for, on the clock of `time.monotonic`; ``order``: the file that its plugin reads.
    """

    job: str
    ways: Sequence[str]
    asked: float
    main: Leash
    leash: Leash
    order: Path

    def cancel(self) -> None:
        """Take its order away: where its job is run again, the plugin fails."""
        self.order.unlink(missing_ok=True)

    def appeared(self) -> bool:
        """Wait until the plugin and all that it leaves behind have shown themselves."""
        return self.main.appeared(1) and self.leash.appeared(len(self.ways))


def send(
    scene: Scene, plugin: str, *, ways: Sequence[str] = (), then: str = "answer", unread: int = 0, **more: Any
) -> Runaway:
    """Ask for one job.

    Args:
        scene: where.
        plugin: whose program is the carrier ``runaway``.
        ways: how it leaves processes behind.
        then: what it does after that: ``answer``, ``hang``, ``wait`` (at the FIFO ``hold``) or ``flood``.
        unread: bytes by which the request is longer, which the plugin does not read.
        more: further members of the order.

    Raises:
        TooLong: the gateway does not take so long a request.
        CaseProblem: it would not take this one for another reason.
    """
    terms = scene.target.spawn
    if terms is None or terms.request is None or terms.job is None:
        raise CaseProblem("the descriptor does not say how a job is asked for, and asked about")
    main, leash = Leash.make(), Leash.make()
    order = {"schema": "wallbite-runaway/1", "main": main.path, "leash": leash.path, "ways": list(ways), "then": then}
    path = Path(PLANS) / f"runaway-{secrets.token_hex(6)}.json"
    path.write_text(json.dumps({"keep": False, **order, **more}))
    path.chmod(0o644)
    values = {"plugin": plugin, "command": terms.command, "plan": str(path) + "/." * (unread // 2)}
    asked = time.monotonic()
    try:
        reply = ask(scene.installation, terms.request, values)
    except OSError as error:
        raise CaseProblem(f"the gateway did not take the request: {error}") from error
    job = str(pick(reply.body, terms.request.job) or "")
    if not job and reply.status in TOO_LONG:
        raise TooLong(f"the gateway answered {reply.status}")
    if not job:
        raise CaseProblem(f"the gateway answered {reply.status} to the request: {str(reply.body)[:200]}")
    return Runaway(job, ways, asked, main, leash, path)


def state_of_job(scene: Scene, sent: Runaway, within: float) -> JobState:
    """What the gateway says of a job once it is finished, or when the time is over."""
    try:
        return job_state(scene.installation, sent.job, within)
    except OSError:
        return UNASKED
