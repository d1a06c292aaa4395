"""Whole runs agree: each container's record with the embedded stage's, which ``WALLBITE_RECORDS`` names first."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import pytest

from wallbite.containers import differences
from wallbite.evidence.reader import read
from wallbite.evidence.summary import summary_of
from wallbite.verdict import Outcome

RECORDS: Final = os.environ.get("WALLBITE_RECORDS", "").split()


@pytest.mark.skipif(len(RECORDS) < 2, reason="WALLBITE_RECORDS names no folders of whole runs (.ci/run makes them)")
@pytest.mark.parametrize("folder", RECORDS[1:] or [""])
def test_verdicts_are_those_of_the_embedded_stage(folder: str) -> None:
    """In every scope of every requirement, save what differences.yaml gives a reason for."""
    embedded, container = read(Path(RECORDS[0])), read(Path(folder))
    assert embedded.header.stage == "namespace"
    assert container.header.stage == "container"
    assert embedded.header.seed == container.header.seed, "what was drawn must be the same"
    assert embedded.header.catalogue_digest == container.header.catalogue_digest
    assert summary_of(container).outcome is Outcome.CONFORMANT
    assert differences.undeclared(embedded, container) == []
