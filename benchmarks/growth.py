"""How time and memory grow with accounts, surfaces and observations: gather, judge, render, verify.

Each size is measured in a process of its own, so that its peak is its own.
"""

from __future__ import annotations

import dataclasses
import json
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from benchmarks import population
from benchmarks.measuring import Spread, goal
from wallbite import catalogue, checks, reports, tables
from wallbite.evidence.model import Header
from wallbite.evidence.reader import read
from wallbite.evidence.record import RecordWriter
from wallbite.evidence.verify import State, verify
from wallbite.facts import Facts
from wallbite.run import judge_record, observations_of
from wallbite.stages.pool import Pool
from wallbite.verdict import Ruling

# Accounts and surfaces: each of them grows while the other stays, then both, to a million observations.
ACCOUNTS: Final = ((1, 3), (10, 3), (100, 3), (1000, 3))
SURFACES: Final = ((3, 10), (3, 100), (3, 1000))
LARGEST: Final = (1000, 27)
ROUNDS: Final = 5
MOST_MEMORY: Final = 300.0  # MiB
STEPS: Final = ("gather", "judge", "render", "verify")


def measure(sizes: tuple[tuple[int, int], ...] = (*ACCOUNTS, *SURFACES, LARGEST), rounds: int = ROUNDS) -> Any:
    """Seconds and MiB of each step at each size, and the exponents that fit them."""
    points = [point(accounts, surfaces, rounds) for accounts, surfaces in sizes]
    largest = max(points, key=lambda one: one["observations"])
    most = max(largest["peak MiB"].values())
    times = {
        step: exponent([(one["observations"], one["seconds"][step]["median"]) for one in points]) for step in STEPS
    }
    return {
        "points": points,
        "exponents of time": times,
        "MiB a hundred thousand observations": slope(points),
        "goals": [
            goal(
                f"peak memory at {largest['observations']:,} observations, MiB", f"under {MOST_MEMORY:g}",
                Spread(most, most, most), at_most=MOST_MEMORY,
            ),
            *(
                goal(f"exponent of the time to {step}", "at most 1.1", Spread(one, one, one), at_most=1.1)
                for step, one in times.items()
            ),
        ],
    }  # fmt: skip


def point(accounts: int, surfaces: int, rounds: int) -> dict[str, Any]:
    """One size, in some rounds."""
    argv = [sys.executable, "-m", "benchmarks.growth", str(accounts), str(surfaces)]
    found: list[dict[str, Any]] = []
    for _ in range(rounds):
        done = subprocess.run(argv, check=True, capture_output=True, text=True)
        found.append(json.loads(done.stdout))
    return {
        **{name: found[0][name] for name in ("accounts", "surfaces", "observations", "verdicts", "record MiB")},
        "rounds": len(found),
        "seconds": {step: Spread.of([one["seconds"][step] for one in found]).to_json() for step in STEPS},
        "peak MiB": {step: max(one["peak MiB"][step] for one in found) for step in STEPS},
    }


def exponent(pairs: list[tuple[float, float]]) -> float:
    """The slope of a straight line through the logarithms, over sizes at which a start no longer counts."""
    large = [(math.log(size), math.log(value)) for size, value in pairs if size >= 3000 and value > 0]
    if len(large) < 2:
        return float("nan")
    mean = [sum(axis) / len(large) for axis in zip(*large, strict=True)]
    above = sum((x - mean[0]) * (y - mean[1]) for x, y in large)
    return round(above / sum((x - mean[0]) ** 2 for x, _ in large), 3)


def slope(points: list[dict[str, Any]]) -> float:
    """MiB that a hundred thousand further observations take, between the least and the largest size."""
    least, largest = (f(points, key=lambda one: one["observations"]) for f in (min, max))
    more = max(largest["peak MiB"].values()) - max(least["peak MiB"].values())
    return round(more / max(1, largest["observations"] - least["observations"]) * 1e5, 2)


def once(accounts: int, surfaces: int) -> dict[str, Any]:
    """A whole run without a gateway, in this process."""
    seconds: dict[str, float] = {}
    peaks: dict[str, float] = {}

    @contextmanager
    def step(name: str) -> Iterator[None]:
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
        began = time.perf_counter()
        yield
        seconds[name], peaks[name] = time.perf_counter() - began, peak()

    setting, known = population.setting(accounts, surfaces), catalogue.load()
    chosen = catalogue.select(known, population.REQUIREMENTS, "privsep")
    bound, told = checks.load(), tables.load()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder, "out")
        with RecordWriter(place) as writer:
            with step("gather"):
                writer.header(header(setting, chosen, told))
                gather(writer, accounts, surfaces, told)
            with step("judge"):
                facts = Facts(setting, writer.observations, told)
                verdicts = writer.verdicts(checks.judged(chosen, facts, bound))
                wrong = [one for one in verdicts if one.ruling is not Ruling.PASS]
                count = len(writer.observations), len(verdicts)
                if [one for one in wrong if one.ruling is not Ruling.NOT_APPLICABLE]:
                    raise RuntimeError(f"a sound population is to pass: {wrong[-1]}")
                writer.footer("2000-01-01T00:00:00Z")
                size = (place / "record.jsonl").stat().st_size
        del facts, writer, verdicts, wrong  # as a run does
        with step("render"):
            reports.write_all(place, read(place))
        with step("verify"):
            found = verify(place, judge_record)
    if found.state is not State.INTACT:
        raise RuntimeError(str(found))
    return {
        "accounts": accounts, "surfaces": surfaces, "observations": count[0], "verdicts": count[1],
        "record MiB": round(size / (1 << 20), 1), "seconds": seconds, "peak MiB": peaks,
    }  # fmt: skip


def gather(writer: RecordWriter, accounts: int, surfaces: int, told: Any) -> None:
    """Have a worker emit everything, and write it."""
    with Pool(1, conduct="benchmarks.population:conduct") as pool:
        for result in pool.run(population.cases(accounts, surfaces, told), timeout=600):
            writer.case(result.case, observations_of(result), seconds=result.seconds, problem=result.problem)


def header(setting: Any, chosen: Any, told: Any) -> Header:
    """A header that a record of this population may have."""
    return Header(
        target=setting.target, descriptor="population", descriptor_digest="0" * 64, stage=setting.stage,
        postures=setting.postures, accounts=setting.accounts, started="2000-01-01T00:00:00Z",
        surfaces=tuple({"name": one.name, "path": "", "class": "gateway", "kind": "file"} for one in setting.surfaces),
        requirements=tuple({**dataclasses.asdict(each), "level": str(each.level), "where": ""} for each in chosen),
        context={"setting": dataclasses.asdict(setting), "tables": told}, not_applicable=setting.excused,
    )  # fmt: skip


def peak() -> float:
    """The most memory of this process since its peak began anew, in MiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


if __name__ == "__main__":
    print(json.dumps(once(int(sys.argv[1]), int(sys.argv[2]))))
