"""Verdicts: what a check concludes, how verdicts merge, and what they add up to."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from wallbite.exits import ExitCode


class Ruling(enum.StrEnum):
    """The four things that a check can conclude, worst first when they merge."""

    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    PASS = "pass"
    NOT_APPLICABLE = "not-applicable"


_WORST_FIRST = list(Ruling)


class Level(enum.StrEnum):
    """How much a requirement binds: a MUST that fails makes the run not conformant."""

    MUST = "MUST"
    SHOULD = "SHOULD"


class Outcome(enum.StrEnum):
    """What a whole run comes to."""

    CONFORMANT = "conformant"
    NOT_CONFORMANT = "not-conformant"
    WAIVERS_WRONG = (
        "waivers-wrong"  # nothing that is not waived fails, and a waiver is none: it must be corrected first
    )
    UNDECIDED = "undecided"

    @property
    def code(self) -> ExitCode:
        """The exit code of a run with this outcome."""
        return {
            Outcome.CONFORMANT: ExitCode.CONFORMANT,
            Outcome.NOT_CONFORMANT: ExitCode.NOT_CONFORMANT,
            Outcome.WAIVERS_WRONG: ExitCode.USAGE,
            Outcome.UNDECIDED: ExitCode.UNDECIDED,
        }[self]


@dataclass(frozen=True, slots=True)
class Verdict:
    """A conclusion about one requirement, in one posture, for one account and one surface.

    Attributes:
        requirement: id, such as ``WALL-03``.
        ruling: the conclusion.
        reason: one sentence: what was expected and what was there.
        posture, account, surface: what it speaks of; empty where the requirement has no such dimension.
        evidence: ids of the observations that it rests on; of a record they are `wallbite.ids.Ids`.
        control: id of the observation that shows that the same thing works where it must; a pass has one.
    """

    requirement: str
    ruling: Ruling
    reason: str
    posture: str = ""
    account: str = ""
    surface: str = ""
    evidence: Sequence[str] = ()
    control: str = ""


def worst(rulings: Iterable[Ruling]) -> Ruling:
    """The worst of several rulings; inconclusive where there is none, since nothing is green by not running."""
    return min(rulings, key=_WORST_FIRST.index, default=Ruling.INCONCLUSIVE)
