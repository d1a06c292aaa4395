"""A daemon of the library's: started, found in its log, and stopped."""

from __future__ import annotations

import os
import re
import select
import signal
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from wallbite.cases.channels.calling import Caller, library
from wallbite.cases.channels.products import below, read
from wallbite.cases.scene import Scene

_APPEAR: Final = 10.0  # seconds for an event to be logged
_END: Final = 15.0  # seconds for a daemon to end when it is told to


@dataclass(frozen=True)
class Daemon:
    """A daemon that was started.

    Attributes:
        pid: as the library answered it; 0 where no process of the user's is called so.
        handle: of that process; -1 where there is none.
        problem: why there is none.
        caller: who started it.
    """

    pid: int
    handle: int
    problem: str
    caller: Caller

    @property
    def lives(self) -> bool:
        """Whether it has not ended."""
        return self.handle >= 0 and not select.select([self.handle], [], [], 0)[0]

    def stop(self) -> str:
        """End it; why it did not end by itself, or nothing."""
        if self.handle < 0:
            return self.problem
        late = ""
        try:
            if self.lives:
                signal.pidfd_send_signal(self.handle, signal.SIGTERM)
                if not select.select([self.handle], [], [], _END)[0]:
                    signal.pidfd_send_signal(self.handle, signal.SIGKILL)
                    late = f"the daemon did not end within {_END:.0f} s of SIGTERM"
        finally:
            os.close(self.handle)
        return late


def start(scene: Scene, home: str, user: str = "gateway") -> Daemon:
    """Have the library start its daemon in a home."""
    caller = Caller(scene, [{"call": "daemon", "arguments": {"home": home}}], user, home=home).start()
    called = caller.finish()
    pid = called.outcomes[0].answer.get("pid") if called.outcomes else None
    if not isinstance(pid, int) or pid <= 1:
        return Daemon(0, -1, f"no daemon was started: {called.trouble or 'it answered no pid'}", caller)
    try:
        handle = os.pidfd_open(pid)
    except OSError as error:
        return Daemon(0, -1, f"the daemon {pid} is not there: {error.strerror}", caller)
    if os.stat(f"/proc/{pid}").st_uid != scene.identities.uid(user):
        os.close(handle)
        return Daemon(0, -1, f"process {pid} is not the daemon's user's", caller)
    return Daemon(pid, handle, "", caller)


def event(scene: Scene, one: Daemon) -> str:
    """What the log says of its start, as a pattern."""
    return library(scene).daemon_event.replace("{pid}", str(one.pid))


def logged(tops: Iterable[str], pattern: str) -> list[str]:
    """The files in which an event stands."""
    files = (path for top in tops for path, _ in below(top) if not path.startswith("/run/wallbite"))
    return sorted({path for path in files if re.search(pattern, read(path).decode("utf-8", "replace"))})


def awaited(scene: Scene, one: Daemon, home: str) -> list[str]:
    """The files below the home that tell of its start: looked for until there is one, or its time is over."""
    deadline = time.monotonic() + _APPEAR
    while not (found := logged([home], event(scene, one))) and one.lives and time.monotonic() < deadline:
        time.sleep(0.05)  # nothing announces that a log was written
    return found
