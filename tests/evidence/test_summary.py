"""What verdicts add up to."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallbite.evidence.summary import NOT_RUN, parent_of, summarise
from wallbite.verdict import Level, Outcome, Ruling, Verdict

MUST, SHOULD = Level.MUST, Level.SHOULD
RULINGS = {"p": Ruling.PASS, "f": Ruling.FAIL, "i": Ruling.INCONCLUSIVE, "n": Ruling.NOT_APPLICABLE}


def verdicts(rulings: Mapping[str, str]) -> list[Verdict]:
    """Verdicts from letters: ``{"A-1": "pf"}`` is a pass and a fail of A-1."""
    return [Verdict(name, RULINGS[letter], letter) for name, letters in rulings.items() for letter in letters]


@pytest.mark.parametrize(
    ("letters", "ruling"),
    [
        ("p", Ruling.PASS),
        ("pp", Ruling.PASS),
        ("pf", Ruling.FAIL),
        ("if", Ruling.FAIL),
        ("pi", Ruling.INCONCLUSIVE),
        ("np", Ruling.PASS),
        ("ni", Ruling.INCONCLUSIVE),
        ("nn", Ruling.NOT_APPLICABLE),
        ("", Ruling.INCONCLUSIVE),
    ],
)
def test_the_worst_verdict_is_the_ruling(letters: str, ruling: Ruling) -> None:
    """Fail, inconclusive, pass, not applicable; no verdict is inconclusive."""
    assert summarise({"A-1": MUST}, verdicts({"A-1": letters})).requirements[0].ruling is ruling


def test_a_requirement_without_a_verdict_says_so() -> None:
    """Nothing is green by not running."""
    found = summarise({"A-1": MUST}, [])
    assert found.requirements[0].reason == NOT_RUN
    assert found.outcome is Outcome.UNDECIDED


@pytest.mark.parametrize("key", ["A-1.2", "A-1", "A"])
def test_a_declaration_speaks_of_an_id_a_parent_or_a_family(key: str) -> None:
    """What was declared, with its reason, is not applicable and not inconclusive."""
    found = summarise({"A-1.2": MUST, "B-1": MUST}, verdicts({"B-1": "p"}), {key: "no such thing here"})
    assert found.requirements[0].ruling is Ruling.NOT_APPLICABLE
    assert "no such thing here" in found.requirements[0].reason
    assert found.outcome is Outcome.CONFORMANT


def test_a_declaration_hides_no_verdict() -> None:
    """A fail is a fail, whatever was declared."""
    assert summarise({"A-1": MUST}, verdicts({"A-1": "f"}), {"A": "no"}).outcome is Outcome.NOT_CONFORMANT


@pytest.mark.parametrize(
    ("levels", "letters", "outcome"),
    [
        ({"A-1": MUST, "A-2": MUST}, {"A-1": "p", "A-2": "p"}, Outcome.CONFORMANT),
        ({"A-1": MUST, "A-2": MUST}, {"A-1": "f", "A-2": "i"}, Outcome.NOT_CONFORMANT),
        ({"A-1": MUST, "A-2": MUST}, {"A-1": "p", "A-2": "i"}, Outcome.UNDECIDED),
        ({"A-1": MUST, "A-2": SHOULD}, {"A-1": "p", "A-2": "f"}, Outcome.CONFORMANT),
        ({"A-1": MUST, "A-2": SHOULD}, {"A-1": "p", "A-2": "i"}, Outcome.CONFORMANT),
        ({"A-1": MUST}, {"A-1": "n"}, Outcome.UNDECIDED),
        ({"A-1": SHOULD}, {"A-1": "f"}, Outcome.UNDECIDED),
        ({}, {}, Outcome.UNDECIDED),
        ({}, {"A-9": "f"}, Outcome.NOT_CONFORMANT),
    ],
)
def test_the_outcome(levels: dict[str, Level], letters: dict[str, str], outcome: Outcome) -> None:
    """A MUST that fails decides; one that is inconclusive leaves it open; a SHOULD is shown; nothing passed is open."""
    assert summarise(levels, verdicts(letters)).outcome is outcome


def test_a_parent_rolls_up_its_rows_and_is_not_counted() -> None:
    """WALL-04 stands where its rows stand."""
    levels = {"W-4": MUST, "W-4.1": MUST, "W-4.2": MUST, "W-5": MUST}
    found = summarise(levels, verdicts({"W-4.1": "p", "W-4.2": "f", "W-5": "p"}))
    assert [item.id for item in found.requirements] == ["W-4.1", "W-4.2", "W-5"]
    assert [(item.id, item.ruling) for item in found.rollups] == [("W-4", Ruling.FAIL)]


def test_a_roll_up_of_mixed_levels_speaks_of_its_must_rows() -> None:
    """Else a MUST would fail in a run that is conformant."""
    found = summarise({"W-4.1": MUST, "W-4.2": SHOULD}, verdicts({"W-4.1": "p", "W-4.2": "f"}))
    assert (found.rollups[0].level, found.rollups[0].ruling) == (MUST, Ruling.PASS)


def test_a_parent_with_verdicts_of_its_own_counts() -> None:
    """Nothing that was judged is dropped."""
    found = summarise({"W-4": MUST, "W-4.1": MUST}, verdicts({"W-4": "f", "W-4.1": "p"}))
    assert [item.ruling for item in found.requirements] == [Ruling.FAIL, Ruling.PASS]
    assert found.rollups[0].ruling is Ruling.FAIL


def test_the_line() -> None:
    """Outcome, counts of requirements, and how many verdicts they rest on."""
    levels = {f"A-{number}": MUST for number in range(49)}
    letters = {f"A-{number}": "p" * 26 for number in range(46)} | {f"A-{number}": "n" for number in range(46, 49)}
    line = summarise(levels, [*verdicts(letters), *verdicts({"A-0": "ppppp"})]).line
    assert line == "conformant: 46 pass, 0 fail, 0 inconclusive, 3 not applicable (of 49; 1,204 verdicts)"


def test_the_line_says_that_a_should_fails() -> None:
    """In brackets, after the counts."""
    line = summarise({"A-1": MUST, "A-2": SHOULD}, verdicts({"A-1": "p", "A-2": "f"})).line
    assert line == (
        "conformant: 1 pass, 1 fail, 0 inconclusive, 0 not applicable (of 2; 2 verdicts) "
        "[1 fail is SHOULD: shown, not decisive]"
    )


def test_the_reason_is_the_first_verdict_that_decides() -> None:
    """With its scope, and how many others there are."""
    found = [
        Verdict("A-1", Ruling.PASS, "fine", "root"),
        Verdict("A-1", Ruling.FAIL, "read gave OK", "root", "alpha", "key"),
        Verdict("A-1", Ruling.FAIL, "read gave OK", "root", "beta", "key"),
    ]
    assert summarise({"A-1": MUST}, found).requirements[0].reason == "root alpha key: read gave OK (and 1 more)"


@given(st.dictionaries(st.sampled_from(["A-1", "A-1.1", "A-1.2", "B-1", "B-2"]), st.text("pfin", max_size=4)))
def test_a_must_that_fails_is_never_conformant(letters: dict[str, str]) -> None:
    """Counts add up, and no roll-up contradicts the outcome."""
    found = summarise(dict.fromkeys(letters, MUST), verdicts(letters))
    assert sum(found.count(ruling) for ruling in Ruling) == len(found.requirements)
    failing = any(item.ruling is Ruling.FAIL for item in (*found.requirements, *found.rollups))
    assert failing == (found.outcome is Outcome.NOT_CONFORMANT)
    assert found.verdicts == sum(map(len, letters.values()))


def test_parents() -> None:
    """The part before the dot."""
    assert (parent_of("WALL-04.1"), parent_of("WALL-04")) == ("WALL-04", "")
