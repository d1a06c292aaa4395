"""The launcher: a gateway's process with exactly the privilege of a posture.

A child is forked from root, arranges everything that a service manager would, gives up privilege in the only order
that the kernel accepts, and executes the program. What fails is named.
"""

from __future__ import annotations

import fcntl
import os
import resource
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, NoReturn

from wallbite.postures import Posture
from wallbite.stages import credentials, kernel, keyring, ptrace, seccomp
from wallbite.stages.credentials import Credentials, read_credentials, set_file_capabilities

__all__ = ["Launch", "LaunchError", "launch", "launch_traced", "read_credentials", "set_file_capabilities"]

INHERITED: Final = 200  # the number of the first inherited descriptor
HIGH: Final = 5000  # past the end of a loop that closes "all" descriptors and counts to 1024 or 4096
_PARKED: Final = 500  # descriptors are moved past this number before they go to their places
_LAST: Final = 1 << 20


class LaunchError(OSError):
    """The process could not be made; ``errno``, and ``filename`` names the step."""


@dataclass(frozen=True, slots=True)
class Launch:
    """What to start.

    Attributes:
        posture: the privilege. File capabilities must lie on the executable already.
        uid, gid: whom it runs as; uid 0 if and only if the posture is a root's.
        argv: the program, by absolute path, and its arguments.
        groups: supplementary groups.
        env: its whole environment.
        entries: instead of `env`: the environment as it is handed to the kernel, whatever bytes these are.
        cwd: its working directory; entered as root.
        umask: its file mode creation mask.
        stdin, stdout, stderr: descriptors, or None for ``/dev/null``.
        inherit: descriptors that it gets besides, as 200, 201 and so on.
        high: a descriptor that it gets besides, as 5000, or as the last that its hard limit allows.
        keyring: description and payload of a user key in a session keyring of its own; None: the stage's keyring.
        deny: a filter of :mod:`wallbite.stages.seccomp`.
        ignored: signals that it is started with as ignored; all others have their default disposition.
        stop_after_exec: leave it traced and stopped at its exec.
    """

    posture: Posture
    uid: int
    gid: int
    argv: tuple[str, ...]
    groups: tuple[int, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    entries: tuple[bytes, ...] | None = None
    cwd: str = "/"
    umask: int = 0o022
    stdin: int | None = None
    stdout: int | None = None
    stderr: int | None = None
    inherit: tuple[int, ...] = ()
    high: int | None = None
    keyring: tuple[str, bytes] | None = None
    deny: bytes | None = None
    ignored: tuple[int, ...] = ()
    stop_after_exec: bool = False

    def __post_init__(self) -> None:
        """Refuse what contradicts itself."""
        if self.posture.root != (self.uid == 0):
            raise ValueError(f"uid {self.uid} in posture {self.posture.name}")
        if not self.argv or not Path(self.argv[0]).is_absolute():
            raise ValueError(f"argv {self.argv!r}: expected an absolute path first")


def launch(spec: Launch) -> int:
    """Start it, in a session of its own; returns its pid once the program is executed.

    Raises:
        LaunchError: a step failed. Nothing is left then.
    """
    receive, send = os.pipe()
    pid = os.fork()
    if pid == 0:
        _become(spec, send)
    os.close(send)
    with os.fdopen(receive, "rb") as stream:
        complaint = stream.read(4096)
    if complaint:
        os.waitpid(pid, 0)
        code, _, step = complaint.decode(errors="replace").partition(" ")
        raise LaunchError(int(code), os.strerror(int(code)), step)
    if spec.stop_after_exec:
        _await_exec(pid)
    return pid


def launch_traced(spec: Launch) -> tuple[int, Credentials]:
    """Start it, and read its credentials right after the exec, before its first instruction.

    Must be called from the thread that outlives the call: a tracer is a thread.
    """
    pid = launch(replace(spec, stop_after_exec=True))
    try:
        found = read_credentials(pid)
    finally:
        ptrace.detach(pid)
    return pid, found


def _await_exec(pid: int) -> None:
    status = os.waitpid(pid, 0)[1]
    if not os.WIFSTOPPED(status):
        raise LaunchError(0, f"ended at its exec: {os.waitstatus_to_exitcode(status)}", "exec")


def _become(spec: Launch, send: int) -> NoReturn:
    """In the child: every step, in order; on failure its name goes to the parent."""
    report = [send]
    steps: tuple[tuple[str, Callable[[], object]], ...] = (
        ("setsid", os.setsid),
        # While root still: the kernel honours file capabilities at exec by the rights that the tracee had here.
        ("trace", lambda: ptrace.traceme() if spec.stop_after_exec else None),
        ("signals", lambda: _set_signals(spec.ignored)),
        ("keyring", lambda: _join_keyring(spec)),
        ("descriptors", lambda: _place_descriptors(spec, report)),
        ("umask", lambda: os.umask(spec.umask)),
        ("chdir", lambda: os.chdir(spec.cwd)),
        ("setgroups", lambda: os.setgroups(list(spec.groups))),
        ("setresgid", lambda: os.setresgid(spec.gid, spec.gid, spec.gid)),
        ("bounding set", lambda: credentials.trim_bounding(spec.posture.bounding)),
        # The kernel judges a tracer by the credentials that the traced one has here: later, file capabilities would
        # not be gained.
        ("setresuid", lambda: _change_uid(spec.uid)),
        ("seccomp", lambda: _deny(spec)),
        ("capabilities", lambda: _confer(spec.posture)),
        ("exec", lambda: _execute(spec)),
    )
    name = "start"
    try:
        for name, step in steps:  # noqa: B007
            step()
    except OSError as error:
        os.write(report[0], f"{error.errno} {name}".encode())
    except BaseException as error:  # noqa: BLE001 - nothing of the child may go on as the parent
        os.write(report[0], f"0 {name}: {type(error).__name__}: {error}".encode()[:4096])
    finally:
        os._exit(127)


def _execute(spec: Launch) -> None:
    if spec.entries is None:
        os.execve(spec.argv[0], list(spec.argv), dict(spec.env))  # noqa: S606 - the purpose
    kernel.execve(spec.argv[0], [os.fsencode(part) for part in spec.argv], spec.entries or ())


def _set_signals(ignored: tuple[int, ...]) -> None:
    """Undo what Python ignores for itself, what whoever started the harness ignored, and what the conductor blocks."""
    signal.set_wakeup_fd(-1)
    for number in set(range(1, kernel.SIGNALS + 1)) - {signal.SIGKILL, signal.SIGSTOP}:
        kernel.set_disposition(number, ignored=number in ignored)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])


def _join_keyring(spec: Launch) -> None:
    if spec.keyring:
        keyring.join_session()
        keyring.add_user_key(*spec.keyring)


def _place_descriptors(spec: Launch, report: list[int]) -> None:
    """0, 1, 2, 200 on, and the high one; everything else is closed."""
    high = _LAST if spec.high is None else _place_high(spec.high)
    null = os.open("/dev/null", os.O_RDWR)
    streams = (null if fd is None else fd for fd in (spec.stdin, spec.stdout, spec.stderr))
    parked = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _PARKED) for fd in (report[0], *streams, *spec.inherit)]
    report[0] = parked[0]
    places = (0, 1, 2, *range(INHERITED, INHERITED + len(spec.inherit)))
    for source, place in zip(parked[1:], places, strict=True):
        os.dup2(source, place, inheritable=True)
    os.closerange(3, INHERITED)
    os.closerange(INHERITED + len(spec.inherit), report[0])
    os.closerange(report[0] + 1, high)
    os.closerange(high + 1, _LAST)


def _place_high(descriptor: int) -> int:
    """Put it where the soft limit would not let it: a process keeps what is open when its limit is lowered."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    place = HIGH if hard == resource.RLIM_INFINITY else min(HIGH, hard - 1)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    os.dup2(descriptor, place, inheritable=True)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return place


def _change_uid(uid: int) -> None:
    credentials.clear_ambient()
    if uid:
        credentials.keep_capabilities()
    os.setresuid(uid, uid, uid)


def _deny(spec: Launch) -> None:
    """Without no_new_privs, which would take file capabilities away, a filter needs CAP_SYS_ADMIN."""
    if spec.deny is None:
        return
    permitted = credentials.get_capabilities()[0]
    credentials.set_capabilities(permitted, permitted, 0)
    seccomp.install(spec.deny)


def _confer(posture: Posture) -> None:
    """The sets before the exec: none where the executable brings them."""
    if posture.file_capabilities:
        credentials.set_capabilities(0, 0, 0)
        return
    credentials.set_capabilities(posture.permitted, posture.effective, posture.inheritable)
    credentials.raise_ambient(posture.ambient)
