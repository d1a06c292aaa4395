"""A stage is used again only when it is as it was: what can be undone is, and what cannot is seen."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from wallbite.stages.pool import Pool

sys.path.insert(0, str(Path(__file__).parent))  # workers get the harness's sys.path

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="a stage needs root")


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    """One worker."""
    with Pool(1, "grounds:conduct") as running:
        yield running


@pytest.mark.parametrize("change", ["nothing", "new_files", "tightened", "processes"])
def test_what_a_boot_leaves_is_undone(pool: Pool, change: str) -> None:
    """New files, changed modes, processes and letters are gone; everything is as it was."""
    (result,) = pool.run([{"do": change}])
    assert result.problem is None, result.trace
    assert result.observations == [{"restored": True, "differs": [], "processes": [1], "letters": []}]


@pytest.mark.parametrize(
    "change",
    [
        "rewritten",
        "removed",
        "replaced",
        "attribute",
        "folder_attribute",
        "mounted",
        "elsewhere",
        "segment",
        "renamed_host",
    ],
)
def test_what_cannot_be_undone_ends_the_sharing(pool: Pool, change: str) -> None:
    """The stage is then used no further."""
    (result,) = pool.run([{"do": change}])
    assert result.problem is None, result.trace
    assert [one["restored"] for one in result.observations] == [False]
