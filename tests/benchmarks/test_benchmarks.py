"""The benchmarks run, and nothing has become ten times slower against what it is measured by. Never absolute times."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results.json"
TENFOLD = 10.0

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="boots stages: needs root")


def figures(expression: str) -> Any:
    """What a part of the benchmarks measures, in a process of its own."""
    source = (
        f"import json\nfrom benchmarks import attempts, boots, core, growth, measuring\nprint(json.dumps({expression}))"
    )
    done = subprocess.run([sys.executable, "-c", source], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


@needs_root
def test_the_probe_is_not_ten_times_slower_than_its_goal() -> None:
    """Against C loops that do the same, and against a process for each check."""
    found = figures("attempts.measure(20_000, 3)")
    assert found["filesystem"] == "overlayfs"
    assert found["ratios"]["bare"]["most"] > 0.45 / TENFOLD
    assert found["ratios"]["records"]["most"] > 0.7 / TENFOLD
    assert found["ratios"]["processes"]["most"] > 1


@needs_root
def test_time_and_memory_grow_with_what_is_observed() -> None:
    """Ten times the accounts take at most about ten times as long to judge, and few megabytes more."""
    small, large = figures("[growth.once(8, 10), growth.once(80, 10)]")
    assert large["observations"] > 7 * small["observations"]
    for step in ("gather", "judge", "verify"):
        assert large["seconds"][step] < TENFOLD * 10 * small["seconds"][step], step
    assert max(large["peak MiB"].values()) < 3 * max(small["peak MiB"].values())


@needs_root
def test_a_run_is_not_ten_times_its_floor() -> None:
    """The same boots and verbs, of the shortest cases, with and without everything else."""
    found = figures("core.measure(('ambient-caps',), ('LIFE-01', 'WALL-18'), rounds=1)")
    assert found["started"]["boot"] >= 1
    assert found["started"]["verb"] == 9  # three verbs as three users
    assert 0.1 < found["ratio"]["median"] < TENFOLD * 1.3
    used = found["profile"]["processor seconds in stages"]
    assert used["floor"] > 0.3 * used["run"]  # its verbs run


@needs_root
def test_the_floor_spawns_what_the_run_spawns() -> None:
    """A floor whose requests are refused would be none: its jobs run, those of the storm among them."""
    found = figures("core.measure(('ambient-caps',), ('DROP-15',), rounds=1)")
    assert found["requests answered in the floor as in the run"] == 1.0
    assert found["boots that ended in the floor as in the run"] == 1.0
    used = found["profile"]["processor seconds in stages"]
    assert used["floor"] > 0.5 * used["run"]  # most of it are five hundred jobs


def test_a_goal_that_is_missed_is_said_to_be_missed() -> None:
    """By the median, on either side."""
    found = figures(
        "[measuring.goal('', '', measuring.Spread(2.0, 1.0, 3.0), at_least=2.5),"
        " measuring.goal('', '', measuring.Spread(2.0, 1.0, 3.0), at_most=2.0)]"
    )
    assert [one["reached"] for one in found] == [False, True]


def test_the_page_says_what_the_results_say() -> None:
    """It is written from them: whoever changes one changes the other."""
    if not RESULTS.exists():
        pytest.fail("benchmarks/results.json is missing; run: sudo nox -s benchmark")
    results = json.loads(RESULTS.read_text())
    page = (ROOT / "docs" / "benchmarks.md").read_text()
    goals = [one for part in results.values() if isinstance(part, dict) for one in part.get("goals", ())]
    rows = [line for line in page.splitlines() if line.endswith((" reached |", " **not reached** |"))]
    assert [one["what"] for one in goals if f"| {one['what']} | {one['wanted']} |" not in page] == []
    assert sum(line.endswith(" **not reached** |") for line in rows) == sum(not one["reached"] for one in goals)
