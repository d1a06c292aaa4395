"""What the tests of the record share: a sample's folder, and its lines."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2]))  # `tests.evidence.samples`, however pytest was started

from tests.evidence import samples
from wallbite.evidence.folder import RECORD


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the record of a small sample."""
    samples.write(tmp_path / "out", samples.Sample(accounts=("alpha", "beta"), surfaces=("age-key", "vault")))
    return tmp_path / "out"


@pytest.fixture
def record(folder: Path) -> Path:
    """The record in that folder."""
    return folder / RECORD
