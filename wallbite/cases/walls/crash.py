"""Case ``crash``: the gateway is killed, and every account reaches for its database: as it lies, and after a start."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from wallbite.cases.scene import Scene
from wallbite.cases.spawning import Errand, as_account, spawn
from wallbite.cases.walls import events, reaching
from wallbite.postures import ENFORCING
from wallbite.target.model import Surface

DATABASE: Final = ("database", "database-wal", "database-shm", "database-journal")


def plan(postures: Sequence[str]) -> Iterator[dict[str, Any]]:
    """One case for each enforcing posture."""
    for posture in postures:
        if posture in ENFORCING:
            yield {"case": f"crash@{posture}", "kind": "crash", "posture": posture, "params": {}}


def run(scene: Scene) -> None:
    """A boot, a job, a reload; SIGKILL, and who may read what it leaves; a second boot, the same through its drop."""
    scene.lay_down()
    gateway = scene.gateway()
    scene.boot(gateway)
    spawn(scene, gateway, Errand(scene.accounts[0], "before-crash"))
    events.happen(scene, "reload-before-crash", lambda: events.reload(scene, gateway))
    there = {one.name for one in reaching.find(scene, databases(scene))}
    gateway.kill()

    def without_it(account: str, everywhere: Sequence[reaching.Found]) -> None:
        as_account(scene, account, reaching.attempts(scene, everywhere, account, reaching.DIRECT), "crashed")

    def through_it(account: str, everywhere: Sequence[reaching.Found]) -> None:
        tries = reaching.attempts(scene, everywhere, account, reaching.DIRECT)
        spawn(scene, gateway, Errand(account, "restarted", tries))

    left = [one for one in reaching.find(scene, databases(scene)) if one.name in there]
    reaching.again(scene, left, "crashed", reaching.DIRECT, without_it)
    scene.boot(gateway)
    reaching.again(scene, reaching.find(scene, databases(scene)), "restarted", reaching.DIRECT, through_it)
    gateway.kill()


def databases(scene: Scene) -> list[Surface]:
    """The database and what belongs to it."""
    return [surface for surface in scene.target.surfaces if surface.role in DATABASE]
