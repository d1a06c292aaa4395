"""What the tests of containers share: an engine that answers, or a word that none does."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

import pytest

sys.path.append(str(Path(__file__).parents[2]))  # `tests.evidence.samples`, however pytest was started

from wallbite.containers import engines
from wallbite.containers.engines import Engine

DEMAND: Final = "WALLBITE_DEMAND_CONTAINERS"  # engines that must answer, and have debian-12: docker, podman
TAG: Final = "wallbite/debian-12"


def demanded() -> set[str]:
    """The engines without which a test fails instead of being left out."""
    return set(filter(None, os.environ.get(DEMAND, "").replace(",", " ").split()))


def demand_thorough(engine: Engine) -> None:
    """Leave a long test out where only other engines are demanded: CI demands one, and has time for one."""
    if demanded() and engine.name not in demanded():
        pytest.skip(f"{DEMAND} does not name {engine.name}: tested in short")


@pytest.fixture(scope="session", params=engines.ENGINES)
def engine(request: pytest.FixtureRequest) -> Engine:
    """Each engine in turn; it has the image of debian-12."""
    refuse = pytest.fail if request.param in demanded() else pytest.skip
    if os.geteuid() != 0:
        refuse("needs root")
    found, silent = engines.survey()
    answering = next((one for one in found if one.name == request.param), None)
    if answering is None:
        reason = silent.get(request.param, "not installed")
        refuse(f"{request.param} does not answer: {reason}; {DEMAND}={request.param} demands it")
    assert answering is not None
    if answering.say("image", "inspect", TAG).returncode:
        refuse(f"{request.param} has no image: wallbite image build debian-12; {DEMAND}={request.param} demands it")
    return answering
