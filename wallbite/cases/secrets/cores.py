"""Whether a process that held secrets leaves a core: limits, and a real SIGSEGV, in a directory of the stage's own.

The host's ``core_pattern`` is looked at and never changed. Where it pipes to a program, or names a directory, a core
would go out of the stage: then nothing is crashed, and limits and owners are all there is to see.
"""

from __future__ import annotations

import os
import resource
import select
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from wallbite.cases.scene import Scene
from wallbite.installation.gateway import Gateway
from wallbite.installation.installation import PRIVATE
from wallbite.search import Needle

PLACE: Final = f"{PRIVATE}/cores"
WITHIN: Final = 10.0
CHUNK: Final = 1 << 24
TICK: Final = 0.005
UNLIMITED: Final = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)


def prepare() -> None:
    """The directory, where anybody may leave a core; the gateway is started in it, with the limit raised."""
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
    os.makedirs(PLACE, exist_ok=True)
    os.chmod(PLACE, 0o1777)


def note(scene: Scene, gateway: Gateway, plugin: int, needles: Sequence[Needle]) -> None:
    """A control, then the plugin with the limit that it has, then the gateway with the limit taken away."""
    pattern = Path("/proc/sys/kernel/core_pattern").read_text().strip()
    local = not pattern.startswith(("|", "/")) and "/" not in pattern
    home = os.readlink(f"/proc/{plugin}/cwd")
    states = {"plugin": state_of(plugin), "gateway": state_of(gateway.pid)}
    errno, limit = "OK" if local and crash_control() else "ENOSYS", state_of(os.getpid())["limit"]
    scene.note("core", "control", errno=errno, pattern=pattern, limit=limit)
    if local:
        crash(plugin)
        states["plugin"]["cores"] = list_cores(home, PLACE)
        states["gateway"]["raised"] = raise_limit(gateway.pid)
        crash(gateway.pid)
        gateway.wait_end(WITHIN)
        states["gateway"]["cores"] = list_cores(PLACE, "/")
    for name, seen in states.items():
        seen["secrets"] = sorted({one.name for one in needles for core in seen["cores"] if holds(core, one.value)})
        scene.note("core", name, errno="OK" if local else "ENOSYS", pattern=pattern, **seen)


def state_of(pid: int) -> dict[str, Any]:
    """Its limit, and whether what /proc shows of it is root's: of a process of another uid that means undumpable."""
    status, limits = (Path(f"/proc/{pid}/{name}").read_text().splitlines() for name in ("status", "limits"))
    uid = next(int(line.split()[2]) for line in status if line.startswith("Uid:"))
    limit = next(line.split()[4:6] for line in limits if line.startswith("Max core file size"))
    owner = os.stat(f"/proc/{pid}/environ").st_uid
    return {"limit": limit, "uid": uid, "owner": owner, "cores": [], "raised": False}


def raise_limit(pid: int) -> bool:
    """Take the limit away from another process, where this one may."""
    try:
        resource.prlimit(pid, resource.RLIMIT_CORE, UNLIMITED)
    except PermissionError:  # no CAP_SYS_RESOURCE here
        return False
    return True


def crash_control() -> bool:
    """A process of the harness's that may leave a core does, so that one would be seen here."""
    pid = os.fork()
    if pid == 0:
        try:
            os.chdir(PLACE)
            signal.signal(signal.SIGSEGV, signal.SIG_DFL)
            os.execv("/bin/sleep", ["sleep", "30"])  # noqa: S606 - another's memory, and dumpable
        finally:
            os._exit(1)
    deadline = time.monotonic() + WITHIN
    while os.path.basename(os.readlink(f"/proc/{pid}/exe")) not in ("sleep", "coreutils", "busybox"):
        if time.monotonic() > deadline:
            break
        time.sleep(TICK)
    os.kill(pid, signal.SIGSEGV)
    os.waitpid(pid, 0)
    found = list_cores(PLACE)
    for name in found:
        os.unlink(name)
    return bool(found)


def crash(pid: int) -> None:
    """Send SIGSEGV, and wait until the process is gone, its core written."""
    handle = os.pidfd_open(pid)
    try:
        signal.pidfd_send_signal(handle, signal.SIGSEGV)
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        poll.poll(WITHIN * 1000)
    finally:
        os.close(handle)


def holds(path: str, value: bytes) -> bool:
    """Whether a core holds a value as it is in memory; a whole search of so much would take a minute."""
    tail = b""
    with open(path, "rb") as file:
        while chunk := file.read(CHUNK):  # not mapped: a hole in a full tmpfs ends whoever looks with SIGBUS
            if value in tail + chunk:
                return True
            tail = chunk[-len(value) :]
    return False


def list_cores(*places: str) -> list[str]:
    """What there is that is called a core."""
    found = []
    for place in places:
        found += [os.path.join(place, name) for name in os.listdir(place) if name.split(".")[0] == "core"]
    return sorted(found)
