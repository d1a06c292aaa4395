"""A gateway started by a real init: its own unit, by systemd, where that is process 1 of the stage."""

from __future__ import annotations

import grp
import os
import pwd
import shlex
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from wallbite.content import root
from wallbite.installation import users
from wallbite.problems import EnvironmentProblem
from wallbite.stages import ptrace
from wallbite.stages.launch import Launch, LaunchError
from wallbite.target.model import Target

_UNITS: Final = "/run/systemd/system"
_HELD: Final = "wallbite-held.socket"
_ENV: Final = "/usr/bin/env"  # of coreutils: a unit has no word for a signal that is ignored
_TICK: Final = 0.004
_GATE: Final = "/run/wallbite-gate"  # a pipe; whoever opens it to read waits for a writer
_SHOWN: Final = ("MainPID", "ControlPID", "ActiveState", "Result", "ExecMainStatus")
_PATIENCE: Final = 30.0


@dataclass(frozen=True, slots=True)
class Service:
    """The unit of a target.

    Attributes:
        place: where its installer puts the unit.
        shipped: the unit's text as the target ships it, for where it was not installed.
    """

    place: str
    shipped: str

    @property
    def name(self) -> str:
        """The unit's name."""
        return os.path.basename(self.place)

    def start(self, spec: Launch) -> int:
        """Have systemd start it, and give its main process.

        It stands at its exec until it is released: what systemd forks waits for its standard input, which is a pipe,
        until it is traced. Where the installer laid the unit, nothing of it is changed but its streams. Elsewhere it
        says also what is run and as whom, since the stage has numbers of its own.

        Raises:
            LaunchError: systemd did not, or the launch asks for a filter, for which a unit has no word.
        """
        if spec.deny is not None:
            raise LaunchError(0, "a real init starts nothing under the harness's filter", self.name)
        installed = os.path.exists(self.place)
        if not installed:
            Path(_UNITS, self.name).write_text(self.shipped)
            _enter_users(spec)
            Path(_UNITS, _HELD).write_text(_sockets(spec, self.name))
        folder = Path(_UNITS, f"{self.name}.d")
        folder.mkdir(parents=True, exist_ok=True)
        lines = ["[Service]", "Restart=no", "Type=exec", *_streams(spec), *(() if installed else _changes(spec))]
        (folder / "stage.conf").write_text("\n".join(lines) + "\n")
        _systemctl("daemon-reload")
        self._await_ended()
        _systemctl("reset-failed")
        if spec.inherit and not installed:
            _systemctl("start", _HELD)
        Path(_GATE).unlink(missing_ok=True)
        os.mkfifo(_GATE, 0o600)
        _systemctl("start", "--no-block", self.name)
        pid = self._main_process()
        ptrace.seize(pid)
        gate = os.open(_GATE, os.O_RDWR)  # who waits at it goes on, to its exec
        try:
            _await_program(pid, spec.argv[0])
        finally:
            os.close(gate)
        return pid

    def release(self, pid: int) -> None:
        """Let it run, untraced."""
        ptrace.detach(pid)

    def _main_process(self) -> int:
        """The pid of what will be the program, once systemd has forked it; what goes before is let through the gate."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            found = self._shown()
            if pid := int(found.get("MainPID") or "0"):
                return pid
            if found.get("ActiveState") == "failed" or time.monotonic() > deadline:
                raise LaunchError(0, f"it was not started: {found}", self.name)
            if int(found.get("ControlPID") or "0"):
                os.close(os.open(_GATE, os.O_RDWR))
            time.sleep(_TICK)

    def _await_ended(self) -> None:
        """Until systemd, too, has seen that it ended: what it takes for active it does not start."""
        deadline = time.monotonic() + _PATIENCE
        while (found := self._shown()).get("ActiveState") not in ("inactive", "failed"):
            if time.monotonic() > deadline:
                raise LaunchError(0, f"it has not ended: {found}", self.name)
            time.sleep(_TICK)

    def _shown(self) -> dict[str, str]:
        told = _systemctl("show", *(f"--property={name}" for name in _SHOWN), self.name)
        return dict(line.split("=", 1) for line in told.splitlines())


def service_of(target: Target) -> Service:
    """The unit of a target: what its installer lays, as it lies among what is copied.

    Raises:
        EnvironmentProblem: the descriptor names no unit, or nothing that it copies has one of that name.
    """
    place = target.installer.unit if target.installer else ""
    found = [
        path
        for step in target.install
        if step.kind == "copy"
        for path in sorted((root() / step.source).rglob(os.path.basename(place) or "-"))
    ]
    if not found:
        raise EnvironmentProblem(f"{target.name} ships no unit", expected="installer.unit, and its text in a copy")
    return Service(place, found[0].read_text(encoding="utf-8"))


def _enter_users(spec: Launch) -> None:
    """Names for the numbers: systemd starts nothing as a user, or with a group, that the system does not know."""
    known = {entry.pw_uid for entry in pwd.getpwall()} | {entry.gr_gid for entry in grp.getgrall()}
    for number, group in ((spec.uid, spec.gid), *((gid, gid) for gid in spec.groups)):
        if number not in known:
            users.add(users.User(f"stage-{number}", number, group, "/nonexistent"))


def _streams(spec: Launch) -> Iterator[str]:
    """Nothing to read, from behind the gate; its output goes where the launch says: to a file of the harness's."""
    yield f"StandardInput=file:{_GATE}"
    if spec.stdout is not None:
        yield f"StandardOutput=append:{os.readlink(f'/proc/self/fd/{spec.stdout}')}"
        yield "StandardError=inherit"


def _sockets(spec: Launch, service: str) -> str:
    """Descriptors that it is started with, as init hands them down: as many as the launch has."""
    held = "\n".join(f"ListenStream=/run/wallbite-held-{number}" for number in range(len(spec.inherit)))
    return f"[Socket]\n{held}\nSocketMode=0600\nService={service}\n"


def _await_program(pid: int, program: str) -> None:
    """Until a traced process stands at the exec of the program; what it executes before that is passed over."""
    real, deadline = os.path.realpath(program), time.monotonic() + _PATIENCE
    while True:
        changed, status = os.waitpid(pid, os.WNOHANG)
        if not changed:  # no descriptor tells of a stop, and a wait has no bound
            if time.monotonic() > deadline:
                raise LaunchError(0, f"it does not execute {program}", "exec")
            time.sleep(_TICK)
            continue
        if not os.WIFSTOPPED(status):
            raise LaunchError(0, f"it ended before it executed {program}: {os.waitstatus_to_exitcode(status)}", "exec")
        if ptrace.event(status) == ptrace.EVENT_EXEC and os.readlink(f"/proc/{pid}/exe") == real:
            return
        ptrace.resume(pid, 0 if status >> 16 else os.WSTOPSIG(status))


def _changes(spec: Launch) -> Iterator[str]:
    yield f"User={spec.uid}"
    yield f"Group={spec.gid}"
    yield f"SupplementaryGroups={' '.join(map(str, spec.groups))}"
    yield "ExecStart="
    ignored = [f"--ignore-signal={number}" for number in spec.ignored]
    yield f"ExecStart={shlex.join((*((_ENV, *ignored) if ignored else ()), *spec.argv))}"
    if spec.inherit:
        yield f"Sockets={_HELD}"
    yield from (f"Environment={shlex.quote(f'{name}={value}')}" for name, value in spec.env.items())


def _systemctl(*words: str) -> str:
    done = subprocess.run(["systemctl", *words], capture_output=True, text=True, check=False, timeout=_PATIENCE)
    if done.returncode:
        raise LaunchError(0, done.stderr.strip()[-300:] or "systemctl failed", " ".join(words))
    return done.stdout.strip()
