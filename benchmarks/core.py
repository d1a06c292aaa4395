"""A core run against its floor, which is counted and then done, and where the rest of its time goes."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any, Final
from unittest import mock

from benchmarks.measuring import Spread, goal, ratios
from wallbite import checks, reports, run
from wallbite.options import RunOptions, processors
from wallbite.progress import Silent
from wallbite.stages.pool import Pool

GOAL: Final = 1.3
TOLD: Final = 0.9  # of the difference in stages, by kind of case
STARTED: Final = ("boot", "command", "event", "spawn", "verb")
SEED: Final = 1
TIMEOUT: Final = 120.0


def measure(postures: tuple[str, ...] = (), select: tuple[str, ...] = (), rounds: int = 5) -> Any:
    """Seconds of the run and of its floor, in turns; the ratio; and what the difference is made of."""
    options = RunOptions(postures=postures, select=select, jobs=processors(), seed=SEED)
    planned = run.plan(options)
    steps = counted(planned)
    runs, floors = [], []
    for turn in range(rounds):
        for do in (real, floor) if turn % 2 == 0 else (floor, real):
            (runs if do is real else floors).append(do(options, steps))
    ratio = ratios([one["seconds"] for one in runs], [one["seconds"] for one in floors])
    return {
        "postures": list(postures) or list(planned.setting.postures),
        "cases": len(planned.cases),
        "rounds": rounds,
        "started": dict(
            Counter(step["do"] for each in steps.values() for step in each["steps"] if step["do"] in STARTED)
        ),
        "boots that ended in the floor as in the run": min(one["alike"] for one in floors),
        "those that do not": floors[-1]["unlike"][:20],
        "requests answered in the floor as in the run": min(one["answered"] for one in floors),
        "seconds": {
            "run": Spread.of([one["seconds"] for one in runs]).to_json(),
            "floor": Spread.of([one["seconds"] for one in floors]).to_json(),
        },
        "ratio": ratio.to_json(),
        "profile": profile(runs, floors),
        "goals": [goal("a core run against its floor", f"at most {GOAL:g} times", ratio, at_most=GOAL)],
    }


def counted(planned: run.Plan) -> dict[str, dict[str, Any]]:
    """What each case starts, by its name."""
    context = {"target": planned.options.target, "fault": ""}
    with Pool(planned.options.jobs, "benchmarks.counting:count", context=context) as pool:
        results = list(pool.run(planned.cases, TIMEOUT))
    if lost := [one.case["case"] for one in results if not one.observations]:
        raise RuntimeError(f"cases that could not be counted: {', '.join(lost)}; {results[0].trace}")
    return {one.case["case"]: dict(one.observations[0]) for one in results}


def real(options: RunOptions, _steps: Any) -> dict[str, Any]:
    """A whole run, and the seconds of its parts."""
    parts: dict[str, float] = defaultdict(float)
    cpu: Counter[str] = Counter()

    def timed(name: str, function: Any) -> Any:
        def around(*args: Any, **kwargs: Any) -> Any:
            began = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                parts[name] += time.perf_counter() - began

        return around

    def told(result: Any) -> Any:
        cpu[result.case["kind"]] += result.cpu_seconds
        return observations_of(result)

    observations_of, judged = run.observations_of, checks.judged
    with tempfile.TemporaryDirectory() as folder, mock.patch.multiple(
        run, plan=timed("plan", run.plan), observe=timed("gather", run.observe), observations_of=told
    ), mock.patch.object(reports, "write_all", timed("render", reports.write_all)), mock.patch.object(
        checks, "judged", timed("judge", lambda *given: list(judged(*given)))
    ):  # fmt: skip
        began = time.perf_counter()
        done = run.run(_into(options, folder), Silent())
        seconds = time.perf_counter() - began
    if done.summary.outcome != "conformant":
        raise RuntimeError(f"the reference is to conform: {done.summary.line}")
    parts["record and the rest"] = seconds - sum(parts.values())
    return {"seconds": seconds, "parts": dict(parts), "cpu": cpu}


def _into(options: RunOptions, folder: str) -> RunOptions:
    return RunOptions(
        postures=options.postures, select=options.select, jobs=options.jobs, seed=SEED, out=Path(folder, "out")
    )


def floor(options: RunOptions, steps: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The same boots and spawns, with as many workers."""
    cpu: Counter[str] = Counter()
    boots, unlike = 0, []
    asked, refused = 0, []
    began = time.perf_counter()
    planned = run.plan(_into(options, "/nonexistent"))
    cases = [{**case, "params": {**case["params"], **steps[case["case"]]}} for case in planned.cases]
    with Pool(options.jobs, "benchmarks.floor:conduct", context={"target": options.target, "fault": ""}) as pool:
        for result in pool.run(cases, TIMEOUT):
            if result.problem:
                raise RuntimeError(f"{result.case['case']}: {result.problem}\n{result.trace}")
            cpu[result.case["kind"]] += result.cpu_seconds
            boots += result.observations[-1]["boots"]
            unlike += [[result.case["case"], *one] for one in result.observations[-1]["unlike"]]
            asked += result.observations[-1]["asked"]
            refused += [[result.case["case"], *one] for one in result.observations[-1]["refused"]]
    seconds = time.perf_counter() - began
    return {
        "seconds": seconds,
        "cpu": cpu,
        "alike": round(1 - len(unlike) / max(boots, 1), 3),
        "unlike": unlike,
        "answered": round(1 - len(refused) / max(asked, 1), 3),
        "refused": refused,
    }


def profile(runs: list[dict[str, Any]], floors: list[dict[str, Any]]) -> dict[str, Any]:
    """Seconds of the difference: what is done in stages beyond boots and spawns, and what comes after."""
    names = runs[0]["parts"]
    parts = {name: Spread.of([one["parts"][name] for one in runs]).median for name in names}
    whole, below = (Spread.of([one["seconds"] for one in each]).median for each in (runs, floors))
    parts["in stages, beyond boots and spawns"] = parts.pop("gather") + parts["plan"] - below
    parts.pop("plan")
    kinds = {
        kind: (
            Spread.of([one["cpu"][kind] for one in runs]).median,
            Spread.of([one["cpu"][kind] for one in floors]).median,
        )
        for kind in runs[0]["cpu"]
    }
    more = {kind: one - other for kind, (one, other) in kinds.items()}
    wanted = TOLD * sum(more.values())
    largest: list[str] = []
    for kind in sorted(kinds, key=lambda kind: -more[kind]):
        if sum(more[each] for each in largest) < wanted:
            largest.append(kind)
    return {
        "difference": round(whole - below, 2),
        "seconds": {name: round(value, 2) for name, value in parts.items()},
        "share of the difference": round(sum(parts.values()) / (whole - below), 2),
        "processor seconds in stages": {
            "run": round(sum(one for one, _ in kinds.values()), 1),
            "floor": round(sum(other for _, other in kinds.values()), 1),
            "of the largest kinds of case": {kind: [round(value, 2) for value in kinds[kind]] for kind in largest},
        },
    }


if __name__ == "__main__":
    print(json.dumps(measure(tuple(sys.argv[1:2]) or ("ambient-caps",), tuple(sys.argv[2:]), rounds=1), indent=1))
