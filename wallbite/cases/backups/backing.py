"""Case ``backup``: archives of every scope, with traps in what they read; and a restore."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from wallbite.cases.asking import WITHIN
from wallbite.cases.backups import backups
from wallbite.cases.backups.archives import look, needles, note_search
from wallbite.cases.backups.restoring import note_restored
from wallbite.cases.scene import CaseProblem, Scene
from wallbite.cases.spawning import Errand, await_letters, start
from wallbite.cases.watching import by_path, watched
from wallbite.installation.gateway import Gateway
from wallbite.installation.installation import PRIVATE
from wallbite.search import Needle, search_bytes

TRAPS: Final = "wallbite-traps"
PIPED: Final = b"for another reader"
POSTURES: Final = ("ambient-caps", "root")  # where the gateway reads what is its own, and where it reads everything


def plan(postures: Sequence[str]) -> Iterator[dict[str, Any]]:
    """One case for each of two postures; what harries a backup in the first of them that there is."""
    wanted = [posture for posture in POSTURES if posture in postures]
    for posture in wanted:
        yield {"case": f"backup@{posture}", "kind": "backup", "posture": posture, "params": {}}
    for posture in wanted[:1]:
        yield {"case": f"harried@{posture}", "kind": "harried", "posture": posture, "params": {}}


def run(scene: Scene) -> None:
    """Boot, have a job done, and back up beside the running gateway; then restore, and boot again."""
    account, gateway = booted(scene)
    job = job_done(scene, gateway, account)
    secret = needles(scene)
    note_search(scene, secret)
    wanted = [*secret, *([Needle("job", job.encode())] if len(job) > 15 else [])]
    traps = lay_traps(scene)
    with piped(scene, Path(traps[0]).with_name("fifo")):
        scopes(scene, wanted, traps)
    shutil.rmtree(os.path.dirname(traps[0]), ignore_errors=True)
    gateway.stop(scene.target.gateway.stop.within)
    note_restored(scene, gateway, archive(scene, backups.whole(scene)), job, account)
    gateway.kill()


def booted(scene: Scene) -> tuple[str, Gateway]:
    """A gateway with one account's plugin, and a second file among its secrets; the account."""
    verb = scene.target.gateway
    if not (verb.backup and verb.backup_to and verb.backup_scopes and scene.target.spawn):
        raise CaseProblem("the descriptor names no backup and its scopes")
    account = scene.accounts[0]
    scene.lay_down(plugins={str(scene.installation.expanded(scene.target.spawn.plugin, account=account))})
    lay_second_secret(scene)
    gateway = scene.gateway()
    scene.boot(gateway)
    return account, gateway


def archive(scene: Scene, name: str) -> str:
    """Where an archive goes, by a name."""
    return os.path.join(os.path.dirname(scene.target.gateway.backup_to), f"{name}.archive")


def path_of(scene: Scene, role: str) -> str:
    """Where the first surface of a role lies; empty where there is none."""
    return next((str(scene.installation.expanded(one.path)) for one in scene.target.with_role(role)), "")


def lay_second_secret(scene: Scene) -> None:
    """Another file in the secret directory, which no configuration names."""
    directory = path_of(scene, "secret-directory")
    if directory:
        path = Path(directory, "second")
        path.write_text(f"second {secrets.token_hex(32)}\n")
        os.chown(path, scene.gateway_ids["uid"], scene.gateway_ids["gid"])
        path.chmod(0o600)


def job_done(scene: Scene, gateway: Gateway, account: str) -> str:
    """A job that was done before any backup; its name, or nothing where the gateway gives none."""
    errand = Errand(account, "backup-job")
    asked = start(scene, errand)
    if isinstance(asked, str):
        raise CaseProblem(asked)
    letters = await_letters(scene, gateway, errand, *asked, 1, time.monotonic() + WITHIN)
    if isinstance(letters, str):
        raise CaseProblem(letters)
    return asked[1]


def lay_traps(scene: Scene) -> list[str]:
    """Ways to the key from among the plugins' code: a hard link, a symbolic one, and one to its directory."""
    root, key, directory = (path_of(scene, role) for role in ("plugin-root", "age-key", "secret-directory"))
    if not (root and key and directory):
        return [f"{PRIVATE}/{TRAPS}/none"]
    top = Path(root, TRAPS)
    top.mkdir()
    top.chmod(0o755)
    os.link(key, top / "hard-link")
    (top / "symbolic-link").symlink_to(key)
    (top / "directory-link").symlink_to(directory)
    os.mkfifo(top / "fifo")  # who waits for a writer never ends
    return [str(top / name) for name in ("hard-link", "symbolic-link", "directory-link")]


@contextmanager
def piped(scene: Scene, fifo: Path) -> Iterator[None]:
    """Something waits in the pipe to be read by somebody else; whether it waits still is noted at the end."""
    if not fifo.exists():
        yield
        return
    handle = os.open(fifo, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    os.write(handle, PIPED)
    yield
    try:
        left = os.read(handle, len(PIPED))
    except BlockingIOError:
        left = b""
    os.close(handle)
    scene.note("pipe", "fifo", errno="OK" if left == PIPED else "EPIPE")


def scopes(scene: Scene, wanted: Sequence[Needle], traps: Sequence[str]) -> None:
    """One archive of each scope, each file looked at from its first moment on."""
    held = {name: list(roles) for name, roles in scene.target.gateway.backup_scopes.items()}
    with watched() as seen:
        for scope, roles in held.items():
            code, said = backups.attempt(scene, archive(scene, scope), scope, umask=0)
            note_backup(scene, scope, code, said, wanted, scope=scope, roles=roles, traps=list(traps))
    note_written(scene, "written", seen.events, [archive(scene, scope) for scope in held])
    if seen.problem:
        scene.note("written", "watch", errno=seen.problem)


def note_backup(scene: Scene, name: str, code: int, said: str, wanted: Sequence[Needle], **more: Any) -> None:
    """What became of one backup: the archive as it is, and the digests of what it should hold."""
    seen = look(archive(scene, name), wanted, scene.target.gateway.backup_manifest)
    held = {}
    for role in more.get("roles", ()):
        with suppress(OSError):
            held[role] = hashlib.sha256(Path(path_of(scene, role)).read_bytes()).hexdigest()
    secret = {role: path_of(scene, role) for role in ("age-key", "secret-directory")}
    told = search_bytes([("said", said.encode())], wanted).hits
    said = "it tells a secret" if told else said[-300:]
    scene.note("backup", name, exit=code, said=said, archive=seen, digests=held, secret=secret, **more)


def note_written(scene: Scene, operation: str, events: Sequence[Mapping[str, Any]], archives: Sequence[str]) -> None:
    """Each file that was written: every mode that it and its directory were seen with."""
    for path, seen in by_path(events).items():
        place = "archive" if os.path.dirname(path) in {os.path.dirname(one) for one in archives} else "elsewhere"
        scene.note(operation, path, **seen, place=place, archives=list(archives))
