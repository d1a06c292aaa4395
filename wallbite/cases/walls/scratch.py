"""The scratch places where anybody may write: what the gateway leaves there, and whether it follows what is planted."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from wallbite.cases.scene import Scene
from wallbite.installation.installation import PRIVATE
from wallbite.installation.layout import state_of
from wallbite.stages import inotify

PLACES: Final = ("/tmp", "/var/tmp", "/dev/shm")
CANARY: Final = "wallbite-watched"
VICTIM: Final = f"{PRIVATE}/victim"
OURS: Final = ("wallbite-",)
MADE: Final = inotify.CREATE | inotify.MOVED_TO


@dataclass
class Watch:
    """What appeared in the scratch places since the watch began."""

    events: inotify.Watch
    names: dict[str, str] = field(default_factory=dict)
    planted: list[str] = field(default_factory=list)
    victim: dict[str, Any] = field(default_factory=dict)
    made: list[str] = field(default_factory=list)

    def drain(self) -> None:
        """Take in what has happened."""
        while events := self.events.wait(0):
            for event in events:
                self.names[f"{event.path}/{event.name}"] = event.path

    def note_made(self, scene: Scene) -> None:
        """Every entry of the gateway's that appeared, with its mode; and that the watch saw the harness's own file."""
        self.drain()
        saw = [path for path in self.names if path.endswith(CANARY)]
        scene.note("scratch-watch", "canary", errno="OK" if len(saw) == len(PLACES) else "ENOENT", seen=saw)
        entries = [entry for path in self.names if (entry := _entry(scene, path))]
        scene.note("scratch-made", "scratch", entries=entries)
        self.made = [entry["path"] for entry in entries]

    def plant(self, scene: Scene) -> None:
        """Put a link to a victim at every name that the gateway used, as any account could have done before."""
        Path(VICTIM).write_bytes(b"victim\n")
        os.chown(VICTIM, scene.gateway_ids["uid"], scene.gateway_ids["gid"])
        Path(VICTIM).chmod(0o600)
        self.victim = state_of(VICTIM, content_too=True)
        for path in self.made:
            Path(path).unlink(missing_ok=True)
            os.symlink(VICTIM, path)
            self.planted.append(path)

    def note_planted(self, scene: Scene, problem: str) -> None:
        """Whether the victim is what it was; ``problem`` says why the gateway did not come up over the links."""
        scene.note(
            "scratch-planted",
            "scratch",
            planted=self.planted,
            problem=problem,
            victim_changed=state_of(VICTIM, content_too=True) != self.victim,
        )


@contextmanager
def watching(scene: Scene) -> Iterator[Watch]:
    """Watch the scratch places, with a file of the harness's own in each as the control that the watch works."""
    watch = Watch(inotify.Watch())
    for place in PLACES:
        watch.events.add(place, MADE)
        Path(place, CANARY).write_bytes(b"")
    watch.drain()
    try:
        yield watch
    finally:
        watch.events.close()


def _entry(scene: Scene, path: str) -> dict[str, Any] | None:
    if os.path.basename(path).startswith(OURS):
        return None
    try:
        state = state_of(path, content_too=False)
    except OSError:
        return {"path": path, "mode": "gone", "readable": False}
    if state["uid"] != scene.gateway_ids["uid"]:
        return None
    return {"path": path, "mode": state["mode"], "readable": bool(int(state["mode"], 8) & 0o077)}
