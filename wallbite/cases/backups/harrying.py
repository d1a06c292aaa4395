"""Case ``harried``: backups that lead astray, that meet what is there, that are killed, and that are raced."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from wallbite.cases.backups import backups
from wallbite.cases.backups.archives import look, needles, note_search
from wallbite.cases.backups.backing import archive, booted, note_backup, path_of
from wallbite.cases.disk import racing
from wallbite.cases.scene import Scene
from wallbite.cases.watching import watched
from wallbite.installation.installation import PRIVATE
from wallbite.installation.layout import state_of
from wallbite.search import Needle
from wallbite.stages.openings import Kill

LOOSE: Final = (0o755, 0o710, 0o701)  # of a directory for archives: as usual, and with a single bit for others
POINTS: Final = ("open", "between")  # when what is written appears; when other files are opened after that
RACES: Final = 3  # backups
VICTIM: Final = f"{PRIVATE}/backup-victim"


def run(scene: Scene) -> None:
    """A gateway that has run is backed up while much goes wrong."""
    account, gateway = booted(scene)
    gateway.stop(scene.target.gateway.stop.within)
    secret = needles(scene)
    note_search(scene, secret)
    detours(scene, secret)
    again(scene)
    for point in POINTS:
        killed(scene, point)
    race(scene, account, secret)


def detours(scene: Scene, wanted: Sequence[Needle]) -> None:
    """An include that is the key by another name, and a plugin root that is the secret directory by another."""
    key, directory = path_of(scene, "age-key"), path_of(scene, "secret-directory")
    for name, role, to in (("include", "config-include", key), ("plugin-root", "plugin-root", directory)):
        path = path_of(scene, role)
        within = "plugin-entry" if role == "plugin-root" else role
        scope = next((scope for scope, roles in _held(scene) if within in roles), "")
        if not (path and to and scope):
            continue
        os.rename(path, f"{path}.aside")
        if role == "plugin-root":
            os.symlink(to, path)
        else:
            os.link(to, path)
        code, said = backups.attempt(scene, archive(scene, name), scope)
        os.unlink(path)
        os.rename(f"{path}.aside", path)
        note_backup(scene, name, code, said, wanted, scope=scope)


def _held(scene: Scene) -> list[tuple[str, tuple[str, ...]]]:
    return list(scene.target.gateway.backup_scopes.items())


def again(scene: Scene) -> None:
    """Over an archive that is there, over a link to something else, and into a directory that others may enter."""
    scope = next((scope for scope, roles in _held(scene) if "config-file" in roles), backups.whole(scene))
    first = archive(scene, "first")
    backups.attempt(scene, first, scope)
    before = _state(first)
    code, said = backups.attempt(scene, first, scope)
    scene.note("backup-again", "archive", exit=code, said=said[-200:], unchanged=_state(first) == before, before=before)
    Path(VICTIM).write_bytes(b"victim\n")
    os.chown(VICTIM, scene.gateway_ids["uid"], scene.gateway_ids["gid"])
    link, before = archive(scene, "link"), _state(VICTIM)
    os.symlink(VICTIM, link)
    code, said = backups.attempt(scene, link, scope)
    kept = _state(VICTIM) == before and os.path.islink(link)
    scene.note("backup-again", "link", exit=code, said=said[-200:], unchanged=kept, before=before)
    os.unlink(link)
    for mode in LOOSE:
        loose(scene, scope, mode)


def loose(scene: Scene, scope: str, given: int) -> None:
    """A directory for archives that others may enter: refused, or closed before the first byte."""
    directory = f"{os.path.dirname(scene.target.gateway.backup_to)}-loose"
    os.mkdir(directory)
    os.chown(directory, scene.gateway_ids["uid"], scene.gateway_ids["gid"])
    os.chmod(directory, given)
    to = f"{directory}/one.archive"
    with watched() as seen:
        code, said = backups.attempt(scene, to, scope)
    inside = [event for event in seen.events if str(event.get("path", "")).startswith(f"{directory}/")]
    parents = sorted({event["parent"] for event in inside})
    mode = state_of(directory, content_too=False)["mode"]
    outcome = {"exit": code, "said": said[-200:], "made": os.path.lexists(to), "parents": parents, "mode": mode}
    scene.note("backup-loose", f"directory {given:04o}", errno=seen.problem, **outcome)
    shutil.rmtree(directory)


def _state(path: str) -> dict[str, Any]:
    try:
        return state_of(path, content_too=True)
    except OSError:
        return {}


def killed(scene: Scene, point: str) -> None:
    """Killed at one moment: what it left, wherever, and how that is closed."""
    directory = os.path.dirname(scene.target.gateway.backup_to)
    before = set(os.listdir(directory))
    with watched(Kill(point, os.path.dirname(path_of(scene, "database")))) as seen:
        code, _ = backups.attempt(scene, archive(scene, f"killed-{point}"), umask=0)
    new = {str(event["path"]) for event in seen.events if "path" in event and "mode" in event}
    new |= {os.path.join(directory, name) for name in set(os.listdir(directory)) - before}
    left = [{"path": path, **state} for path in sorted(new) if (state := _state(path))]
    happened = any(event["event"] == "killed" for event in seen.events)
    outcome = {"happened": happened, "exit": code, "left": left, "gateway": scene.gateway_ids}
    scene.note("backup-killed", point, errno=seen.problem, **outcome)


def race(scene: Scene, account: str, secret: Sequence[Needle]) -> None:
    """Backups of a directory that an account was given, while its process exchanges files and links in it."""
    root, key, directory = (path_of(scene, role) for role in ("plugin-root", "age-key", "secret-directory"))
    scope = next((scope for scope, roles in _held(scene) if "plugin-entry" in roles), "")
    if not (root and key and directory and scope):
        return
    top, decoy = f"{root}/wallbite-raced", Needle("decoy", secrets.token_hex(16).encode())
    ids = scene.ids(account)
    pairs = racing.lay(top, key, directory, racing.DECOY + decoy.value, ids)
    runner = racing.Race(ids["uid"], ids["gid"], pairs)
    exits, hits, unread, made = [], [], [], 0
    for number in range(RACES):
        path = archive(scene, f"raced-{number}")
        exits.append(backups.attempt(scene, path, scope)[0])
        found = look(path, [*secret, decoy], scene.target.gateway.backup_manifest)
        made += bool(found)
        hits += found.get("hits", [])
        unread += found.get("unread", [])
    flips = runner.stop()
    shutil.rmtree(top)
    names = sorted({hit["needle"] for hit in hits})
    tries = RACES * racing.FILES
    scene.note("backup-raced", account, flips=flips, tries=tries, exits=exits, made=made, found=names, unread=unread)
