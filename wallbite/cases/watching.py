"""Watching a stage's places for files that are made: what each was like from its first moment on."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from wallbite.installation import processes
from wallbite.stages.openings import Kill, Openings

WATCHED: Final = ("/", "/tmp", "/run", "/var/tmp", "/dev/shm")


@dataclass(slots=True)
class Watched:
    """What was seen until the watch ended; ``problem`` is the errno's name where that is not all there was."""

    events: list[dict[str, Any]] = field(default_factory=list)
    problem: str = ""


@contextmanager
def watched(kill: Kill | None = None) -> Iterator[Watched]:
    """Watch every place where something may be written, but for what runs already; what was seen is there at the end.

    Where the kernel or the container does not let it, nothing is seen, and the problem says why. Where some were lost
    (EOVERFLOW) those that were kept are seen.
    """
    seen = Watched()
    try:
        openings = Openings([path for path in WATCHED if os.path.ismount(path)], processes.present(), kill)
    except OSError as error:
        seen.problem = errno.errorcode.get(error.errno or 0, str(error))
        yield seen
        return
    try:
        yield seen
    finally:
        seen.events = openings.stop()
        if any(event["event"] == "lost" for event in seen.events):
            seen.problem = errno.errorcode[errno.EOVERFLOW]


def by_path(events: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Of each new file: every mode that it and its directory were seen with, and its size at the first look."""
    seen: dict[str, list[Mapping[str, Any]]] = {}
    for event in events:
        if "path" in event:
            seen.setdefault(str(event["path"]), []).append(event)
    return {
        path: {
            "modes": sorted({str(event["mode"]) for event in each if "mode" in event}),
            "parents": sorted({str(event["parent"]) for event in each if "parent" in event}),
            "first_size": next((event["size"] for event in each if "size" in event), None),
        }
        for path, each in seen.items()
    }
