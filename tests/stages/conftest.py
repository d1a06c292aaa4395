"""What the tests of stages share: a pool whose conduct is a function of ``conducts.py``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from wallbite.stages.pool import CaseResult, Pool

sys.path.insert(0, str(Path(__file__).parent))  # workers get the harness's sys.path

Stage = Callable[..., Any]


@pytest.fixture(scope="session")
def pool() -> Iterator[Pool]:
    """One worker, whose stages are told what to do by the case."""
    with Pool(1, "conducts:conduct") as running:
        yield running


@pytest.fixture
def run(pool: Pool) -> Callable[..., CaseResult]:
    """Run one case to its end."""

    def call(do: str, timeout: float = 20.0, **params: Any) -> CaseResult:
        (result,) = pool.run([{"do": do, **params}], timeout)
        return result

    return call


@pytest.fixture
def stage(run: Callable[..., CaseResult]) -> Stage:
    """Run one case, which must not fail, and give its only observation."""

    def call(do: str, timeout: float = 20.0, **params: Any) -> Any:
        result = run(do, timeout, **params)
        assert result.problem is None, f"{result.problem}\n{result.trace}"
        return result.observations[0]["seen"]

    return call
