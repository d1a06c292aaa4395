"""The reference runtime is a gateway like any other: it knows nothing of who checks it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from wallbite.content import content

FORBIDDEN = re.compile(
    r"wallbite|conformance|\bprobe|\bfault\b|\b(BOOT|CONF|DROP|WALL|MODE|FPR|SECR|ENV|BACK|LIFE|SIDE|INST)-\d",
    re.IGNORECASE,
)
MODULES = sorted(content("fixtures", "gateway").rglob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_a_module_of_the_runtime_says_nothing_of_the_harness(path: Path) -> None:
    """Neither probes, nor faults, nor requirement ids."""
    assert FORBIDDEN.search(path.read_text()) is None


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_a_module_of_the_runtime_is_short(path: Path) -> None:
    """At most 300 lines."""
    assert len(path.read_text().splitlines()) <= 300


def test_the_core_is_short() -> None:
    """What stands beside the folders, from the configuration to the exec, is under 2,500 lines."""
    core = content("fixtures", "gateway").glob("*.py")
    assert sum(len(path.read_text().splitlines()) for path in core) < 2500
