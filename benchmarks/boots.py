"""How long a stage takes from nothing to an empty case and back: the first of a worker, and those after it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

from benchmarks.measuring import Spread
from wallbite.options import STAGES
from wallbite.stages.pool import Pool

WARM: Final = 20  # stages of one worker after its first
NOT_YET: Final = "not measured: there is no such stage yet"


def measure(rounds: int = 5) -> dict[str, Any]:
    """Milliseconds of each kind of stage, cold (with the start of its worker) and warm."""
    namespace = [embedded() for _ in range(rounds)]
    return {
        "rounds": rounds,
        "warm stages a round": WARM,
        "milliseconds": {
            "namespace": {name: Spread.of([one[name] for one in namespace]).to_json() for name in namespace[0]},
            "container": NOT_YET if "container" not in STAGES else "not measured: no measurement is written for it yet",
        },
        "goals": [],
    }


def conduct(request: dict[str, Any], emit: Callable[[dict[str, Any]], None]) -> None:
    """A case that does nothing but say how long its stage took."""
    emit({"boot": request["stage"]["boot_seconds"]})


def embedded() -> dict[str, float]:
    """The embedded stage, once cold and several times warm."""
    began = time.perf_counter()
    with Pool(1, conduct="benchmarks.boots:conduct") as pool:
        list(pool.run([{"case": "cold"}]))
        cold = time.perf_counter() - began
        results = list(pool.run([{"case": str(number)} for number in range(WARM)]))
    return {
        "cold, with its worker": cold * 1000,
        "warm, whole empty case": Spread.of([one.seconds for one in results]).median * 1000,
        "warm, mounts only": Spread.of([one.observations[0]["boot"] for one in results]).median * 1000,
    }
