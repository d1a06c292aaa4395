"""The namespace stage: a throw-away copy of the host's root, masked like a container.

Three processes deep: a worker forks a helper, the helper leaves its namespaces, and its child is process 1 of the
stage. Process 1 is the conductor: the kernel shields it from every signal that is sent inside the stage. When any of
the three is killed, the stage goes with it; nothing of it is held by a file, a mount or a process of the host.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

from wallbite.problems import EnvironmentProblem, Problem, UsageProblem
from wallbite.stages import kernel, keyring, layout, mounts, reach

_NAMESPACES: Final = (
    kernel.CLONE_NEWNS | kernel.CLONE_NEWPID | kernel.CLONE_NEWIPC | kernel.CLONE_NEWUTS | kernel.CLONE_NEWNET
)
# Over /sys in the mount namespace's first moments, so that nothing is created on the host.
_WORKPLACE: Final = "/sys"
_REMEDY: Final = (
    "needs CAP_SYS_ADMIN and CAP_NET_ADMIN and no seccomp filter (in Docker: --cap-add SYS_ADMIN --cap-add NET_ADMIN "
    "--security-opt seccomp=unconfined --security-opt apparmor=unconfined)"
)


@dataclass(frozen=True, slots=True)
class Facts:
    """What the host gave the stage.

    Attributes:
        handles: whether files of the stage have handles (root's control for ``open_by_handle_at``).
        keyring: whether it has a session keyring of its own.
        init: whether process 1 is a real init, and not the conductor.
    """

    handles: bool
    keyring: bool
    init: bool = False


def isolate() -> None:
    """Leave the host's namespaces; the next child is process 1.

    Raises:
        EnvironmentProblem: the kernel refuses.
    """
    try:
        kernel.unshare(_NAMESPACES)
    except OSError as error:
        raise EnvironmentProblem(f"cannot make namespaces: {error.strerror}", remedy=_REMEDY) from None


def furnish(trees: reach.Reach, lower: str = "/", *, whole_proc: bool = False) -> Facts:
    """In process 1: lay the stage out and enter it.

    Args:
        trees: what of the host is to be reachable besides its system.
        lower: the host's root, or the skeleton of it that :func:`wallbite.stages.skeleton.make` made.
        whole_proc: leave /proc unmasked, where only plain users run what is tested.

    Raises:
        EnvironmentProblem: the kernel refuses a mount.
    """
    previous = os.umask(0)
    try:
        kernel.loopback_up()
        socket.sethostname("stage")
        handles = _enter(trees, lower, whole_proc)
    except OSError as error:
        raise EnvironmentProblem(f"cannot make a stage: {error}", remedy=_REMEDY) from None
    finally:
        os.umask(previous)
    return Facts(handles, _fresh_keyring())


def settled() -> Facts:
    """Where this process was started in a stage that a real init was booted in."""
    return Facts(layout.has_handles("/"), _fresh_keyring(), init=True)


def _enter(trees: reach.Reach, lower: str, whole_proc: bool) -> bool:
    kernel.mount(None, "/", None, kernel.MS_REC | kernel.MS_PRIVATE)
    points = mounts.mount_points()
    mounts.tmpfs(_WORKPLACE, "mode=0755,size=512m,nr_inodes=400k")
    root, handles = layout.overlay(_WORKPLACE, points, lower)
    layout.furniture(root, points, whole_proc=whole_proc)
    reach.lay(root, trees, points)
    os.chdir(root)
    kernel.pivot_root(".", ".")
    kernel.umount2(".", kernel.MNT_DETACH)
    os.chdir("/")
    return handles


def _fresh_keyring() -> bool:
    """Leave the session keyring of whoever started the harness."""
    try:
        keyring.join_session()
    except OSError:
        return False
    return True


def fork_process_1(body: Callable[[], None]) -> int:
    """In the helper, after :func:`isolate`: fork process 1, which runs `body` and exits with 0.

    It is killed when this process ends. It has no terminal, and nothing on its standard streams. `body` catches what
    it raises; an exception that escapes is exit status 70.

    Returns:
        its pid.
    """
    alive, held = os.pipe()
    pid = os.fork()
    if pid == 0:
        with contextlib.suppress(BaseException):
            os.close(held)
            _shield(alive)
            body()
            os._exit(0)
        os._exit(70)
    os.close(alive)  # `held` stays open as long as this process lives
    return pid


def _shield(alive: int) -> None:
    """Die with the helper, also if it died already; be deaf to signals, and not to be looked into."""
    kernel.die_with_parent()
    if select.select([alive], [], [], 0)[0]:
        os._exit(71)
    os.close(alive)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # process 1 is shielded only where there is no handler
    kernel.set_dumpable(False)
    null = os.open("/dev/null", os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    os.close(null)


def reap_orphans(known: set[int]) -> dict[int, int]:
    """Reap the dead children of this process that are not `known` to be waited for by someone else.

    Returns:
        the exit code of each, by pid; negative for the number of a signal.
    """
    reaped = {}
    for pid in _zombies():
        if pid not in known:
            with contextlib.suppress(ChildProcessError):
                found, status = os.waitpid(pid, os.WNOHANG)
                if found:
                    reaped[pid] = os.waitstatus_to_exitcode(status)
    return reaped


def _zombies() -> list[int]:
    mine, found = str(os.getpid()), []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit():
                state, parent = (entry / "stat").read_bytes().rsplit(b")", 1)[1].split()[:2]
                if state == b"Z" and parent.decode() == mine:
                    found.append(int(entry.name))
    return found


def probe_environment(lower: str = "/") -> None:
    """Make one empty stage over `lower` and throw it away (about 10 ms).

    Raises:
        UsageProblem: not root.
        EnvironmentProblem: this machine cannot make stages; says what is missing.
    """
    if os.geteuid() != 0:
        raise UsageProblem("needs root", remedy="run it with sudo")
    receive, send = os.pipe()
    pid = os.fork()
    if pid == 0:
        _probe(send, lower)
    os.close(send)
    with os.fdopen(receive, errors="replace") as stream:
        refusal = stream.read()
    os.waitpid(pid, 0)
    if refusal != "fine":
        raise EnvironmentProblem(refusal or "a stage died while it was made", remedy="" if refusal else _REMEDY)


def _probe(send: int, lower: str) -> NoReturn:
    """In a forked child: say ``fine`` or the refusal on `send`."""

    def body() -> None:
        os.write(send, _attempt(lambda: furnish(reach.Reach(), lower)))

    with contextlib.suppress(BaseException):
        refusal = _attempt(isolate)
        if refusal == b"fine":
            os.waitpid(fork_process_1(body), 0)
        else:
            os.write(send, refusal)
    os._exit(0)


def _attempt(step: Callable[[], object]) -> bytes:
    try:
        step()
    except Problem as problem:
        return str(problem).encode()
    except OSError as error:
        return f"cannot make a stage: {errno.errorcode.get(error.errno or 0)}: {error}".encode()
    return b"fine"
