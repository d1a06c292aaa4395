"""What the tests of the seeded faults share: they find their own modules, and find the trials run."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2]))  # `tests.faults.trying`, whatever pytest was told

from tests.faults.trying import RUN, Tried, attempt


@pytest.fixture(scope="session")
def tried(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Tried:
    """The trials of the faults that are tested, run together; of all that the tests run where a test needs them all."""
    needing = [item for item in request.session.items if "tried" in getattr(item, "fixturenames", ())]
    called = [getattr(item, "callspec", None) for item in needing]
    wanted = {call.params["seeded"] if call and "seeded" in call.params else "" for call in called}
    names = RUN if "" in wanted else [name for name in RUN if name in wanted]
    return attempt(names, tmp_path_factory.mktemp("faults"))
