"""How long the two commands take that answer without a run."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Any, Final

from benchmarks.measuring import Spread, goal, in_turns

GOALS: Final = {"--version": 150.0, "list": 300.0}


def measure(rounds: int = 9) -> dict[str, Any]:
    """Milliseconds of each, from the start of the process to its end."""
    took = in_turns(rounds, {word: lambda word=word: _once(word) for word in GOALS})
    spreads = {word: Spread.of(each) for word, each in took.items()}
    return {
        "rounds": rounds,
        "milliseconds": {f"wallbite {word}": one.to_json() for word, one in spreads.items()},
        "goals": [
            goal(f"`wallbite {word}`, ms", f"under {most:g}", spreads[word], at_most=most)
            for word, most in GOALS.items()
        ],
    }


def _once(word: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "wallbite", word], check=True, stdout=subprocess.DEVNULL)
    return (time.perf_counter() - began) * 1000
