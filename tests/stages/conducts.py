"""Conducts for the tests of stages: what process 1 does, chosen by the case's ``do``."""

# An errno is wanted, of a call that is seen; and a stage is not the host.
# ruff: noqa: S108

from __future__ import annotations

import contextlib
import ctypes
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import conducting_launches as launching  # type: ignore[import-not-found]  # it lies beside this
from conducting import Emit, Request, errno_of, outcome, spec, wait  # type: ignore[import-not-found]  # it lies beside this

from wallbite.cases import watching
from wallbite.stages import dropped, kernel, namespace, reach


def conduct(request: Request, emit: Emit) -> None:
    """Call the function of this module that ``do`` names; what it returns is one observation."""
    function = globals().get(request["do"]) or getattr(launching, request["do"])
    seen = function(request, emit)
    if seen is not None:
        emit({"seen": seen})


def look(request: Request, _emit: Emit) -> Any:
    """Tell what the stage looks like."""
    return {
        "request": request,
        "pid": os.getpid(),
        "top": {entry: sorted(os.listdir(f"/{entry}")) for entry in os.listdir("/") if entry not in ("proc", "sys")},
        "modes": {path: oct(os.stat(path).st_mode & 0o7777) for path in ("/", "/root", "/tmp", "/var/tmp", "/run")},
        "usr_write": errno_of(lambda: open("/usr/wallbite", "w").close()),
        "etc_write": errno_of(lambda: open("/etc/wallbite", "w").close()),
        "sys_write": errno_of(lambda: open("/sys/kernel/notes", "r+").close()),
        "etc_rename": errno_of(lambda: os.rename("/etc", "/etc.old")),
        "processes": sorted(int(name) for name in os.listdir("/proc") if name.isdigit()),
        "handle": errno_of(lambda: kernel.handle_of("/etc/passwd")),
        "loopback": errno_of(lambda: socket.create_server(("127.0.0.1", 0)).close()),
        "hostname": socket.gethostname(),
        "null": errno_of(lambda: open("/dev/null", "w").close()),
        "terminal": errno_of(os.openpty),
    }


def root_target(request: Request, _emit: Emit) -> Any:
    """Have a hostile root with a container's capabilities try to get out of the stage."""
    program = """
import ctypes, errno, json, os, signal, socket
libc = ctypes.CDLL(None, use_errno=True)
def of(call):
    try:
        call()
    except OSError as error:
        return errno.errorcode[error.errno]
    return 'OK'
def c(name, *arguments):
    if getattr(libc, name)(*arguments) == -1:
        raise OSError(ctypes.get_errno(), name)
def apart(call):
    pid = os.fork()
    if pid == 0:
        try:
            call()
        except OSError as error:
            os._exit(error.errno)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if code:
        raise OSError(code, 'apart')
print(json.dumps({
    'core_pattern': of(lambda: os.open('/proc/sys/kernel/core_pattern', os.O_WRONLY)),
    'sysrq': of(lambda: os.write(os.open('/proc/sysrq-trigger', os.O_WRONLY), b'')),
    'sysrq_is_null': not os.path.exists('/proc/sysrq-trigger') or os.stat('/proc/sysrq-trigger').st_rdev == 0x103,
    'sysfs': of(lambda: os.open('/sys/kernel/uevent_seqnum', os.O_WRONLY)),
    'remount': of(lambda: c('mount', None, b'/proc/sys', None, 0x1020, None)),
    'mount': of(lambda: c('mount', b'x', b'/tmp', b'tmpfs', 0, None)),
    'umount': of(lambda: c('umount2', b'/proc/sys', 2)),
    'mknod': of(lambda: os.mknod('/tmp/disk', 0o60600, os.makedev(254, 0))),
    'unshare': of(lambda: c('unshare', 0x20000)),
    'own_users': of(lambda: apart(lambda: (c('unshare', 0x10020000), c('umount2', b'/proc/sys', 2)))),
    'memory': of(lambda: os.open('/proc/1/mem', os.O_RDONLY)),
    'root': of(lambda: os.listdir('/proc/1/root')),
    'descriptors': of(lambda: os.readlink('/proc/1/fd/0')),
    'ptrace': of(lambda: c('ptrace', 0x4206, 1, None, None)),
    'preload': of(lambda: os.open('/etc/ld.so.preload', os.O_WRONLY)),
    'preload_gone': of(lambda: os.unlink('/etc/ld.so.preload')),
    'preload_over': of(lambda: (open('/etc/x', 'w').close(), os.rename('/etc/x', '/etc/ld.so.preload'))),
    'kill': [of(lambda: os.kill(1, number)) for number in (9, 15, 2, 19, 11, 1)],
    'shadow': of(lambda: open('/etc/shadow').close()),
}))
"""
    code, text = outcome(spec(request, "root", sys.executable, "-I", "-c", program))
    return {"code": code, "text": text, "alive": True}


def emit_then(request: Request, emit: Emit) -> None:
    """Emit one observation, then end as ``then`` says."""
    emit({"seen": "first"})
    _ENDS[request["then"]](emit)


def _fail(_emit: Emit) -> None:
    raise ValueError("as asked")


def _leave(_emit: Emit) -> None:
    sys.exit("politely")


def _crash(_emit: Emit) -> None:
    ctypes.string_at(0)


def _flood(emit: Emit) -> None:
    for _ in range(1024):
        emit({"flood": "x" * (1 << 20)})


def _raw(text: bytes) -> None:
    """Write to the observations' pipe, which is the only one that process 1 has."""
    for number in range(64):
        with contextlib.suppress(OSError):
            if "pipe" in os.readlink(f"/proc/self/fd/{number}"):
                os.write(number, text)


def _cut_off(_emit: Emit) -> None:
    _raw(b'{"seen": "cut')
    os._exit(0)


def _burn_twice(_emit: Emit) -> None:
    for _ in range(2):
        wait(_burn())


_ENDS: dict[str, Callable[[Emit], None]] = {
    "raise": _fail,
    "exit": lambda _emit: os._exit(3),
    "leave": _leave,
    "crash": _crash,
    "flood": _flood,
    "long": lambda emit: emit({"long": "x" * (9 << 20)}),
    "raw": lambda _emit: _raw(b"{not json}\n"),
    "cut": _cut_off,
    "burn": _burn_twice,
}


def _burn() -> int:
    pid = os.fork()
    if pid == 0:
        end = time.process_time() + 0.3
        while time.process_time() < end:
            pass
        os._exit(0)
    return pid


def nap(request: Request, _emit: Emit) -> Any:
    """Sleep, and tell the uid range."""
    time.sleep(request.get("seconds", 0.2))
    return request["uid_base"]


def boot(request: Request, _emit: Emit) -> Any:
    """Tell how long the stage took to furnish, in seconds."""
    return request["stage"]["boot_seconds"]


def nested(_request: Request, _emit: Emit) -> Any:
    """Make a stage in the stage, whose root is an overlay as a container's is."""
    namespace.probe_environment()
    return "made"


def submounts(request: Request, _emit: Emit) -> Any:
    """Tell what is seen of file systems that the host has mounted below its system and /etc."""
    own, etc = (Path(request[name]) for name in ("own", "etc"))
    return {
        "own": own.read_text(),
        "own_write": errno_of(lambda: own.write_text("x")),
        "etc": etc.read_text(),
        "etc_write": errno_of(lambda: etc.write_text("changed")),
    }


def crowd(request: Request, emit: Emit) -> None:
    """Leave detached processes of several uids about, say so, and wait."""
    for uid in (0, request["uid_base"]):
        for _ in range(3):
            subprocess.Popen(["/bin/sh", "-c", "trap '' TERM HUP; setsid sleep 4242 & sleep 4242"], user=uid)
    emit({"seen": "crowded"})
    time.sleep(request.get("seconds", 1000))


def orphans(_request: Request, _emit: Emit) -> Any:
    """Reap what was orphaned, but not a child that is known."""
    known = subprocess.Popen(["/bin/true"])
    subprocess.run(["/bin/sh", "-c", "(sleep 0.05; exit 7) & exit 0"], check=True)
    deadline, reaped = time.monotonic() + 5, dict[int, int]()
    while not reaped and time.monotonic() < deadline:
        time.sleep(0.01)
        reaped = namespace.reap_orphans({known.pid})
    return {"reaped": sorted(reaped.values()), "known": known.wait()}


def reachable(request: Request, _emit: Emit) -> Any:
    """Start this interpreter under a confined uid, and see what else of its surroundings is visible."""
    uid = request["uid_base"] + 1
    reach.prove(uid, uid, ("json", "ssl", "sqlite3", "ctypes", "yaml"))
    return {
        "executable": sys.executable,
        "root": dropped.as_identity(uid, uid, (), lambda: errno_of(lambda: os.listdir("/root"))),
        "root_has": os.listdir("/root"),
        "write": errno_of(lambda: open(f"{sys.prefix}/wallbite", "w").close()),
        "package": dropped.as_identity(uid, uid, (), lambda: len(Path(reach.__file__).read_text())),
        "tree": Path(request["tree"]).read_text() if "tree" in request else None,
    }


def unreachable(request: Request, _emit: Emit) -> Any:
    """Ask for a module that is not there."""
    reach.prove(request["uid_base"], request["uid_base"], ("no_such_module",))


_prepared: list[dict[str, Any]] = []


def prepare(context: dict[str, Any]) -> None:
    """Keep what was told before the stage was made; in the worker."""
    if context.get("unreadable"):
        raise ValueError(f"cannot read {context['unreadable']}")
    _prepared[:] = [context]


def told(_request: Request, _emit: Emit) -> Any:
    """What this case's worker was told last, and whether the case still says it."""
    return [_prepared[0] if _prepared else None, "context" in _request]


def watched_files(request: Request, _emit: Emit) -> Any:
    """What a watch told of a command that makes files; and without the right to watch."""
    os.umask(0o022)
    if request.get("powerless"):
        kernel.call("unshare", 0x10000000)  # CLONE_NEWUSER: watching needs CAP_SYS_ADMIN outside it
    with watching.watched() as seen:
        subprocess.run(["/bin/sh", "-c", request["script"]], check=True)
    return {"problem": seen.problem, "count": len(seen.events), "files": watching.by_path(seen.events)}
