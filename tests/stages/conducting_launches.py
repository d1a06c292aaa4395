"""Conducts that launch, trace, drop and watch."""

# An errno is wanted, of a call that is seen; and a stage is not the host.
# ruff: noqa: S103, S108

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from conducting import Emit, Request, errno_of, outcome, spec, wait  # type: ignore[import-not-found]  # beside it

from wallbite.postures import POSTURES
from wallbite.stages import credentials, dropped, inotify, kernel, keyring, seccomp, tracing
from wallbite.stages.launch import LaunchError, launch, launch_traced, set_file_capabilities


def posture(request: Request, _emit: Emit) -> Any:
    """Launch a program in a posture; tell its credentials at exec, and those that it sees itself."""
    name, program = request["posture"], "/bin/cat"
    uid = 0 if POSTURES[name].root else request["uid_base"]
    if POSTURES[name].file_capabilities:
        program = str(shutil.copy("/bin/cat", "/var/lib/capable"))
        os.chown(program, 0, uid)
        os.chmod(program, 0o750)
        set_file_capabilities(program, POSTURES[name].permitted, effective=bool(POSTURES[name].effective))
    reading, writing = os.pipe()
    told = spec(request, name, program, "/proc/self/status", groups=(uid + 7,), stdout=writing)
    pid, found = launch_traced(told)
    os.close(writing)
    with os.fdopen(reading) as stream:
        own = credentials.parse_status(stream.read())
    return {"traced": found.as_json(), "own": own.as_json(), "uid": uid, "code": wait(pid)}


def surroundings(request: Request, _emit: Emit) -> Any:
    """Launch a program that tells its environment, descriptors and session."""
    program = (
        "import json, os, resource, sys; print(json.dumps({'env': dict(os.environ), 'cwd': os.getcwd(),"
        " 'umask': os.umask(0), 'fds': sorted(int(f) for f in os.listdir('/proc/self/fd')),"
        " 'sid': os.getsid(0) == os.getpid(), 'inherited': os.read(200, 99).decode(), 'in': sys.stdin.read(),"
        " 'limit': resource.getrlimit(resource.RLIMIT_NOFILE), 'groups': os.getgroups(),"
        " 'ignored': int(open('/proc/self/status').read().split('SigIgn:')[1].split()[0], 16)}))"
    )
    reading, writing = os.pipe()
    os.write(writing, b"passed on")
    told = spec(
        request, "root", sys.executable, "-I", "-c", program,
        env={"A": "b"}, cwd="/var/lib", umask=0o077, inherit=(reading, writing), high=reading,
        groups=(5, 6), ignored=(signal.SIGUSR2,),
    )  # fmt: skip
    for number in (signal.SIGHUP, 32, 33):  # as whoever started the harness may have left them; libc hides the latter
        kernel.set_disposition(number, ignored=True)
    return outcome(told)[1]


def refusals(request: Request, _emit: Emit) -> Any:
    """Launch what cannot be launched."""
    told = {}
    for name, changes in {
        "exec": {"argv": ("/no/such",)},
        "chdir": {"cwd": "/no/such"},
        "descriptors": {"inherit": (999,)},
    }.items():
        try:
            launch(replace(spec(request, "unprivileged", "/bin/true"), **changes))  # type: ignore[arg-type]
        except LaunchError as error:
            told[name] = [errno.errorcode[error.errno or 0], error.filename]
    told["children"] = [errno_of(lambda: os.waitpid(-1, os.WNOHANG))]
    return told


def keys(request: Request, _emit: Emit) -> Any:
    """A gateway with a keyring of its own finds its key; the conductor and a dropped process do not."""
    program = (
        f"import sys; sys.path[:] = {sys.path!r}; from wallbite.stages import keyring; "
        "print(keyring.read(keyring.search('wallbite-key')).decode())"
    )
    told = spec(request, "unprivileged", sys.executable, "-I", "-c", program, keyring=("wallbite-key", b"payload"))
    return {"gateway": outcome(told)[1].strip(), "conductor": errno_of(lambda: keyring.search("wallbite-key"))}


def denied(request: Request, _emit: Emit) -> Any:
    """Under a filter, one uid cannot be taken and another can."""
    base = request["uid_base"]

    def attempts() -> dict[str, str]:
        def forked(call: Callable[[], Any]) -> str:
            return str(dropped.as_root(lambda: errno_of(call)))

        return {
            "setuid": forked(lambda: os.setuid(base)),
            "setreuid": forked(lambda: os.setreuid(-1, base)),
            "setresuid": forked(lambda: os.setresuid(-1, -1, base)),
            "other": forked(lambda: os.setresuid(base + 1, base + 1, base + 1)),
            "setgid": forked(lambda: os.setgid(base)),
            "setgroups": forked(lambda: os.setgroups([])),
        }

    def under(program: bytes) -> Any:
        def body() -> Any:
            seccomp.install(program)
            return attempts() | {"nnp": credentials.read_credentials().no_new_privs}

        return dropped.as_root(body)

    launched = spec(
        request, "ambient-caps", "/bin/cat", "/proc/self/status", deny=seccomp.deny_uid(base + 3), groups=()
    )  # fmt: skip
    return {
        "uid": under(seccomp.deny_uid(base)),
        "gid": under(seccomp.deny_gid(base)),
        "groups": under(seccomp.deny_groups()),
        "launched": credentials.parse_status(outcome(launched)[1]).as_json(),
    }


def traced(request: Request, _emit: Emit) -> Any:
    """Trace a command whose processes change their identity."""
    match request["what"]:
        case "drop":
            script = "/usr/bin/setpriv --reuid 61999 --regid 61999 --clear-groups /bin/true; exit 5"
        case "double":
            script = "(setsid sh -c 'sleep 0.1; exit 4' &) ; echo out; echo err >&2"
        case "hang":
            script = "trap '' TERM; echo here; sleep 100"
        case "flood":
            script = "head -c 5000000 /dev/zero; kill -9 $$"
        case "gone":
            script = ""
    argv = ("/bin/sh", "-c", script) if script else ("/no/such",)
    told = replace(spec(request, "root", *argv), env={"PATH": "/usr/bin:/bin"})
    try:
        found = tracing.trace(told, request.get("limit", 10.0), bound=1 << 16)
    except LaunchError as error:
        return str(error)
    return {
        "stops": [[s.event, Path(s.exe).name, s.credentials.uids[0], s.status] for s in found.stops],
        "exit_code": found.exit_code,
        "stdout": len(found.stdout),
        "stderr": found.stderr.decode(),
        "complete": found.complete,
        "left": [name for name in os.listdir("/proc") if name.isdigit() and name != "1"],
    }


def traced_capable(request: Request, _emit: Emit) -> Any:
    """Trace a program with file capabilities."""
    program = str(shutil.copy("/bin/true", "/var/lib/capable"))
    set_file_capabilities(program, POSTURES["file-caps"].permitted, effective=True)
    stops = tracing.trace(spec(request, "file-caps", program)).stops
    return [[stop.event, f"{stop.credentials.effective:x}"] for stop in stops]


def drops(request: Request, _emit: Emit) -> Any:
    """Everything that the dropped vantage can answer."""
    base = request["uid_base"]

    def told(function: Callable[[], Any], **more: Any) -> str:
        try:
            return str(dropped.as_identity(base, base, (base + 1,), function, **more))
        except (dropped.DroppedError, TimeoutError) as error:
            return f"{type(error).__name__}: {error}"

    def hang() -> None:
        subprocess.Popen(["/bin/sleep", "1000"])
        time.sleep(1000)

    found = dropped.as_identity(base, base, (base + 1,), lambda: credentials.read_credentials().as_json())
    os.write(os.open("/etc/secret", os.O_CREAT | os.O_WRONLY, 0o600), b"x")
    return {
        "credentials": found,
        "denied": told(lambda: errno_of(lambda: open("/etc/secret").close())),
        "again": told(lambda: errno_of(lambda: os.setuid(0))),
        "raised": told(lambda: 1 // 0),
        "died": told(lambda: os.kill(os.getpid(), 9)),
        "late": told(hang, timeout=0.2),
        "much": told(lambda: "x" * 1000, bound=100),
        "descriptors": told(lambda: sum(errno_of(partial(os.fstat, number)) == "OK" for number in range(256))),
        "root": dropped.as_root(lambda: credentials.read_credentials().effective)
        == credentials.read_credentials().effective,
        "left": errno_of(lambda: os.waitpid(-1, os.WNOHANG)),
    }


def watches(_request: Request, _emit: Emit) -> Any:
    """Watch a directory while a file comes and goes."""
    with inotify.Watch() as watch:
        watch.add("/tmp", inotify.CREATE | inotify.DELETE)
        none = watch.wait(0.01)
        Path("/tmp/here").touch()
        Path("/tmp/here").unlink()
        event = watch.wait_for("here", 2.0)
        rest = watch.wait(0.05)
    return {
        "none": len(none),
        "created": event is not None and bool(event.mask & inotify.CREATE),
        "rest": len(rest),
        "missing": errno_of(lambda: inotify.Watch().add("/no/such", inotify.CREATE)),
    }
