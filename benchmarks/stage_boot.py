"""How long the embedded stage takes to boot: from the fork of its helper until process 1 is ready to run a case."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any

from wallbite.stages.pool import Pool

STAGES = 100


def conduct(request: dict[str, Any], emit: Callable[[dict[str, Any]], None]) -> None:
    """A case that does nothing but say how long its stage took."""
    emit({"boot": request["stage"]["boot_seconds"]})


def measure() -> dict[str, float]:
    """Milliseconds, over stages in sequence: mounts in process 1, and the whole of an empty case."""
    with Pool(1, conduct="benchmarks.stage_boot:conduct") as pool:
        results = list(pool.run([{"case": str(number)} for number in range(STAGES)]))
    boots = [result.observations[0]["boot"] * 1000 for result in results]
    wholes = [result.seconds * 1000 for result in results]
    return {
        "stage boot, median ms": statistics.median(boots),
        "stage boot, p95 ms": statistics.quantiles(boots, n=20)[-1],
        "empty case with teardown, median ms": statistics.median(wholes),
    }


if __name__ == "__main__":
    for name, value in measure().items():
        print(f"{name}: {value:.1f}")
