"""What a trial came to: what the suite said, held against what it must say."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from wallbite.installation.fault import Fault
from wallbite.verdict import Ruling, Verdict

Failed = dict[tuple[str, str], tuple[str, ...]]  # requirement and posture to reasons


class Mark(enum.StrEnum):
    """What one requirement said in one trial."""

    KILLED = "killed"  # it failed as it must
    MISSED = "missed"  # it must fail, and did not, or for another reason
    ALARM = "alarm"  # it failed where nothing of it is broken
    UNDECIDED = "undecided"  # and must be decided
    GREEN = "green"
    WITHHELD = "withheld"  # it is undecided, as it must be


@dataclass(frozen=True)
class Outcome:
    """A trial that is over.

    Attributes:
        postures: those that were run.
        marks: what each requirement said that was judged.
        problems: whatever is not as it must be, in words; a trial without any went well.
        named: what must fail, with a part of the reason that it must fail for.
    """

    postures: tuple[str, ...]
    marks: Mapping[str, Mark]
    problems: tuple[str, ...]
    named: Mapping[str, str] = field(default_factory=dict)

    @property
    def well(self) -> bool:
        """Whether the suite said what it must say."""
        return not self.problems


def of_fault(seeded: Fault, postures: tuple[str, ...], verdicts: Iterable[Verdict]) -> Outcome:
    """Exactly what the fault names fails, in exactly these postures, for these reasons; nothing is left undecided."""
    found = tuple(verdicts)
    failed, expected = failures(found), seeded.noticed_by
    wanted = {(name, at) for name, given in expected.items() for at in given.postures if at in postures}
    missed = {key: _missed(expected[key[0]].reason, failed.get(key, ())) for key in sorted(wanted)}
    missed = {key: problem for key, problem in missed.items() if problem}
    alarms = {key: reasons for key, reasons in failed.items() if key not in wanted}
    undecided = [one for one in found if one.ruling is Ruling.INCONCLUSIVE]
    problems = [
        *(f"{name} in {at} did not notice it: {problem}" for (name, at), problem in missed.items()),
        *(f"{name} in {at} failed, and is not named: {reasons[0]}" for (name, at), reasons in alarms.items()),
        *map(in_words, undecided),
    ]
    marks = {one.requirement: Mark.GREEN for one in found}
    marks |= {name: Mark.KILLED for name, _ in wanted}
    marks |= {one.requirement: Mark.UNDECIDED for one in undecided}
    marks |= {name: Mark.MISSED for name, _ in missed} | {name: Mark.ALARM for name, _ in alarms}
    return Outcome(postures, marks, tuple(problems), {name: given.reason for name, given in expected.items()})


def of_variant(postures: tuple[str, ...], verdicts: Iterable[Verdict]) -> Outcome:
    """Nothing is broken: whatever fails is a false alarm, and nothing is left undecided."""
    found = tuple(verdicts)
    red = [one for one in found if one.ruling is Ruling.FAIL]
    undecided = [one for one in found if one.ruling is Ruling.INCONCLUSIVE]
    problems = [f"false alarm: {in_words(one)}" for one in red] + [in_words(one) for one in undecided]
    if not any(one.ruling is Ruling.PASS for one in found):
        problems.append("nothing passed")
    marks = {one.requirement: Mark.GREEN for one in found}
    marks |= {one.requirement: Mark.UNDECIDED for one in undecided} | {one.requirement: Mark.ALARM for one in red}
    return Outcome(postures, marks, tuple(problems))


def of_fake(postures: tuple[str, ...], verdicts: Iterable[Verdict], ruling: Ruling, reason: str) -> Outcome:
    """A target that breaks or lies: every verdict is as it must be, and one of them says why."""
    found = tuple(verdicts)
    wrong = [one for one in found if one.ruling is not ruling]
    problems = [f"expected {ruling}: {in_words(one)}" for one in wrong]
    if not any(reason in one.reason for one in found):
        told = "; ".join(dict.fromkeys(one.reason for one in found)) or "nothing"
        problems.append(f"expected a reason with {reason!r}: {told}")
    well = Mark.KILLED if ruling is Ruling.FAIL else Mark.WITHHELD
    marks = {one.requirement: well for one in found} | {one.requirement: Mark.ALARM for one in wrong}
    return Outcome(postures, marks, tuple(problems), {one.requirement: reason for one in found})


def failures(verdicts: Iterable[Verdict]) -> Failed:
    """The reasons of what failed."""
    failed: Failed = {}
    for one in verdicts:
        if one.ruling is Ruling.FAIL:
            key = (one.requirement, one.posture)
            failed[key] = (*failed.get(key, ()), one.reason)
    return failed


def _missed(wanted: str, reasons: tuple[str, ...]) -> str:
    if any(wanted in reason for reason in reasons):
        return ""
    return f"it failed for another reason than {wanted!r}: {reasons[0]}" if reasons else "it did not fail"


def in_words(one: Verdict) -> str:
    """A verdict on a line."""
    return " ".join(
        filter(None, (one.requirement, one.posture, one.account, one.surface, f"{one.ruling}: {one.reason}"))
    )
