"""Attempts a second inside an account: the probe, two C programs that do the same, and a process for each check.

All of it happens in one stage, on its overlay, as an account that may search the directory and read no file in it.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from functools import partial
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any, Final

from benchmarks.measuring import Spread, goal, in_turns, ratios
from wallbite.probing.answers import parse
from wallbite.probing.carriers import compiled_probe, probes
from wallbite.probing.plan import Attempt, Plan
from wallbite.stages.pool import Pool

SOURCE: Final = Path(__file__).with_name("attempts.c")
PATHS: Final = 100
SLOW: Final = 300  # attempts of who starts a process for each; its rate does not depend on how many there are
INTERPRETER: Final = "/usr/bin/python3"
PLACE: Final = "/opt/benchmark"  # on the stage's overlay
# The probe as a carrier has it; and its way up to the system call, without what it does with the answer.
RUNG: Final = f"""
import os, sys
sys.path.insert(0, "{PLACE}")
import probe
who = probe.identity()
plan = probe.load("{PLACE}/" + sys.argv[1] + ".json")
if sys.argv[2] == "answer":
    probe.answer(plan, None, who)
if sys.argv[2] == "loop":
    flags = os.O_RDONLY | probe.OPEN
    for attempt in plan["attempts"]:
        try:
            os.open(attempt[3], flags)
        except OSError as error:
            error.errno
"""
GOALS: Final = {"bare": 0.45, "records": 0.7}
ABOUT: Final = {
    "wallbite": "Wallbite's probe, with its records",
    "bare": "C loop, bare",
    "records": "C loop that writes the same records",
    "processes": "`sh` and `stat`, one process a check",
}


def measure(attempts: int = 200_000, rounds: int = 7) -> dict[str, Any]:
    """Attempts a second of each way, and the ratios between them."""
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder, "attempts")
        subprocess.run(["cc", "-O2", "-o", str(program), str(SOURCE)], check=True)
        request = {
            "case": "attempts", "attempts": attempts, "rounds": rounds,
            "program": program.read_bytes().hex(), "probe": (probes() / "probe.py").read_text(),
        }  # fmt: skip
        with Pool(1, conduct="benchmarks.attempts:conduct") as pool:
            result = next(iter(pool.run([request], timeout=600)))
    if result.problem:
        raise RuntimeError(f"{result.problem}\n{result.trace}")
    rates: dict[str, list[float]] = result.observations[0]["rates"]
    compared = {name: ratios(rates["wallbite"], rates[name]) for name in ABOUT if name != "wallbite"}
    return {
        "about": ABOUT,
        "attempts": attempts,
        "rounds": rounds,
        "python": result.observations[0]["python"],
        "filesystem": result.observations[0]["filesystem"],
        "per second": {name: Spread.of(rates[name]).to_json() for name in ABOUT},
        "ratios": {name: one.to_json() for name, one in compared.items()},
        "goals": [
            goal(f"the probe against: {ABOUT[name]}", f"at least {least:g}", compared[name], at_least=least)
            for name, least in GOALS.items()
        ],
        "profile": profile({name: 1e6 / Spread.of(found).median for name, found in rates.items()}),
    }


def profile(each: dict[str, float]) -> dict[str, Any]:
    """Where the time goes that the probe takes longer than the bare C loop: microseconds an attempt, and the share."""
    gap = each["wallbite"] - each["bare"]
    parts = {
        "start of the interpreter, import, identity": each["empty"],
        "the plan, read and parsed": each["load"] - each["empty"],
        "CPython's open with an exception, over C's": each["loop"] - each["load"] - each["bare"],
        "the operation chosen, records made, encoded, hashed, written": each["wallbite"] - each["loop"],
    }
    return {
        "microseconds an attempt": {name: round(value, 3) for name, value in parts.items()},
        "gap": round(gap, 3),
        "share of the gap": round(sum(parts.values()) / gap, 3),
    }


def conduct(request: dict[str, Any], emit: Callable[[dict[str, Any]], None]) -> None:
    """In the stage: lay everything down, and measure in turns."""
    uid, count = request["uid_base"] + 3, request["attempts"]
    place = Path(PLACE)
    place.mkdir(parents=True)
    place.chmod(0o755)
    lay(place / "attempts", bytes.fromhex(request["program"]), 0o755)
    lay(place / "probe.py", request["probe"].encode(), 0o644)
    closed = [place / f"denied-{number}" for number in range(PATHS)]
    for path in closed:
        lay(path, b"canary", 0o600)
    lay(place / "paths", "".join(f"{path}\n" for path in closed).encode(), 0o644)
    plan = Plan("0bad", tuple(Attempt("read", "denied", path=str(closed[at % PATHS])) for at in range(count)), "stdout")
    lay(place / "plan.json", plan.to_json().encode(), 0o644)
    lay(place / "empty.json", Plan("0bad", (), "stdout").to_json().encode(), 0o644)
    lay(place / "rung.py", RUNG.encode(), 0o644)
    as_account = partial(run_as, uid)
    lay_compiled(place)
    rung = [INTERPRETER, "-IS", f"{PLACE}/rung.py"]
    wallbite = [*rung, "plan", "answer"]
    answer = parse(as_account(wallbite)[1], plan, bound=1 << 30)
    wrong = {result.errno for result in answer.results} - {"EACCES"}
    if wrong or len(answer.results) != count:
        raise RuntimeError(f"the probe was to be denied: {wrong}")
    rates = in_turns(
        request["rounds"],
        {
            "wallbite": lambda: count / as_account(wallbite)[0],
            "bare": lambda: count / as_account([f"{PLACE}/attempts", "bare", str(count), f"{PLACE}/paths"])[0],
            "records": lambda: count / as_account([f"{PLACE}/attempts", "records", str(count), f"{PLACE}/paths"])[0],
            "empty": lambda: count / as_account([*rung, "empty", "answer"])[0],
            "load": lambda: count / as_account([*rung, "plan", "load"])[0],
            "loop": lambda: count / as_account([*rung, "plan", "loop"])[0],
            "processes": lambda: SLOW / as_account(["/bin/sh", "-c", one_each(closed)])[0],
        },
    )
    emit({"rates": rates, "python": answer.who["python"], "filesystem": filesystem_of(PLACE)})


def lay_compiled(place: Path) -> None:
    """The probe's bytecode beside it, as every carrier has it."""
    folder = place / "__pycache__"
    folder.mkdir()
    folder.chmod(0o755)
    lay(folder / Path(cache_from_source("probe.py")).name, compiled_probe(), 0o644)


def one_each(paths: list[Path]) -> str:
    """A script that starts a process for each of :data:`SLOW` checks, and writes down what came of it."""
    looks = [f"stat -c %a {path} >/dev/null; cat {path} 2>/dev/null && echo read || echo denied" for path in paths]
    return "\n".join(looks[at % len(looks)] for at in range(SLOW // 2))  # two processes each


def run_as(uid: int, argv: list[str]) -> tuple[float, bytes]:
    """Seconds from the start until the last byte was read, and the bytes."""
    began = time.perf_counter()
    done = subprocess.run(
        argv, stdout=subprocess.PIPE, check=True, user=uid, group=uid, extra_groups=[], cwd="/", env={"PATH": "/bin"}
    )
    return time.perf_counter() - began, done.stdout


def lay(path: Path, data: bytes, mode: int) -> None:
    """A file of root's."""
    path.write_bytes(data)
    path.chmod(mode)


def filesystem_of(path: str) -> str:
    """The type of the mount that a path lies on."""
    found = subprocess.run(["stat", "-f", "-c", "%T", path], capture_output=True, check=True, text=True)
    return found.stdout.strip()


if __name__ == "__main__":
    if os.geteuid():
        raise SystemExit("it needs root, to become somebody else")
    print(json.dumps(measure(), indent=2))
