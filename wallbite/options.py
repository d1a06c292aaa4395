"""What a run is asked to do, the same for every front end."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

STAGES: Final = ("namespace", "container")
DEFAULT_TARGET: Final = "reference"
DEFAULT_OUT: Final = Path("wallbite-report")


@dataclass(frozen=True, slots=True)
class RunOptions:
    """A run's options.

    Attributes:
        target: a target's name, or the path of its descriptor.
        postures: the names of the postures to run in; empty for all that the target declares.
        select: ids or families of requirements; empty for the whole profile.
        profile: the profile to judge; empty for the one that the target claims.
        stage: where the target is laid down.
        engine: the container engine; empty for the first that answers.
        distro: the name of a distribution that was built, for the stage ``container``.
        image: an image of the user's own instead.
        fault: the seeded fault to plant, by name; empty for none.
        out: the folder for the record and its renderings.
        jobs: how many workers run at once, at least 1.
        seed: of everything that is drawn; None for a new one, which the record then holds.
        waivers: a file of failures that somebody answers for; None for none.
    """

    target: str = DEFAULT_TARGET
    postures: tuple[str, ...] = ()
    select: tuple[str, ...] = ()
    profile: str = ""
    stage: str = STAGES[0]
    engine: str = ""
    distro: str = ""
    image: str = ""
    fault: str = ""
    out: Path = DEFAULT_OUT
    jobs: int = 1
    seed: int | None = None
    waivers: Path | None = None


def processors() -> int:
    """How many processors this process may use: as many workers run unless told otherwise."""
    return len(os.sched_getaffinity(0))
