"""What waivers come to in a run: which failures they lie over, and which of them have expired or have become stale."""

from __future__ import annotations

import enum
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from wallbite.verdict import Ruling, Verdict
from wallbite.waivers import Waiver


class WaiverState(enum.StrEnum):
    """What a waiver comes to."""

    IN_FORCE = "in force"  # it lies over a failure
    EXPIRED = "expired"  # it lies over nothing, and the run is not conformant
    STALE = "stale"  # nothing that it speaks of fails: it must be corrected
    IDLE = "idle"  # this run cannot say: it judged a part only, or could not decide


@dataclass(frozen=True, slots=True)
class WaiverStanding:
    """Where one waiver stands.

    Attributes:
        failures: how many failing verdicts it speaks of; it lies over them where it is in force.
        detail: why it stands there, in a sentence.
    """

    waiver: Waiver
    state: WaiverState
    failures: int
    detail: str


class Waived:
    """The waivers of a run on its day, asked for single verdicts."""

    def __init__(self, waivers: Iterable[Waiver], day: str) -> None:
        self._day = day
        self._by_name: dict[str, list[Waiver]] = defaultdict(list)
        for waiver in waivers:
            self._by_name[waiver.requirement].append(waiver)

    def by(self, verdict: Verdict) -> Waiver | None:
        """The waiver that lies over a verdict, or None."""
        if verdict.ruling is not Ruling.FAIL or not self._by_name:
            return None
        parent = verdict.requirement.rpartition(".")[0]
        named = (*self._by_name.get(verdict.requirement, ()), *self._by_name.get(parent, ()))
        return next((waiver for waiver in named if waiver.lies_over(verdict, self._day)), None)


def standings(waivers: Sequence[Waiver], verdicts: Iterable[Verdict], day: str) -> tuple[WaiverStanding, ...]:
    """Where each waiver stands on a day, ISO 8601."""
    if not waivers:
        return ()
    found: dict[str, list[Verdict]] = defaultdict(list)
    for verdict in verdicts:
        for name in {verdict.requirement, verdict.requirement.rpartition(".")[0]}:
            found[name].append(verdict)
    return tuple(_standing(waiver, found[waiver.requirement], day) for waiver in waivers)


def _standing(waiver: Waiver, verdicts: Sequence[Verdict], day: str) -> WaiverStanding:
    matched = [verdict for verdict in verdicts if waiver.matches(verdict)]
    failures = sum(1 for verdict in matched if verdict.ruling is Ruling.FAIL)
    if waiver.expired(day):
        detail = f"it expired on {waiver.expires}; renew it, or mend what it was for"
        return WaiverStanding(waiver, WaiverState.EXPIRED, failures, detail)
    if failures:
        said = f"it lies over {failures:,} failing verdict{'' if failures == 1 else 's'}"
        return WaiverStanding(waiver, WaiverState.IN_FORCE, failures, said)
    if not waiver.covered:
        return WaiverStanding(waiver, WaiverState.IDLE, 0, "this run does not judge all that it speaks of")
    if any(verdict.ruling is Ruling.INCONCLUSIVE and _may_speak_of(waiver, verdict) for verdict in verdicts):
        return WaiverStanding(waiver, WaiverState.IDLE, 0, "what it speaks of could not be decided")
    return WaiverStanding(waiver, WaiverState.STALE, 0, _why_stale(matched))


def _may_speak_of(waiver: Waiver, verdict: Verdict) -> bool:
    """Whether a verdict, which may speak of a whole posture, concerns what a waiver speaks of."""
    return all(
        not named or not wanted or named == wanted
        for named, wanted in (
            (verdict.posture, waiver.posture),
            (verdict.account, waiver.account),
            (verdict.surface, waiver.surface),
        )
    )


def _why_stale(matched: Sequence[Verdict]) -> str:
    if not matched:
        return "no verdict is within its scope; correct the scope, or remove it"
    if all(verdict.ruling is Ruling.NOT_APPLICABLE for verdict in matched):
        return "what it speaks of is not applicable; remove it"
    return "what it speaks of passes now; remove it"
