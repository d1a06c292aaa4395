"""Watching a stage's places for files that are made: what each was like from its first moment on."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any, Final

from wallbite.installation import processes
from wallbite.stages.openings import Kill, Openings

WATCHED: Final = ("/", "/tmp", "/run", "/var/tmp", "/dev/shm")


def watch(kill: Kill | None = None) -> Openings:
    """Watch every place where something may be written, but for what runs already.

    Raises:
        OSError: the kernel or the container does not let it.
    """
    mounts = [path for path in WATCHED if os.path.ismount(path)]
    return Openings(mounts, processes.present(), kill)


def by_path(events: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Of each new file: every mode that it and its directory were seen with, and its size at the first look."""
    seen: dict[str, list[Mapping[str, Any]]] = {}
    for event in events:
        seen.setdefault(str(event.get("path", "")), []).append(event)
    return {
        path: {
            "modes": sorted({str(event["mode"]) for event in each if "mode" in event}),
            "parents": sorted({str(event["parent"]) for event in each if "parent" in event}),
            "first_size": next((event["size"] for event in each if "size" in event), None),
        }
        for path, each in seen.items()
    }
