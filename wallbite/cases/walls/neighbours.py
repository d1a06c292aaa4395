"""What else an account could reach besides files: processes, keyrings, IPC objects, and what the harness plants."""

from __future__ import annotations

import ctypes
import os
import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from wallbite.cases import truth
from wallbite.cases.scene import Scene
from wallbite.cases.spawning import Errand, as_account, collect, identity_attempts, missing, start
from wallbite.installation import processes as processes_of
from wallbite.installation.gateway import Gateway, read_bounded
from wallbite.installation.identities import GATEWAY
from wallbite.installation.installation import PRIVATE
from wallbite.installation.processes import first_mapping
from wallbite.probing.answers import Answer
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
    """What runs and is out of bounds.

    Attributes:
        gateway: the gateway's pid, and those of its children that are no plugins.
        of_account: the pid of one process of each account.
        keys: the serial of a key on that process's session keyring.
        job: one of the jobs that these processes belong to.
    """

    gateway: tuple[int, ...]
    of_account: dict[str, int]
    keys: dict[str, int]
    job: str


@dataclass(frozen=True)
class Key:
    """A key on the gateway's session keyring."""

    serial: int


def hold(scene: Scene, gateway: Gateway) -> Processes:
    """Have the gateway spawn one process of each account that stays until :func:`release`."""
    os.mkfifo(HOLD, 0o644)
    os.chmod(HOLD, 0o644)
    children = _children(gateway.pid)
    errands = [
        Errand(account, "held", [*own_key(account), *identity_attempts(scene, account)], {"hold": HOLD})
        for account in scene.accounts
    ]
    plugin = scene.target.spawn.held if scene.target.spawn else ""
    begun = [(errand, start(scene, errand, plugin)) for errand in errands]
    pids: dict[str, int] = {}
    keys: dict[str, int] = {}
    for errand, asked in begun:
        if isinstance(asked, str):
            missing(scene, errand, asked)
        elif answer := collect(scene, gateway, errand, *asked):
            note_word(scene, errand.account, answer)
            pids[errand.account] = truth.find(answer.who["pid"], answer.owner_uid)
            for serial in _serials(asked[0].attempts, answer):
                keys[errand.account] = serial
    jobs = [asked[1] for _, asked in begun if not isinstance(asked, str)]
    of_account = {account: pid for account, pid in pids.items() if pid > 1}
    return Processes((gateway.pid, *_staying(scene, children)), of_account, keys, next(iter(jobs), ""))


def own_key(account: str) -> list[Attempt]:
    """Put a key on one's own session keyring, and find it there."""
    own = {"description": f"wallbite-{account}"}
    return [Attempt("key-add", "own-key", arguments=own), Attempt("key-search", "own-key", arguments=own)]


def _serials(attempts: Sequence[Attempt], answer: Answer) -> list[int]:
    pairs = zip(attempts, answer.results, strict=True)
    seen = [result.seen.get("serial") for one, result in pairs if one.operation == "key-add" and result.errno == "OK"]
    return [serial for serial in seen if type(serial) is int]


def _children(pid: int) -> tuple[int, ...]:
    """The children of a process, whichever of its threads made them."""
    texts = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(FileNotFoundError, ProcessLookupError):  # a thread that has ended has none
            texts.append(path.read_text())
    return tuple(sorted(int(child) for text in texts for child in text.split()))


def _staying(scene: Scene, pids: Sequence[int]) -> list[int]:
    """Those that are still there, and are no plugin that the gateway started by itself."""
    staying = []
    for pid in pids:
        with suppress(OSError):
            if processes_of.read(pid)[0].uids[0] not in {scene.identities.uid(account) for account in scene.accounts}:
                staying.append(pid)
    return staying


def note_word(scene: Scene, account: str, answer: Answer) -> None:
    """What the kernel says of the process that answered, beside what it said of itself."""
    errno, differs = truth.by_the_kernel(answer)
    scene.emit(
        "kernel", "held", account=account, vantage="harness", step="held", errno=errno, seen={"differs": differs}
    )


def release() -> None:
    """Let the held processes end."""
    with suppress(OSError):
        os.close(os.open(HOLD, os.O_WRONLY | os.O_NONBLOCK))


def process_attempts(scene: Scene, processes: Processes, account: str) -> list[Attempt]:
    """Everything that reaches into a process, for the gateway's and for each process that is not the account's own."""
    named = {"gateway-process": processes.gateway[0]}
    named |= {f"gateway-child-{number}": pid for number, pid in enumerate(processes.gateway[1:], 1)}
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
    line = "".join(read_bounded(f"/proc/{pid}/cmdline") for pid in processes.gateway)
    secrets = _secrets(scene)
    held = [name for name, value in secrets.items() if value in line]
    scene.note("argv", "gateway-process", arguments=len([part for part in line.split("\0") if part]), secrets=held)
    assert scene.target.config is not None
    configs = [read_bounded(file.path) for file in scene.target.config.files]
    found = [name for name, value in secrets.items() if any(value in text for text in configs)]
    scene.note("secret-search", "config-file", errno="OK" if found else "ENOENT", found=found)


def _secrets(scene: Scene) -> dict[str, str]:
    """What must stay secret: the descriptor's tokens, and what the gateway's canaries hold."""
    found = {name: str(scene.installation.values[f"secret:{name}"]) for name in scene.target.secrets}
    canaries = (step for step in scene.target.install if step.kind == "canary" and not step.account)
    return {**found, **{step.path: read_bounded(step.path).split()[-1] for step in canaries}}


# Keyrings.


def join_keyring(scene: Scene) -> Key:
    """Put a key on the session keyring that the gateway will inherit."""
    keyring.join_session()
    return Key(keyring.add_user_key(KEY, b"canary"))


def key_attempts(scene: Scene, key: Key, processes: Processes, account: str) -> list[Attempt]:
    """Look for the gateway's key, then for those that the other accounts' held processes have."""
    tries = [
        Attempt("key-search", "key-of:gateway", arguments={"description": KEY}),
        Attempt("key-read", "key-of:gateway", arguments={"serial": key.serial}),
    ]
    for other, serial in processes.keys.items():
        if other != account:
            tries.append(Attempt("key-search", f"key-of:{other}", arguments={"description": f"wallbite-{other}"}))
            tries.append(Attempt("key-read", f"key-of:{other}", arguments={"serial": serial}))
    return tries


def note_control(scene: Scene) -> None:
    """The gateway's uid finds the key on its session keyring."""
    as_account(scene, GATEWAY, [Attempt("key-search", "key-of:gateway", arguments={"description": KEY})], "before")


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
    found = [
        Attempt("abstract", f"abstract:{name}", arguments={"name": name}) for name in _abstract() if name != ABSTRACT
    ]
    for kind in ("shm", "sem", "msg"):
        found += [
            Attempt("sysv", f"{kind}:{key}/{id_}", arguments={"type": kind, "id": id_})
            for key, id_ in _sysv(kind)
            if key != SHARED_KEY
        ]
    return [*found, *(Attempt("read", f"shared:{path}", path=path) for path in _shared())]


def _abstract() -> list[str]:
    lines = Path("/proc/net/unix").read_text(errors="backslashreplace").splitlines()[1:]
    names = [line.split(" @", 1)[1] for line in lines if " @" in line]
    return sorted(set(names))


def _sysv(kind: str) -> list[tuple[int, int]]:
    """Key and identifier of each object; who knows the identifier needs no key."""
    lines = Path(f"/proc/sysvipc/{kind}").read_text().splitlines()[1:]
    return [(int(line.split()[0]) & 0xFFFFFFFF, int(line.split()[1])) for line in lines]


def _shared() -> list[str]:
    places: Sequence[str] = ("/dev/shm", "/dev/mqueue")
    entries = (entry for place in places if os.path.isdir(place) for entry in os.scandir(place))
    return sorted(entry.path for entry in entries if not entry.name.startswith("wallbite-"))
