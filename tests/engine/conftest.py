"""What the tests of the engine share: runs that are measured, and a host that is the same afterwards."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2]))  # `tests.engine.running`, however pytest was started

from tests.engine import running
from wallbite.selftest import small


@pytest.fixture(scope="module", autouse=True)
def orphans() -> Iterator[None]:
    """A process that outlives its run is noticed."""
    running.adopt_orphans(True)
    yield
    running.adopt_orphans(False)


@pytest.fixture(autouse=True)
def same_host() -> Iterator[None]:
    """After each test the mounts are as they were."""
    before = running.mounts()
    yield
    assert running.mounts() == before


@pytest.fixture
def wallbite(tmp_path: Path) -> Callable[..., running.Done]:
    """Runs the small target, or what is named, in a folder of the test's own."""

    def call(*words: str, change: small.Change | None = None, **options: object) -> running.Done:
        given = words if words and not words[0].startswith("-") else (str(small.write(tmp_path, change)), *words)
        return running.run(*given, folder=tmp_path, **options)  # type: ignore[arg-type]

    return call
