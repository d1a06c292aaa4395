"""Conformant variants give no false alarm: some of them here, all of them by ``wallbite selftest``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import pytest

from wallbite import run
from wallbite.options import RunOptions, processors
from wallbite.progress import Silent
from wallbite.selftest.conducting import Judged, conduct
from wallbite.selftest.options import SelfTestOptions
from wallbite.selftest.variants import VARIANTS_OF_THE_REFERENCE, of_variants

SLICE: Final = ("accounts-1", "path-unicode", "umask-000", "uids-high")
NAMES: Final = [one.name for one in VARIANTS_OF_THE_REFERENCE]


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Judged]:
    """The trials of the slice."""
    folder = tmp_path_factory.mktemp("variants")
    trials = of_variants(run.plan(RunOptions(seed=1)), folder / "descriptors", SelfTestOptions())
    chosen = [trial for trial in trials if trial.name in SLICE]
    return {one.trial.name: one for one in conduct(chosen, folder, processors() + 2, Silent())}


@pytest.mark.skipif(os.geteuid() != 0, reason="a run needs root")
@pytest.mark.parametrize("name", SLICE)
def test_nothing_fails_and_nothing_is_left_undecided(judged: dict[str, Judged], name: str) -> None:
    """And something passes."""
    one = judged[name]
    assert one.trial.outcome(one.verdicts).problems == ()


def test_each_variant_is_sound_and_judged_by_something(tmp_path: Path) -> None:
    """Its descriptor is valid, and its requirements are some."""
    trials = list(of_variants(run.plan(RunOptions(seed=1)), tmp_path / "descriptors", SelfTestOptions()))
    assert [trial.name for trial in trials] == NAMES
    assert len(set(NAMES)) == len(NAMES)
    assert all(trial.cases for trial in trials)
