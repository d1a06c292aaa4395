"""The gateway's process in a stage: started in a posture, watched, spoken to, and ended."""

from __future__ import annotations

import http.client
import os
import select
import signal
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from wallbite.installation import processes
from wallbite.installation.environment import own_environment
from wallbite.installation.installation import OUTPUT, Installation
from wallbite.installation.starter import Launcher, Starter
from wallbite.postures import Posture
from wallbite.stages.credentials import Credentials
from wallbite.stages.launch import Launch
from wallbite.target import Ready

TAIL: Final = 600  # characters of output that an observation keeps
BOUND: Final = 4 << 20  # bytes of output or log that are ever read
LOOK: Final = 1.0  # seconds that it may take to say whether it is ready
UNKNOWN: Final = 255  # the exit status of what somebody else reaped
TICK: Final = 0.004  # seconds between two looks at a port: nothing announces a listening socket


@dataclass
class Gateway:
    """A running gateway.

    Attributes:
        user, posture: whom it is started as, with which privilege; the installation's where none is given.
        entries: its whole environment, as bytes, instead of the usual one.
        through: the init that starts it; None: the launcher does.
        credentials, facts: what the kernel said of it right after exec, before its first instruction.
        seconds: from start until it was ready or ended.
        exit_status: its exit code; negative for a signal; None while it runs.
        umask: what it is started with.
        processor, peak: seconds of processor time and the most memory (KiB) of it and its children, once it ended.
    """

    installation: Installation
    groups: tuple[int, ...] = ()
    descriptors: tuple[int, ...] = ()
    deny: Any = None
    ready: Ready | None = None
    ignored: tuple[int, ...] = ()
    user: str = "gateway"
    posture: Posture | None = None
    entries: tuple[bytes, ...] | None = None
    through: Starter | None = None
    pid: int = 0
    credentials: Credentials | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    exit_status: int | None = None
    umask: int = 0o022
    processor: float = 0.0
    peak: int = 0
    output: str = ""
    _pidfd: int = -1
    _log_began: int = 0  # how long its log was at its last start
    _outputs: list[str] = field(default_factory=list)

    def start(self, argv: Sequence[str] | None = None, by: Starter | None = None, cwd: str = "/") -> None:
        """Start it (again) in its posture. Its output goes to a file that nobody else can open.

        ``by``: starts it instead of whoever usually does.

        Raises:
            LaunchError: it was not started.
        """
        target, posture = self.installation.target, self.posture or self.installation.posture
        starter = by or self.through or Launcher()
        identities = self.installation.identities
        self.installation.starts += 1
        self.output = f"{OUTPUT}/gateway.{self.installation.starts}"
        self._outputs.append(self.output)
        self._log_began = size_of(self._log)
        sink = os.open(self.output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        null = os.open("/dev/null", os.O_RDONLY)
        spec = Launch(
            posture=posture,
            uid=identities.uid(self.user),
            gid=identities.gid(self.user),
            groups=self.groups,
            argv=tuple(argv or self.installation.expanded(list(target.gateway.serve))),
            env=own_environment(self.installation),
            entries=self.entries,
            cwd=cwd,
            umask=self.umask,
            stdin=null,
            stdout=sink,
            stderr=sink,
            inherit=self.descriptors,
            high=self.descriptors[0] if self.descriptors else None,
            deny=self.deny,
            ignored=self.ignored,
        )
        self._began = time.monotonic()
        self.exit_status = None
        self.pid = starter.start(spec)
        try:
            self._pidfd = os.pidfd_open(self.pid)
            self.credentials, self.facts = processes.read(self.pid)
        finally:
            starter.release(self.pid)
            os.close(sink)
            os.close(null)

    def wait(self, within: float) -> str:
        """Wait until it is ready or ends: ``ready``, ``exited`` or ``timeout``."""
        deadline = self._began + within
        poll = select.poll()
        poll.register(self._pidfd, select.POLLIN)
        while time.monotonic() < deadline:
            if poll.poll(TICK * 1000):
                self._reap()
                return self._timed("exited")
            if self._is_ready(max(TICK, min(LOOK, deadline - time.monotonic()))):
                return self._timed("ready")
        return self._timed("timeout")

    def wait_end(self, within: float) -> bool:
        """Wait until it ends by itself; False where it did not within the bound."""
        poll = select.poll()
        poll.register(self._pidfd, select.POLLIN)
        if not poll.poll(within * 1000):
            return False
        self._reap()
        return True

    def _timed(self, ended: str) -> str:
        self.seconds = time.monotonic() - self._began
        return ended

    def _is_ready(self, within: float) -> bool:
        ready = self.ready or self.installation.target.gateway.ready
        if ready.http:
            return self._answers(str(self.installation.expanded(ready.http)), within)
        if ready.socket:
            return _accepts(str(self.installation.expanded(ready.socket)))
        if ready.file:
            return Path(str(self.installation.expanded(ready.file))).exists()
        return self.says("ready") or bool(ready.log and _search(ready.log, self.printed() + self.recent()))

    @staticmethod
    def _answers(url: str, within: float) -> bool:
        parts = urlsplit(url)
        with socket.socket() as probe:
            probe.settimeout(within)
            if probe.connect_ex((parts.hostname, parts.port)):
                return False
        connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=within)
        try:
            connection.request("GET", parts.path or "/")
            return connection.getresponse().status < 500
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    # What it says.

    def text(self) -> str:
        """All that it printed and logged since its first start, bounded."""
        log = self.installation.target.gateway.log
        return "".join(
            read_bounded(path) for path in (*self._outputs, *([str(self.installation.expanded(log))] if log else []))
        )

    def printed(self) -> str:
        """What it printed since its last start."""
        return read_bounded(self.output)

    def tail(self) -> str:
        """The end of what it printed."""
        return self.printed()[-TAIL:].strip()

    def says(self, name: str, **words: str) -> bool:
        """Whether the descriptor's pattern of this name is found in what it printed."""
        return self.count(name, **words) > 0

    def count(self, name: str, **words: str) -> int:
        """How often the pattern is found in what it printed since its last start."""
        pattern = self.installation.target.gateway.pattern(name, **words)
        return len(pattern.findall(self.printed())) if pattern else 0

    def logged(self, name: str, **words: str) -> int:
        """How often the pattern is found in its log."""
        pattern = self.installation.target.gateway.pattern(name, **words)
        log = self.installation.target.gateway.log
        return len(pattern.findall(read_bounded(str(self.installation.expanded(log))))) if pattern and log else 0

    def told(self, name: str, **words: str) -> int:
        """How often it said something since its last start: printed or logged, and once where it did both."""
        pattern = self.installation.target.gateway.pattern(name, **words)
        if not pattern:
            return 0
        return max(len(pattern.findall(text)) for text in (self.printed(), self.recent()))

    def recent(self) -> str:
        """What it logged since its last start."""
        return read_bounded(self._log, self._log_began if size_of(self._log) >= self._log_began else 0)

    @property
    def _log(self) -> str:
        log = self.installation.target.gateway.log
        return str(self.installation.expanded(log)) if log else ""

    # Ends.

    def signal(self, name: str) -> None:
        """Send it a signal, named without SIG."""
        if self.alive:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, getattr(signal, f"SIG{name}"))

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        if self.exit_status is None and self._pidfd >= 0:
            poll = select.poll()
            poll.register(self._pidfd, select.POLLIN)
            if poll.poll(0):
                self._reap()
        return self.exit_status is None

    def kill(self) -> None:
        """End it with SIGKILL, and wait for its end."""
        if self.alive:
            with suppress(ProcessLookupError):  # it has another parent, who was quicker
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
            self._reap()

    def stop(self, within: float) -> bool:
        """Ask it to end as the descriptor says; False where it did not within the bound."""
        if not self.alive:
            return True
        self.signal(self.installation.target.gateway.stop.signal or "TERM")
        poll = select.poll()
        poll.register(self._pidfd, select.POLLIN)
        ended = bool(poll.poll(within * 1000))
        self.kill()
        return ended

    def _reap(self) -> None:
        """Take its status, once it has ended; another's child is only waited for."""
        poll = select.poll()
        poll.register(self._pidfd, select.POLLIN)
        poll.poll()
        try:
            _, status, used = os.wait4(self.pid, 0)
            self.exit_status = os.waitstatus_to_exitcode(status)
            self.processor, self.peak = used.ru_utime + used.ru_stime, used.ru_maxrss
        except ChildProcessError:
            self.exit_status = UNKNOWN  # another is its parent
        os.close(self._pidfd)
        self._pidfd = -1


def size_of(path: str) -> int:
    """How long a file is now; 0 where there is none."""
    try:
        return os.lstat(path).st_size
    except OSError:
        return 0


def read_bounded(path: str, begin: int = 0) -> str:
    """The text of a file that the target may have written: regular, not a link, bounded; empty where there is none."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return ""
    with os.fdopen(descriptor, "rb") as file:
        if begin:
            file.seek(begin)
        return file.read(BOUND).decode("utf-8", "backslashreplace")


def _accepts(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(path) == 0


def _search(pattern: str, text: str) -> bool:
    import re

    return re.search(pattern, text) is not None
