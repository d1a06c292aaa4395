"""Process 1 of a container that boots a real init: lays the stage out as a root, leaves a keeper, becomes systemd."""

from __future__ import annotations

import os
import select
import signal
import socket
from pathlib import Path
from typing import Final, NoReturn

from wallbite.stages import kernel, mounts, namespace, reach, skeleton

SYSTEMD: Final = "/lib/systemd/systemd"
CGROUP: Final = "/sys/fs/cgroup"
POWER_OFF: Final = signal.SIGRTMIN + 4  # what systemd takes for an order to end
READY: Final = b"."
_NOTIFY: Final = "wallbite-keeper"  # an abstract socket: systemd says there when it is up
_PLAIN: Final = kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC


def main() -> None:
    """Enter a stage over the image's root, for good, and execute systemd in it."""
    namespace.furnish(reach.survey(reach.python_trees()), skeleton.make())
    mount_control_groups()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.bind(f"\0{_NOTIFY}")
        if os.fork() == 0:
            keep(told)
    environment = {"container": "docker", "NOTIFY_SOCKET": f"@{_NOTIFY}", "PATH": os.defpath}
    os.execve(SYSTEMD, [SYSTEMD, "--log-target=null"], environment)  # noqa: S606


def keep(told: socket.socket) -> NoReturn:
    """The keeper: says on standard output when systemd is up, and has it end when standard input does."""
    os.setsid()
    waiting = [told.fileno(), 0]
    while True:
        ready = select.select(waiting, [], [])[0]
        if told.fileno() in ready and b"READY=1" in told.recv(4096):
            os.write(1, READY)
        if 0 in ready and not os.read(0, 4096):
            os.kill(1, POWER_OFF)
            os._exit(0)


def mount_control_groups() -> None:
    """What systemd keeps its services in: the container's own part, which its namespace shows as the whole."""
    unified = "cgroup2" in {line.split()[-1] for line in Path("/proc/filesystems").read_text().splitlines()}
    named = any(":name=systemd:" in line for line in Path("/proc/self/cgroup").read_text().splitlines())
    if named:
        mounts.tmpfs(CGROUP, "mode=0755,size=1m", _PLAIN)
        Path(CGROUP, "systemd").mkdir()
        kernel.mount("cgroup", f"{CGROUP}/systemd", "cgroup", _PLAIN, "none,name=systemd,xattr")
    elif unified:
        kernel.mount("cgroup2", CGROUP, "cgroup2", _PLAIN)
