"""What was backed up is taken away, restored by root, and booted: is it as it was?"""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path
from typing import Any, Final

from wallbite.cases.asking import who_runs
from wallbite.cases.backups.backups import whole
from wallbite.cases.scene import CaseProblem, Scene
from wallbite.cases.spawning import Errand
from wallbite.installation.command import run_bounded
from wallbite.installation.gateway import Gateway
from wallbite.installation.talk import job_state

WITHIN: Final = 30.0
ASKED: Final = 5.0
DATABASE: Final = ("database", "database-wal", "database-shm", "database-journal")  # compared by what it says of a job


def note_restored(scene: Scene, gateway: Gateway, archive: str, job: str, account: str) -> None:
    """Take away all that the whole scope holds, restore it, compare, boot, and ask for a job that was done before."""
    verb = scene.target.gateway
    roles = verb.backup_scopes[whole(scene)]
    before = {path: _digest(path) for path in _files(scene, tuple(set(roles) - set(DATABASE)))}
    for path in (*before, *_files(scene, DATABASE)):
        Path(path).unlink(missing_ok=True)
    _empty_roots(scene, roles)
    seen: dict[str, Any] = {"exit": None, "said": "", "compared": len(before), "booted": "", "job": "", "uids": []}
    if verb.restore and os.path.exists(archive):
        argv = [str(part) for part in scene.installation.expanded(list(verb.restore), **{"from": archive})]
        try:
            seen["exit"], said = run_bounded(argv, WITHIN, umask=0o022, cwd="/", env={"PATH": "/usr/bin:/bin"})
            seen["said"] = said[-300:]
        except OSError as error:
            seen["said"] = str(error)
    seen["differs"] = sorted(path for path, digest in before.items() if _digest(path) != digest)[:20]
    try:
        scene.boot(gateway)
    except CaseProblem as problem:
        seen["booted"] = str(problem)
    else:
        seen["booted"] = "ready"
        if job and scene.target.spawn and scene.target.spawn.job:
            state = job_state(scene.installation, job, ASKED)
            seen["job"] = state.status if state.finished else "unfinished"
        seen["uids"] = who_runs(scene, gateway, Errand(account, "restored"))["uids"]
    scene.note("restored", "archive", **seen, asked=bool(job), expected=scene.ids(account))


def _files(scene: Scene, roles: tuple[str, ...]) -> list[str]:
    """Every file of these roles; for plugins, every file of their roots."""
    tops = {str(scene.installation.expanded(one.path)) for role in roles for one in scene.target.with_role(role)}
    if any(role.startswith("plugin-") for role in roles):
        tops |= {str(scene.installation.expanded(one.path)) for one in scene.target.with_role("plugin-root")}
    found = []
    for top in tops:
        path = Path(top)
        found += [str(each) for each in path.rglob("*") if each.is_file()] if path.is_dir() else [top]
    return sorted(path for path in set(found) if os.path.isfile(path))


def _empty_roots(scene: Scene, roles: tuple[str, ...]) -> None:
    if any(role.startswith("plugin-") for role in roles):
        for one in scene.target.with_role("plugin-root"):
            for each in Path(str(scene.installation.expanded(one.path))).iterdir():
                shutil.rmtree(each)


def _digest(path: str) -> str:
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except OSError:
        return ""
