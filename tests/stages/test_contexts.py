"""A case may carry its own context: it goes before the worker's, for this case alone."""

from __future__ import annotations

from collections import deque
from typing import Any

from wallbite.stages.pool import Pool

CONDUCT = "conducts:conduct"
OWN: dict[str, Any] = {"fault": "own"}


def case(**more: Any) -> dict[str, Any]:
    """A case that tells its context."""
    return {"case": "told", "kind": "told", "posture": "root", "do": "told", **more}


def test_each_case_has_its_own_and_the_next_has_the_workers() -> None:
    """One worker does them in turn."""
    with Pool(1, CONDUCT, context={"fault": "worker"}) as pool:
        cases = [case(context=OWN), case(), case(context={"unreadable": "this"}), case()]
        seen = [(one.observations, one.problem) for one in pool.run(cases)]
    assert [found[0]["seen"] for found, _ in seen if found] == [[OWN, False], *[[{"fault": "worker"}, False]] * 2]
    assert [problem for _, problem in seen if problem] == ["ValueError: cannot read this"]


def test_what_is_added_while_the_cases_run_is_run() -> None:
    """A deque may grow."""
    waiting = deque([case(number=0)])
    with Pool(1, CONDUCT) as pool:
        numbers = []
        for one in pool.run(waiting):
            numbers.append(one.case["number"])
            if len(numbers) < 3:
                waiting.append(case(number=len(numbers)))
    assert numbers == [0, 1, 2]
