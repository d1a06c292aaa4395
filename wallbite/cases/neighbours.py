"""What else an account could reach besides files: processes, keyrings, IPC objects, and what the harness plants beside."""

from __future__ import annotations

import ctypes
import os
import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from wallbite.cases.scene import Scene
from wallbite.cases.spawning import Errand, as_account, collect, identity_attempts, start
from wallbite.installation.gateway import Gateway, read_bounded
from wallbite.installation.identities import GATEWAY
from wallbite.installation.installation import PRIVATE
from wallbite.installation.processes import first_mapping
from wallbite.probing.plan import Attempt
from wallbite.stages import keyring

HOLD: Final = f"{PRIVATE}/hold"
NAMES: Final = ("environ", "mem", "maps", "fd", "root", "cwd")
KEY: Final = "wallbite-gateway"
ABSTRACT: Final = "wallbite-planted"
SHARED_KEY: Final = 0x57414C4C
SHARED_FILE: Final = "/dev/shm/wallbite-planted"
ALL: Final = 0o666
IPC_CREAT: Final = 0o1000


@dataclass(frozen=True)
class Processes:
    """The pids that are out of bounds: the gateway's, and one of each account."""

    gateway: int
    of_account: dict[str, int]


@dataclass(frozen=True)
class Key:
    """A key on the gateway's session keyring."""

    serial: int


def hold(scene: Scene, gateway: Gateway) -> Processes:
    """Have the gateway spawn one process of each account that stays until :func:`release`."""
    os.mkfifo(HOLD, 0o644)
    os.chmod(HOLD, 0o644)  # noqa: PTH101 - the umask took bits away
    pids: dict[str, int] = {}
    for account in scene.accounts:
        errand = Errand(account, "held", identity_attempts(scene, account), {"hold": HOLD})
        begun = start(scene, errand)
        answer = None if isinstance(begun, str) else collect(scene, gateway, errand, *begun)
        if answer is not None and _is_of(scene, answer.who["pid"], account):
            pids[account] = answer.who["pid"]
    return Processes(gateway.pid, pids)


def _is_of(scene: Scene, pid: int, account: str) -> bool:
    """Whether the kernel knows this pid, as a process that is not the harness's own."""
    try:
        return os.stat(f"/proc/{pid}").st_uid != 0 or scene.identities.uid(account) == 0 or pid > 1
    except OSError:
        return False


def release() -> None:
    """Let the held processes end."""
    with suppress(OSError):
        os.close(os.open(HOLD, os.O_WRONLY | os.O_NONBLOCK))


def process_attempts(scene: Scene, processes: Processes, account: str) -> list[Attempt]:
    """Everything that reaches into a process, for the gateway's and for each process that is not the account's own."""
    named = {"gateway-process": processes.gateway}
    named |= {f"process-of:{name}": pid for name, pid in processes.of_account.items() if name != account}
    return [attempt for name, pid in named.items() for attempt in _into(name, pid)]


def _into(name: str, pid: int) -> list[Attempt]:
    tries = [Attempt("proc", f"{name}/{entry}", arguments={"pid": pid, "name": entry}) for entry in NAMES]
    try:
        address = first_mapping(pid)
    except OSError:
        address = 0
    return [
        *tries,
        Attempt("signal", name, arguments={"pid": pid}),
        Attempt("ptrace", name, arguments={"pid": pid}),
        Attempt("vm-read", name, arguments={"pid": pid, "address": address}),
        Attempt("pidfd-getfd", name, arguments={"pid": pid}),
    ]


def note_argv(scene: Scene, processes: Processes) -> None:
    """Whether a secret of this stage stands in the gateway's command line, which everybody may read."""
    line = read_bounded(f"/proc/{processes.gateway}/cmdline")
    secrets = _secrets(scene)
    held = [name for name, value in secrets.items() if value in line]
    scene.note("argv", "gateway-process", arguments=len([part for part in line.split("\0") if part]), secrets=held)
    assert scene.target.config is not None
    configs = [read_bounded(file.path) for file in scene.target.config.files]
    found = [name for name, value in secrets.items() if any(value in text for text in configs)]
    scene.note("secret-search", "config-file", errno="OK" if found else "ENOENT", found=found)


def _secrets(scene: Scene) -> dict[str, str]:
    return {name: str(scene.installation.values[f"secret:{name}"]) for name in scene.target.secrets}


# Keyrings.


def join_keyring(scene: Scene) -> Key:
    """Put a key on the session keyring that the gateway will inherit."""
    keyring.join_session()
    return Key(keyring.add_user_key(KEY, b"canary"))


def key_attempts(scene: Scene, key: Key, account: str) -> list[Attempt]:
    """Look for the gateway's key, then for the other accounts'; add one of one's own, for those who come after."""
    tries = [
        Attempt("key-search", "key-of:gateway", arguments={"description": KEY}),
        Attempt("key-read", "key-of:gateway", arguments={"serial": key.serial}),
    ]
    tries += [
        Attempt("key-search", f"key-of:{other}", arguments={"description": f"wallbite-{other}"})
        for other in scene.accounts
        if other != account
    ]
    return [*tries, Attempt("key-add", "own-key", arguments={"description": f"wallbite-{account}"})]


def note_controls(scene: Scene, canary: str) -> None:
    """The gateway's uid finds the key on its session keyring; the setuid canary gives root to who may gain privilege."""
    found = [Attempt("key-search", "key-of:gateway", arguments={"description": KEY})]
    as_account(scene, GATEWAY, [*found, Attempt("setuid-canary", "setuid-canary", path=canary)], "before")


# IPC.


def planted_attempts() -> list[Attempt]:
    """Plant one object of each kind that anybody may use, and the attempts that use them."""
    _plant()
    return _planted()


def ipc_attempts(scene: Scene) -> list[Attempt]:
    """The planted objects, and every object of others that root can list."""
    others = list_objects()
    scene.note("ipc-listing", "ipc", objects=[attempt.object for attempt in others])
    return [*_planted(), *others]


def _planted() -> list[Attempt]:
    return [
        Attempt("abstract", "planted:abstract", arguments={"name": ABSTRACT}),
        Attempt("sysv", "planted:shm", arguments={"type": "shm", "key": SHARED_KEY}),
        Attempt("read", "planted:file", path=SHARED_FILE),
    ]


_kept: list[Any] = []


def _plant() -> None:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind("\0" + ABSTRACT)
    listener.listen(64)
    _kept.append(listener)
    library = ctypes.CDLL(None, use_errno=True)
    if library.shmget(SHARED_KEY, 4096, IPC_CREAT | ALL) < 0:
        raise OSError(ctypes.get_errno(), "shmget")
    Path(SHARED_FILE).write_bytes(b"planted")
    Path(SHARED_FILE).chmod(ALL)


def list_objects() -> list[Attempt]:
    """Abstract sockets, System V objects and shared files that are not the harness's own."""
    found = [Attempt("abstract", f"abstract:{name}", arguments={"name": name}) for name in _abstract() if name != ABSTRACT]
    for kind in ("shm", "sem", "msg"):
        found += [
            Attempt("sysv", f"{kind}:{key}", arguments={"type": kind, "key": key}) for key in _sysv(kind) if key != SHARED_KEY
        ]
    return [*found, *(Attempt("read", f"shared:{path}", path=path) for path in _shared())]


def _abstract() -> list[str]:
    lines = Path("/proc/net/unix").read_text(errors="backslashreplace").splitlines()[1:]
    names = [line.split(" @", 1)[1] for line in lines if " @" in line]
    return sorted(set(names))


def _sysv(kind: str) -> list[int]:
    lines = Path(f"/proc/sysvipc/{kind}").read_text().splitlines()[1:]
    return [int(line.split()[0]) & 0xFFFFFFFF for line in lines if int(line.split()[0]) != 0]


def _shared() -> list[str]:
    places: Sequence[str] = ("/dev/shm", "/dev/mqueue")
    entries = (entry for place in places if os.path.isdir(place) for entry in os.scandir(place))
    return sorted(entry.path for entry in entries if not entry.name.startswith("wallbite-"))
