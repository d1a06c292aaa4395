"""What a self-test is asked to do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

DEFAULT_OUT: Final = Path("wallbite-selftest")
FAULTS: Final = "faults"
VARIANTS: Final = "variants"
TARGETS: Final = "targets"
PARTS: Final = (FAULTS, VARIANTS, TARGETS)


@dataclass(frozen=True, slots=True)
class SelfTestOptions:
    """A self-test's options.

    Attributes:
        select: ids or families of requirements; faults that name none of them are left out. Empty for all.
        faults: names of faults; empty for all.
        parts: which parts are done.
        full: every requirement in every posture, whatever a fault names.
        every_posture: every posture that a fault names, instead of as few as show each of its notices.
        replay: the folder of an earlier self-test, whose observations are judged again; None to make new ones.
        out: the folder for the results.
        jobs: how many workers run at once.
        seed: of everything that is drawn.
    """

    select: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    parts: tuple[str, ...] = PARTS
    full: bool = False
    every_posture: bool = False
    replay: Path | None = None
    out: Path = DEFAULT_OUT
    jobs: int = 1
    seed: int = 1

    @property
    def whole(self) -> bool:
        """Whether nothing is left out: only such a self-test backs a run."""
        return not self.select and not self.faults and set(self.parts) == set(PARTS) and self.replay is None
