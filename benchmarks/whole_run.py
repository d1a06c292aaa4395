"""How long whole runs take: the profile, its first families, and one enforcing posture of each."""

from __future__ import annotations

import resource
import tempfile
import time
from pathlib import Path
from typing import Final

from wallbite.options import RunOptions, processors
from wallbite.progress import Silent
from wallbite.run import run

ONE: Final = ("ambient-caps",)
FIRST: Final = ("BOOT", "DROP", "WALL")
RUNS: Final[dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "DROP and WALL, one posture": (ONE, ("DROP", "WALL")),
    "BOOT, DROP and WALL, all postures": ((), FIRST),
    "the whole profile, one posture": (ONE, ()),
    "the whole profile, all postures": ((), ()),
}


def measure() -> dict[str, float]:
    """Seconds of wall clock, seconds of processor time in stages, MiB of the harness."""
    figures: dict[str, float] = {}
    for name, (postures, select) in RUNS.items():
        with tempfile.TemporaryDirectory() as folder:
            options = RunOptions(out=Path(folder, "out"), postures=postures, select=select, jobs=processors(), seed=1)
            began = time.monotonic()
            done = run(options, Silent())
            figures[f"{name}: seconds"] = time.monotonic() - began
            figures[f"{name}: processor seconds of its stages"] = done.cpu_seconds
    figures["peak memory of the harness, MiB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    figures["peak memory of its largest process, MiB"] = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return figures


if __name__ == "__main__":
    for name, value in measure().items():
        print(f"{name}: {value:.1f}")
