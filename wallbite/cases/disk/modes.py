"""Case ``modes``: what every surface is like after a start, a reload, a rotation and a backup, whatever it was before.

It is started loosened and with an empty umask; in one posture with two other umasks too. Later it is loosened again.
From the first start to the first backup each file that is made is watched from its first moment on.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from wallbite.cases.backups import backups
from wallbite.cases.configuration.documents import told_to_reload
from wallbite.cases.disk.picture import came_to, lay_cheaply, loosen, path_of, picture, start
from wallbite.cases.scene import CaseProblem, Scene
from wallbite.cases.walls import events
from wallbite.cases.watching import by_path, watched
from wallbite.installation.gateway import Gateway
from wallbite.postures import ENFORCING, representative
from wallbite.stages.dropped import as_identity
from wallbite.target.model import Surface

UMASKS: Final = (0o000, 0o022, 0o077)


def plan(postures: Sequence[str]) -> Iterator[dict[str, Any]]:
    """One case for each enforcing posture; every umask in one of them."""
    for posture in postures:
        if posture in ENFORCING:
            umasks = UMASKS if posture == representative(postures) else UMASKS[:1]
            params = {"umasks": list(umasks)}
            yield {"case": f"modes@{posture}", "kind": "modes", "posture": posture, "params": params}


def run(scene: Scene) -> None:
    """A day of a gateway that was laid down too open; then the same from other umasks."""
    lay_cheaply(scene)
    note_unreachable(scene)
    note(scene, "laid", loosened=loosen(scene))
    gateway = first_day(scene)
    if not gateway.alive:
        return
    if scene.target.gateway.reload is not None:
        note(scene, "live", loosened=loosen(scene))
        seen, _ = told_to_reload(gateway)
        note(scene, "reload-of-loose", outcome=seen)
    gateway.kill()
    note(scene, "dead", loosened=loosen(scene))
    gateway = began(scene, "boot-of-loose", scene.params["umasks"][0])
    gateway.kill()
    for umask in scene.params["umasks"][1:]:
        clear(scene)
        gateway = began(scene, f"boot-{umask:03o}", umask)
        if gateway.alive:
            day(scene, gateway, f"-{umask:03o}")
        gateway.kill()


def first_day(scene: Scene) -> Gateway:
    """The first start and what follows, with a watch on what is made; also where it comes to nothing."""
    with watched() as seen:
        gateway = began(scene, "boot", scene.params["umasks"][0])
        if gateway.alive:
            day(scene, gateway, "")
    note_made(scene, by_path(seen.events))
    if seen.problem:
        scene.note("made", "watch", errno=seen.problem)
    return gateway


def note_made(scene: Scene, made: Mapping[str, Mapping[str, Any]]) -> None:
    """Each new file beside a surface of the gateway: whose place it is, and the modes that it was seen with."""
    named = {path_of(scene, one): one for one in scene.target.surfaces if one.class_ == "gateway"}
    beside: dict[str, list[Surface]] = {}
    for path, surface in named.items():
        if surface.kind == "file":
            beside.setdefault(os.path.dirname(path), []).append(surface)
    for path, seen in made.items():
        if near := [named[path]] if path in named else beside.get(os.path.dirname(path)):
            surfaces = {one.name: f"{one.mode:04o}" for one in near}
            scene.note("made", path, errno="OK", surfaces=surfaces, **seen)


def began(scene: Scene, moment: str, umask: int) -> Gateway:
    """Start it, and look at everything."""
    gateway, ended = start(scene, umask=umask)
    note(scene, moment, outcome={**came_to(gateway, ended), "umask": f"{umask:03o}"})
    return gateway


def day(scene: Scene, gateway: Gateway, suffix: str) -> None:
    """A reload, a rotation and a backup, each looked at; and whether the accounts still reach their directories."""
    if scene.target.gateway.reload is not None:
        seen, _ = told_to_reload(gateway)
        note(scene, f"reload{suffix}", outcome=seen)
    problems = []
    verb = scene.target.gateway
    try:
        if verb.rotate is not None:
            events.rotate(scene, gateway)
        if verb.backup and verb.backup_to:
            backups.make(scene, verb.backup_to)
    except CaseProblem as problem:
        problems.append(str(problem))
    outcome = {"accepted": not problems, "refused": False, "tail": "; ".join(problems)}
    note(scene, f"later{suffix}", outcome=outcome)


def note(scene: Scene, moment: str, **seen: Any) -> None:
    """What every surface is like now, and which account reaches its directory."""
    reached = {} if "loosened" in seen else {account: reaches(scene, account) for account in scene.accounts}
    scene.note("modes", moment, surfaces=picture(scene), reached=reached, **seen)


def reaches(scene: Scene, account: str) -> str:
    """What an account gets from its own directory: OK, or an errno."""
    ids = scene.ids(account)

    def enter() -> str:
        try:
            os.chdir(ids["directory"])
            os.listdir(".")
        except OSError as error:
            return errno.errorcode.get(error.errno or 0, str(error))
        return "OK"

    return str(as_identity(ids["uid"], ids["gid"], (ids["gid"],), enter))


def note_unreachable(scene: Scene) -> None:
    """What the accounts get from their directories below closed parents: that they reach them can fail."""
    above = {os.path.dirname(scene.ids(account)["directory"]) for account in scene.accounts} - {"/"}
    modes = {path: os.lstat(path).st_mode & 0o7777 for path in above}
    for path in above:
        os.chmod(path, 0o700)
    reached = {account: reaches(scene, account) for account in scene.accounts}
    for path, mode in modes.items():
        os.chmod(path, mode)
    scene.note("unreachable", "accounts", reached=reached)


def clear(scene: Scene) -> None:
    """Take away what the gateway wrote, so that it is written anew."""
    laid = {step.path for step in scene.target.install}
    config = {file.path for file in scene.target.config.files} if scene.target.config else set()
    for surface in scene.target.surfaces:
        path = path_of(scene, surface)
        written = surface.class_ == "gateway" and surface.kind != "directory" and path not in laid | config
        if written and os.path.lexists(path):
            os.unlink(path)
