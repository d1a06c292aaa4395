"""Trials that several tests look at: run once, by the self-test's own code, and kept.

The tests run as few faults as make every requirement fail at least once. With ``WALLBITE_FAULTS=every`` they run all of
them, as ``wallbite selftest`` does.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from wallbite import run
from wallbite.installation import fault as faults
from wallbite.options import RunOptions, processors
from wallbite.progress import Silent
from wallbite.run import Plan
from wallbite.selftest.breadth import cover
from wallbite.selftest.conducting import Judged, conduct
from wallbite.selftest.options import SelfTestOptions
from wallbite.selftest.trials import Trial, of_faults

NAMES: Final = faults.names()
EVERY: Final = os.environ.get("WALLBITE_FAULTS") == "every"
RUN: Final = NAMES if EVERY else cover(map(faults.load, NAMES))  # what the tests run
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="a run needs root")


@dataclass(frozen=True)
class Tried:
    """Trials that were run.

    Attributes:
        base: what their plans were made of.
        folder: where their records lie.
        judged: by the name of the fault.
    """

    base: Plan
    folder: Path
    judged: Mapping[str, Judged]


def base() -> Plan:
    """What every trial is planned from."""
    return run.plan(RunOptions(seed=1))


def attempt(names: Sequence[str], folder: Path) -> Tried:
    """Run the trials of some faults."""
    begun = base()
    trials: list[Trial] = list(of_faults(begun, SelfTestOptions(faults=tuple(names))))
    found = conduct(trials, folder, processors() + 2, Silent())
    return Tried(begun, folder, {one.trial.name: one for one in found})
