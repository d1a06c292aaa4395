"""Case ``planted``: something else, or somebody else's, in a surface's place; at a start and at a reload.

A reload costs less than a start, so in one posture it meets every surface with another owner, with a link, and with one
of the other kinds in a drawn turn. Each surface is also met by a start, with a drawn kind, in one of the postures.
"""

from __future__ import annotations

import os
import random
import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from wallbite.cases.configuration.documents import told_to_reload
from wallbite.cases.disk import modes
from wallbite.cases.disk.picture import KEY, came_to, lay_cheaply, path_of, start
from wallbite.cases.scene import CaseProblem, Scene
from wallbite.installation.gateway import Gateway
from wallbite.installation.layout import state_of
from wallbite.postures import ENFORCING, representative
from wallbite.target.model import Surface

FOREIGN: Final = "foreign"  # what stands there is as it was, but somebody else's
PLANTS: Final = {
    "file": ("foreign", "link", "fifo", "directory", "device"),
    "directory": ("foreign", "link", "fifo", "file"),
    "socket": ("link", "fifo", "file"),
}
AWAY: Final = ".wallbite-away"  # what a surface is called while something else is in its place
NULL_DEVICE: Final = (1, 3)


def plan(postures: Sequence[str], seed: int) -> Iterator[dict[str, Any]]:
    """One case for each enforcing posture; the starts are dealt out among them."""
    enforcing = [posture for posture in postures if posture in ENFORCING]
    for number, posture in enumerate(enforcing):
        params = {
            "whole": posture == representative(postures),
            "share": [number, len(enforcing)],
            "turn": random.Random(seed).randrange(60),  # noqa: S311 - a reproducible choice, not a secret
        }
        yield {"case": f"planted@{posture}", "kind": "planted", "posture": posture, "params": params}


def run(scene: Scene) -> None:
    """Start it once in good order, so that every surface is there; then plant."""
    lay_cheaply(scene)
    gateway = started(scene)
    modes.day(scene, gateway, "")
    victims = chosen(scene)
    scene.note("victims", "surfaces", kinds={surface.name: surface.kind for surface in victims})
    again = scene.target.gateway.reload is not None
    for number, surface in enumerate(victims if scene.params["whole"] else ()):
        for plant in planted_here(surface, number + scene.params["turn"]):
            if again and (plant == FOREIGN or not holds_log(scene, surface)):
                gateway = reload_over(scene, gateway, surface, plant)
    gateway.kill()
    for number, surface in enumerate(victims if scene.params["whole"] else ()):
        for plant in planted_here(surface, number + scene.params["turn"]):
            if not again or (plant != FOREIGN and holds_log(scene, surface)):
                start_over(scene, surface, plant)
    first, every = scene.params["share"]
    for number, surface in enumerate(victims):
        if number % every == first:
            kinds = PLANTS[surface.kind]
            start_over(scene, surface, kinds[(number + scene.params["turn"]) % len(kinds)])


def planted_here(surface: Surface, turn: int) -> tuple[str, ...]:
    """Somebody else's, a link, and one of the other kinds in turn."""
    kinds = PLANTS[surface.kind]
    rest = [kind for kind in kinds if kind not in (FOREIGN, "link")]
    return (*(kind for kind in kinds if kind not in rest), rest[turn % len(rest)])


def started(scene: Scene) -> Gateway:
    """A gateway on its sound layout.

    Raises:
        CaseProblem: it does not come up.
    """
    gateway, ended = start(scene)
    scene.note("unplanted", "nothing", **came_to(gateway, ended))
    if ended != "ready":
        raise CaseProblem(f"the sound layout does not come up: {gateway.tail()}")
    return gateway


def chosen(scene: Scene) -> list[Surface]:
    """The gateway's own surfaces that are there, each place once; and the directory of the last account."""
    found: dict[str, Surface] = {}
    for surface in scene.target.surfaces:
        last = surface.account == scene.accounts[-1]
        own = surface.class_ == "gateway" or (last and surface.class_ == "account" and surface.kind == "directory")
        if own and surface.kind in PLANTS and os.path.lexists(path_of(scene, surface)):
            found.setdefault(path_of(scene, surface), surface)
    return list(found.values())


def holds_log(scene: Scene, surface: Surface) -> bool:
    """Whether nobody could hear what a running gateway says while this is away."""
    log = str(scene.installation.expanded(scene.target.gateway.log))
    return f"{log}/".startswith(f"{path_of(scene, surface)}/")


@dataclass
class Planted:
    """A plant in its place, and what it was before: to look at it, and to take it away again."""

    path: str
    plant: str
    mode: int
    before: os.stat_result
    bystander: str

    def look(self) -> dict[str, Any]:
        """The plant, what a link leads to, and a place that is too open and has nothing to do with it."""
        places = {"plant": self.path, "bystander": self.bystander}
        if self.plant != "foreign":
            places["behind"] = self.path + AWAY
        found = {}
        for name, path in places.items():
            with suppress(OSError):
                state = state_of(path, content_too=False)
                found[name] = [state["kind"], state["mode"], state["uid"], state["gid"], state["inode"]]
        return found

    def restore(self) -> None:
        """Put everything back."""
        os.chmod(self.bystander, self.mode)
        if self.plant != "foreign":
            with suppress(FileNotFoundError):
                (os.rmdir if stat.S_ISDIR(os.lstat(self.path).st_mode) else os.unlink)(self.path)
            os.rename(self.path + AWAY, self.path)
        with suppress(FileNotFoundError):  # a gateway that came up over a plant may have taken it away when it ended
            os.chown(self.path, self.before.st_uid, self.before.st_gid)
            os.chmod(self.path, stat.S_IMODE(self.before.st_mode))


def put(scene: Scene, surface: Surface, plant: str) -> Planted:
    """Plant. What stood there lies beside it, loose; a link leads to it, so that whoever follows finds all in order.

    Raises:
        OSError: the stage does not let such a thing be made.
    """
    path, ids = path_of(scene, surface), scene.gateway_ids
    bystander = bystander_of(scene, path)
    planted = Planted(path, plant, stat.S_IMODE(os.lstat(bystander).st_mode), os.lstat(path), bystander)
    loose = 0o755 if surface.kind == "directory" else 0o644
    if plant == "foreign":
        other = scene.accounts[0]
        os.chown(path, scene.identities.uid(other), scene.identities.gid(other))
        if surface.role != KEY:
            os.chmod(path, loose)
    else:
        os.rename(path, path + AWAY)
        try:
            make(path, plant)
        except OSError:
            os.rename(path + AWAY, path)
            raise
        owner = (planted.before.st_uid, planted.before.st_gid) if surface.account else (ids["uid"], ids["gid"])
        os.chown(path, *owner, follow_symlinks=False)
        if surface.role != KEY:
            os.chmod(path + AWAY, loose)
    os.chmod(bystander, 0o755)
    return planted


def make(path: str, plant: str) -> None:
    """Put something that is not expected in a place."""
    if plant == "link":
        os.symlink(path + AWAY, path)
    elif plant == "fifo":
        os.mkfifo(path, 0o600)
    elif plant == "directory":
        os.mkdir(path, 0o700)
    elif plant == "device":
        os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(*NULL_DEVICE))
    else:
        with open(path, "xb"):
            os.chmod(path, 0o600)


def bystander_of(scene: Scene, path: str) -> str:
    """A directory of the gateway's own that has nothing to do with a path: it is opened, and must stay so."""
    for surface in scene.target.surfaces:
        other = path_of(scene, surface)
        apart = not path.startswith(other) and not other.startswith(path)
        if surface.class_ == "gateway" and surface.kind == "directory" and apart and os.path.isdir(other):
            return other
    raise CaseProblem(f"no directory of the gateway's own lies apart from {path}")


def reload_over(scene: Scene, gateway: Gateway, surface: Surface, plant: str) -> Gateway:
    """Tell a running gateway to look again; the gateway that runs then."""
    if not gateway.alive:
        gateway = started(scene)
    try:
        planted = put(scene, surface, plant)
    except OSError as error:
        note(scene, surface, plant, "reload", {"impossible": str(error.strerror)})
        return gateway
    before = planted.look()
    seen, _ = told_to_reload(gateway)
    after = planted.look()
    planted.restore()
    note(scene, surface, plant, "reload", {**seen, **differences(before, after)})
    if not seen["refused"]:
        gateway.kill()
    return gateway


def start_over(scene: Scene, surface: Surface, plant: str) -> None:
    """Start it over a plant."""
    try:
        planted = put(scene, surface, plant)
    except OSError as error:
        note(scene, surface, plant, "boot", {"impossible": str(error.strerror)})
        return
    before = planted.look()
    gateway, ended = start(scene)
    seen = came_to(gateway, ended)
    gateway.kill()
    after = planted.look()
    planted.restore()
    note(scene, surface, plant, "boot", {**seen, **differences(before, after)})


def differences(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """What was changed."""
    return {
        "changed": [
            f"{name}: {before[name]} to {after.get(name)}" for name in before if before[name] != after.get(name)
        ]
    }


def note(scene: Scene, surface: Surface, plant: str, reader: str, seen: dict[str, Any]) -> None:
    """What it came to."""
    scene.note("planted", surface.name, reader=reader, plant=plant, **seen)
