"""What a trial comes to: each way in which the suite can be wrong about it is told apart, and none passes."""

from __future__ import annotations

import pytest

from wallbite.installation.fault import Fault, Notice
from wallbite.selftest.outcome import Mark, of_fake, of_fault, of_variant
from wallbite.verdict import Ruling, Verdict

FAULT = Fault("broken", "It is broken.", {"WALL-01": Notice("0644", ("root", "file-caps"))})


def verdict(
    ruling: Ruling, requirement: str = "WALL-01", reason: str = "mode is 0644", posture: str = "root"
) -> Verdict:
    """A verdict."""
    return Verdict(requirement, ruling, reason, posture=posture)


@pytest.mark.parametrize(
    ("verdicts", "mark", "said"),
    [
        ([verdict(Ruling.FAIL)], Mark.KILLED, ""),
        ([verdict(Ruling.FAIL), verdict(Ruling.PASS, "WALL-02")], Mark.KILLED, ""),
        ([verdict(Ruling.PASS)], Mark.MISSED, "WALL-01 in root did not notice it: it did not fail"),
        ([], Mark.MISSED, "WALL-01 in root did not notice it: it did not fail"),
        ([verdict(Ruling.NOT_APPLICABLE)], Mark.MISSED, "it did not fail"),
        ([verdict(Ruling.INCONCLUSIVE)], Mark.MISSED, "it did not fail"),
        ([verdict(Ruling.FAIL, reason="dead")], Mark.MISSED, "it failed for another reason than '0644': dead"),
        ([verdict(Ruling.FAIL, posture="file-caps")], Mark.ALARM, "WALL-01 in file-caps failed, and is not named"),
        (
            [verdict(Ruling.FAIL), verdict(Ruling.FAIL, "WALL-02")],
            Mark.KILLED,
            "WALL-02 in root failed, and is not named",
        ),
        ([verdict(Ruling.FAIL), verdict(Ruling.INCONCLUSIVE)], Mark.UNDECIDED, "WALL-01 root inconclusive"),
    ],
)
def test_a_fault_is_noticed_only_for_its_reason_in_its_posture(verdicts: list[Verdict], mark: Mark, said: str) -> None:
    """Run in one of the two postures that it names: only that one is asked for."""
    found = of_fault(FAULT, ("root",), verdicts)
    assert found.marks["WALL-01"] is mark
    assert found.well is (not said)
    assert any(said in problem for problem in found.problems) or found.well


@pytest.mark.parametrize(
    ("verdicts", "well"),
    [
        ([verdict(Ruling.PASS)], True),
        ([verdict(Ruling.PASS), verdict(Ruling.NOT_APPLICABLE, "WALL-02")], True),
        ([verdict(Ruling.NOT_APPLICABLE)], False),
        ([], False),
        ([verdict(Ruling.PASS), verdict(Ruling.FAIL, "WALL-02")], False),
        ([verdict(Ruling.PASS), verdict(Ruling.INCONCLUSIVE, "WALL-02")], False),
    ],
)
def test_a_variant_passes_whole_or_is_a_problem(verdicts: list[Verdict], well: bool) -> None:
    """Nothing is green by not being applicable."""
    assert of_variant(("root",), verdicts).well is well


@pytest.mark.parametrize(
    ("verdicts", "well"),
    [
        ([verdict(Ruling.INCONCLUSIVE, reason="a number is NaN")], True),
        ([verdict(Ruling.INCONCLUSIVE, reason="who knows")], False),
        ([verdict(Ruling.INCONCLUSIVE, reason="a number is NaN"), verdict(Ruling.PASS)], False),
        ([verdict(Ruling.FAIL, reason="a number is NaN")], False),
        ([], False),
    ],
)
def test_of_a_bad_target_nothing_is_decided_and_it_is_said_why(verdicts: list[Verdict], well: bool) -> None:
    """Neither a pass nor a failure may rest on it."""
    assert of_fake(("root",), verdicts, Ruling.INCONCLUSIVE, "a number is NaN").well is well
