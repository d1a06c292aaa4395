"""Measures how many attempts a second a probe makes as an unprivileged uid, records included; run it as root.

One hundred denied paths, a hundred thousand attempts; the answer goes through a pipe and is read at once.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from wallbite.probing.answers import Answer, parse
from wallbite.probing.carriers import probes
from wallbite.probing.plan import Attempt, Plan

UID = 62_990
PATHS = 100


def denied_paths(folder: Path) -> list[str]:
    """Files of root's that only root can use, in a directory that all can search."""
    paths = [folder / f"denied-{number}" for number in range(PATHS)]
    for path in paths:
        path.write_bytes(b"canary")
        path.chmod(0o600)
    return [str(path) for path in paths]


def measure(plan: Plan, folder: Path, interpreter: str) -> tuple[float, float, Answer]:
    """Seconds from start to the last byte, seconds to parse, and the answer."""
    probe, text = folder / "probe.py", folder / "plan.json"
    probe.write_bytes((probes() / "probe.py").read_bytes())
    text.write_text(plan.to_json())
    probe.chmod(0o644)
    text.chmod(0o644)
    begin = time.perf_counter()
    done = subprocess.run(
        [interpreter, "-I", str(probe), str(text)],
        stdout=subprocess.PIPE, check=True, user=UID, group=UID, extra_groups=[], cwd="/",
    )  # fmt: skip
    ran = time.perf_counter() - begin
    begin = time.perf_counter()
    answer = parse(io.BytesIO(done.stdout), plan)
    return ran, time.perf_counter() - begin, answer


def main() -> int:
    """Prints the median of several rounds; exits 1 where it is below what was asked for."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--attempts", type=int, default=100_000)
    options.add_argument("--operation", default="read", choices=["read", "write", "append", "stat", "list"])
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--interpreter", default="/usr/bin/python3")
    options.add_argument("--at-least", type=int, default=0, help="attempts a second")
    asked = options.parse_args()
    if os.geteuid():
        print("it needs root, to become somebody else", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        paths = denied_paths(folder)
        attempts = [Attempt(asked.operation, "denied", path=paths[at % PATHS]) for at in range(asked.attempts)]
        if asked.operation == "stat":
            (folder / "closed").mkdir(mode=0o700)
            attempts = [Attempt("stat", "denied", path=f"{folder}/closed/{at % PATHS}") for at in range(asked.attempts)]
        plan = Plan("0bad", tuple(attempts), answer="stdout")
        rounds = [measure(plan, folder, asked.interpreter) for _ in range(asked.rounds)]
    errnos = sorted({str(result.errno) for result in rounds[0][2].results})
    rate = asked.attempts / statistics.median(ran for ran, _, _ in rounds)
    parsing = asked.attempts / statistics.median(parsed for _, parsed, _ in rounds)
    report = {
        "operation": asked.operation,
        "attempts": asked.attempts,
        "errno": errnos,
        "python": rounds[0][2].who["python"],
    }
    print(json.dumps({**report, "attempts_per_second": round(rate), "parsed_per_second": round(parsing)}))
    return int(rate < asked.at_least)


if __name__ == "__main__":
    sys.exit(main())
