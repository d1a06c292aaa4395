"""How long a stage takes from nothing to an empty case and back: the first of a worker, and those after it.

What a container costs beyond that is measured by the smallest case that there is, in both kinds of stage alike.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

from benchmarks.measuring import Spread
from wallbite import run
from wallbite.containers.selection import container_stage
from wallbite.options import RunOptions
from wallbite.problems import EnvironmentProblem
from wallbite.stages.pool import Pool, Start, start_here

WARM: Final = 20  # stages of one worker after its first
SMALLEST: Final = "no-default"  # kind of case: one boot and one job
REPEATED: Final = 5
CONTAINER: Final = RunOptions(stage="container", distro="debian-12", postures=("ambient-caps",), select=("DROP-14",))


def measure(rounds: int = 5) -> dict[str, Any]:
    """Milliseconds of each kind of stage, cold (with the start of its worker) and warm."""
    namespace = [{**embedded(), **smallest(start_here)} for _ in range(rounds)]
    return {
        "rounds": rounds,
        "warm stages a round": WARM,
        "smallest case": SMALLEST,
        "milliseconds": {"namespace": spread(namespace), "container": contained(rounds)},
        "goals": [],
    }


def spread(rounds: list[dict[str, float]]) -> dict[str, Any]:
    """Each figure over the rounds."""
    return {name: Spread.of([one[name] for one in rounds]).to_json() for name in rounds[0]}


def contained(rounds: int) -> dict[str, Any] | str:
    """The same case in containers of an image that is there; or why it was not measured."""
    found = []
    try:
        for _ in range(rounds):
            began = time.perf_counter()
            with container_stage(CONTAINER, run.plan(CONTAINER).target) as stage:
                entered = time.perf_counter() - began
                found.append({"equip and look at the image": entered * 1000, **smallest(stage.start)})
    except EnvironmentProblem as problem:
        return f"not measured: {problem}"
    return spread(found)


def smallest(start: Start) -> dict[str, float]:
    """The smallest case in a worker that is started so: the first, and the median of those after it."""
    planned = run.plan(CONTAINER)
    case = next(each for each in planned.cases if each["kind"] == SMALLEST)
    began = time.perf_counter()
    with Pool(1, run.CONDUCT, context={"target": planned.options.target, "fault": ""}, start=start) as pool:
        first = list(pool.run([case], run.CASE_SECONDS))
        cold = time.perf_counter() - began
        later = list(pool.run([{**case, "case": f"{number}"} for number in range(REPEATED)], run.CASE_SECONDS))
    if problems := [one.problem for one in (*first, *later) if one.problem]:
        raise RuntimeError(f"the smallest case does not end: {problems[0]}")
    return {
        "cold, smallest case with its worker": cold * 1000,
        "warm, smallest case": Spread.of([one.seconds for one in later]).median * 1000,
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
