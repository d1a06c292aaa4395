"""A container of a stage: created through the engine's library, and alive as long as the harness holds its input."""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any, Final

from wallbite.containers import labels, privileges
from wallbite.containers.engines import Engine
from wallbite.containers.failures import explained, failure

PYTHON: Final = "/usr/lib/wallbite/bin/python"  # the image's own, with the harness's packages
LIBRARY: Final = "/usr/lib/wallbite/library"  # an environment with the target, where that is a Python package
HARNESS: Final = "/usr/lib/wallbite/harness"
_FILES: Final = 65_536  # open files at most; a larger limit makes closing "all" of them slow
_PROCESSES: Final = 32_768
_GONE: Final = ("no such container", "already in progress", "no container with")
_ENDED: Final = 10.0  # seconds for a container whose input was closed


@dataclass
class Running:
    """A running container, held by the client that is attached to it."""

    engine: Engine
    id: str
    process: subprocess.Popen[bytes]
    complaints: IO[bytes]

    def complaint(self) -> str:
        """What the client said on its error stream."""
        self.complaints.seek(0)
        return self.complaints.read(1 << 16).decode(errors="replace")

    def end(self) -> None:
        """Close its input, wait, and see that nothing of it is left."""
        for stream in (self.process.stdin, self.process.stdout):
            with contextlib.suppress(OSError):
                if stream:
                    stream.close()
        try:
            self.process.wait(_ENDED)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        remove(self.engine, [self.id])
        self.complaints.close()


def options() -> dict[str, Any]:
    """How every container of a stage is created: no network, no log, no default but these."""
    return {
        "user": "0:0",
        "workdir": "/",
        "networks": ["none"],
        "cap_drop": ["ALL"],
        "cap_add": list(privileges.WANTED),
        "security_options": list(privileges.SECURITY),
        "labels": labels.of("container"),
        "interactive": True,
        "remove": True,
        "healthcheck": False,
        "log_driver": "none",
        "pids_limit": -1,
        "ulimit": [f"nofile=1024:{_hard(resource.RLIMIT_NOFILE, _FILES)}", f"nproc={_processes()}:{_processes()}"],
        "pull": "never",
    }


def _hard(which: int, most: int) -> int:
    """A limit that no engine without CAP_SYS_RESOURCE has to raise."""
    hard = resource.getrlimit(which)[1]
    return most if hard == resource.RLIM_INFINITY else min(hard, most)


def _processes() -> int:
    return _hard(resource.RLIMIT_NPROC, _PROCESSES)


def start(
    engine: Engine,
    image: str,
    command: Sequence[str],
    *,
    files: Mapping[str, str] | None = None,
    changed: Mapping[str, Any] | None = None,
) -> Running:
    """Create a container and attach to it; it runs as soon as this returns, or says why not where it is read from.

    Args:
        engine: whose it is.
        image: a reference or id that the engine has.
        command: the program and its arguments; the image's entry point is not run.
        files: paths in it, each with the path of the host that is copied there.
        changed: options that differ from :func:`options`.

    Raises:
        EnvironmentProblem: it cannot be created.
    """
    made = create(engine, image, command, files, changed)
    complaints = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the container
    process = subprocess.Popen(
        [*engine.call, "start", "--attach", "--interactive", made],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=complaints,
        start_new_session=True,  # an interrupt of the terminal is the harness's to handle
        cwd="/",
        env=dict(os.environ),
    )
    return Running(engine, made, process, complaints)


def create(
    engine: Engine,
    image: str,
    command: Sequence[str],
    files: Mapping[str, str] | None = None,
    changed: Mapping[str, Any] | None = None,
) -> str:
    """Create a container as :func:`start` does, and give its id; nothing runs in it yet."""
    arranged = {**options(), **(changed or {})}
    with explained("the container cannot be created"):
        made = engine.client.container.create(image, list(command[1:]), entrypoint=command[0], **arranged)
        for place, path in (files or {}).items():
            engine.client.container.copy(path, (made.id, place))
    return str(made.id)


def remove(engine: Engine, ids: Sequence[str]) -> None:
    """Remove containers, running or not, with their unnamed volumes; those that are gone are gone."""
    if not ids:
        return
    missing = ["--ignore"] if engine.name == "podman" else []  # it stops at the first that is gone; Docker does not
    done = engine.say("rm", "--force", "--volumes", *missing, *ids)
    lines = [line for line in done.stderr.splitlines() if not any(word in line.lower() for word in _GONE)]
    if done.returncode and lines:
        raise failure("a container cannot be removed", "\n".join(lines))


@contextlib.contextmanager
def running(engine: Engine, image: str, command: Sequence[str], **how: Any) -> Iterator[Running]:
    """A container for as long as the ``with`` block lasts."""
    found = start(engine, image, command, **how)
    try:
        yield found
    finally:
        found.end()
