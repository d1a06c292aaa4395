"""All figures in one go, on this machine: writes `benchmarks/results.json`, `docs/benchmarks.md` and its plot.

Needs root and an otherwise idle machine. ``--small`` looks whether everything runs, and writes nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from benchmarks import attempts, boots, core, growth, hosts, starts
from wallbite.evidence.host import host_facts, kernel_facts
from wallbite.options import processors

RESULTS: Final = Path(__file__).with_name("results.json")
FULL: Final[dict[str, Callable[[], Any]]] = {
    "starts": starts.measure,
    "stages": boots.measure,
    "attempts": attempts.measure,
    "hosts": hosts.measure,
    "core": core.measure,
    "growth": growth.measure,
}
SMALL: Final[dict[str, Callable[[], Any]]] = {
    "starts": lambda: starts.measure(rounds=3),
    "stages": lambda: boots.measure(rounds=1),
    "attempts": lambda: attempts.measure(20_000, 3),
    "hosts": lambda: hosts.measure(4, 1),
    "core": lambda: core.measure(("ambient-caps",), ("WALL",), rounds=1),
    "growth": lambda: growth.measure(((1, 10), (10, 10), (30, 10)), rounds=1),
}


def main() -> int:
    """Measure what was named, or everything; 1 where a part could not be measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"one of {', '.join(FULL)} (default: all)")
    parser.add_argument("--small", action="store_true", help="small sizes; nothing is written")
    parser.add_argument("--page", action="store_true", help="only write the page again, from the results")
    asked = parser.parse_args()
    if unknown := [name for name in asked.parts if name not in FULL]:
        parser.error(f"no such part: {unknown[0]}; expected one of {', '.join(FULL)}")
    if not asked.page and os.geteuid():
        parser.error("it needs root, to become somebody else; run: sudo nox -s benchmark")
    if not asked.small:
        from benchmarks import page  # what it draws with is asked for before anything is measured
    if not asked.page:
        results = measured(asked.parts or list(FULL), SMALL if asked.small else FULL)
        if asked.small:
            print(json.dumps({**results, "provisional": "small sizes"}, indent=1))
            return 0
        older = json.loads(RESULTS.read_text()) if asked.parts and RESULTS.exists() else {}
        RESULTS.write_text(json.dumps({**older, **results}, indent=1) + "\n")
    page.write(json.loads(RESULTS.read_text()))
    return 0


def measured(names: list[str], parts: dict[str, Callable[[], Any]]) -> dict[str, Any]:
    """The results by part, and what they were measured on."""
    results: dict[str, Any] = {"machine": machine()}
    for name in names:
        began = time.monotonic()
        print(f"{name} ...", end=" ", file=sys.stderr, flush=True)
        results[name] = parts[name]()
        print(f"{time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    return results


def machine() -> dict[str, Any]:
    """What the figures hold for."""
    return {
        "processors": processors(),
        "load before": round(os.getloadavg()[0], 2),
        "python": sys.version.split()[0],
        "kernel": kernel_facts().get("release", ""),
        "system": str(host_facts().get("distribution", host_facts().get("system", ""))),
    }


if __name__ == "__main__":
    sys.exit(main())
