"""How long whole runs take: BOOT, DROP and WALL over all postures; and DROP and WALL in one enforcing posture."""

from __future__ import annotations

import resource
import tempfile
import time
from pathlib import Path

from wallbite.options import RunOptions, processors
from wallbite.progress import Silent
from wallbite.run import run


def measure() -> dict[str, float]:
    """Seconds of wall clock, seconds of processor time in stages, MiB of the harness."""
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        options = RunOptions(
            out=Path(folder, "one"), postures=("ambient-caps",), select=("DROP", "WALL"), jobs=processors()
        )
        one = run(options, Silent())
        figures["DROP and WALL, one posture: processor seconds of its stages"] = one.cpu_seconds
        began = time.monotonic()
        whole = run(RunOptions(out=Path(folder, "all"), jobs=processors(), seed=1), Silent())
        figures["BOOT, DROP, WALL, all postures: seconds"] = time.monotonic() - began
        figures["BOOT, DROP, WALL, all postures: processor seconds of its stages"] = whole.cpu_seconds
    figures["peak memory of the harness, MiB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    figures["peak memory of its largest process, MiB"] = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return figures


if __name__ == "__main__":
    for name, value in measure().items():
        print(f"{name}: {value:.1f}")
