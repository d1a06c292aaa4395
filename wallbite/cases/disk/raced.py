"""Case ``raced``: an account swaps what the gateway looks at for links, as fast as it can, while the gateway looks.

The account owns the directory above its own directory's parent, as in a tenant's tree. It exchanges that parent for a
link to a victim of the gateway's, and back, and opens its directory again, so that each look finds something to change.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from wallbite.cases.configuration.documents import told_to_reload
from wallbite.cases.disk.picture import came_to, start
from wallbite.cases.gate.boots import gate_document, gate_plugins
from wallbite.cases.scene import CaseProblem, Scene
from wallbite.installation.document import with_value
from wallbite.installation.layout import state_of
from wallbite.stages import kernel
from wallbite.stages.credentials import drop_to

LOOKS: Final = 64  # reloads
FULL: Final = 40  # of them those that came to their end: where a machine is so busy that few do, there are more looks
WITHIN: Final = 45.0  # seconds for those
OWN: Final = "/srv/wallbite-tenant"  # the account's
VICTIM: Final = "/srv/wallbite-victim"  # the gateway's
WAY: Final = "/".join("d" * 300)  # so long that what a name leads to is decided well before the kernel is at its end
VICTIMS: Final = (VICTIM, f"{VICTIM}/{WAY}/home", f"{VICTIM}/{WAY}/home/file")
EXCHANGE: Final = 2
EAGER: Final = -15  # priority
_AT_FDCWD: Final = -100


def plan(postures: Sequence[str]) -> Iterator[dict[str, Any]]:
    """One case, where the gateway may change what accounts own."""
    if "root" in postures:
        case = {"kind": "raced", "posture": "root", "params": {}, "timeout": 240}  # it is long where much else runs
        yield {"case": "raced@root", **case}


def run(scene: Scene) -> None:
    """Start it in peace, then have it look again and again while the account swaps."""
    gate, account = scene.target.gate, scene.accounts[0]
    if gate is None or "directory" not in gate.account or scene.target.gateway.reload is None:
        raise CaseProblem("the descriptor names no reload, or no key for an account's directory")
    scene.lay_down(plugins=gate_plugins(scene.target))
    directory = lay(scene, account)
    entries = scene.account_entries(scene.accounts)
    entries[account] = {**entries[account], gate.account["directory"]: directory}
    gateway, ended = start(scene, with_value(gate_document(scene, tuple(scene.accounts)), gate.accounts, entries))
    if ended != "ready":
        seen = {"took": False, "looks": 0, "swaps": 0, "accepted": 0, "refused": 0, **_changes({}, {})}
        scene.note("raced", account, **{**came_to(gateway, ended), **seen})
        gateway.kill()
        return
    before, answers, looks, began = victims(), {"accepted": 0, "refused": 0}, 0, time.monotonic()
    count, racer = race(scene, account, directory)
    for pid in (racer, gateway.pid):  # both at once, however busy the machine is: in turns there is no race
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, pid, EAGER)
    try:
        while looks < LOOKS or (answers["accepted"] < FULL and time.monotonic() - began < WITHIN):
            looks += 1
            seen, _ = told_to_reload(gateway)
            answers["accepted"] += seen["accepted"]
            answers["refused"] += seen["refused"]
            if not gateway.alive:
                break
    finally:
        os.kill(racer, signal.SIGKILL)
        os.waitpid(racer, 0)
    after = victims()
    swaps = int(Path(count).read_text() or 0) if os.path.exists(count) else 0
    tail, alive = gateway.tail(), gateway.alive
    gateway.kill()
    tries = {"took": True, "looks": looks, "swaps": swaps, **answers, "alive": alive, "tail": tail.replace(WAY, "...")}
    scene.note("raced", account, **tries, **_changes(before, after))


def _changes(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    changed = [path for path in before if before[path] != after[path]]
    return {"changed": [f"{path.replace(WAY, '...')}: {before[path]} to {after[path]}" for path in changed]}


def lay(scene: Scene, account: str) -> str:
    """The tenant's tree with the account's directory in it, and the victim beside it."""
    uid = scene.identities.uid(account)
    for path in (OWN, f"{OWN}/place", VICTIM):
        os.mkdir(path)
    deepen(f"{OWN}/place", 0o711)
    deepen(VICTIM, 0o755)
    own = f"{OWN}/place/{WAY}/home"
    for path, mode, owner in ((OWN, 0o711, uid), (f"{OWN}/place", 0o711, 0), (own, 0o755, uid)):
        os.makedirs(path, exist_ok=True)
        os.chown(path, owner, owner)
        os.chmod(path, mode)
    os.mkdir(f"{VICTIM}/{WAY}/home")
    Path(VICTIM, WAY, "home", "file").write_text("the gateway's own\n")
    for path, mode in zip(VICTIMS, (0o755, 0o750, 0o640), strict=True):
        os.chmod(path, mode)
    os.symlink(VICTIM, f"{OWN}/link")
    os.symlink(VICTIMS[1], f"{own}/cache")
    os.symlink(VICTIMS[2], f"{own}/note")
    for path in (f"{OWN}/link", f"{own}/cache", f"{own}/note"):
        os.chown(path, uid, uid, follow_symlinks=False)
    return own


def deepen(path: str, mode: int) -> None:
    """The long way below a directory, every step of it open."""
    for step in WAY.split("/"):
        path = f"{path}/{step}"
        os.mkdir(path)
        os.chmod(path, mode)


def victims() -> dict[str, list[Any]]:
    """What must not be changed: mode, owner, and when the kernel last noted a change, which nobody can take back."""
    found = {}
    for path in VICTIMS:
        state = state_of(path, content_too=True)
        found[path] = [state["mode"], state["uid"], state["gid"], os.lstat(path).st_ctime_ns]
    return found


def race(scene: Scene, account: str, directory: str) -> tuple[str, int]:
    """A process of the account's that swaps until it is ended; where it counts, and its pid."""
    count = f"{OWN}/swaps"
    uid, gid = scene.identities.uid(account), scene.identities.gid(account)
    ready, told = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            drop_to(uid, gid, (gid,))
            swap(count, directory, told)
        finally:
            os._exit(1)
    os.close(told)
    begun = os.read(ready, 1)
    os.close(ready)
    if not begun:
        raise CaseProblem("the account's process could not swap anything")
    return count, pid


def swap(count: str, directory: str, told: int) -> None:
    """Exchange, open, exchange back; never ends."""
    place, link = os.fsencode(f"{OWN}/place"), os.fsencode(f"{OWN}/link")
    done, begun, own = 0, False, os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    descriptor = os.open(count, os.O_WRONLY | os.O_CREAT, 0o600)
    while True:
        kernel.call("renameat2", _AT_FDCWD, place, _AT_FDCWD, link, EXCHANGE)
        done += 1
        if done % 2 == 0:  # the place is where it belongs
            os.fchmod(own, 0o755)
        if done % 64 == 0:
            os.pwrite(descriptor, str(done).encode(), 0)
        if not begun:
            os.write(told, b"!")
            begun = True
