"""Which of cosmic-ray's operators are used, and which mutants of them only move a bound."""

from __future__ import annotations

from collections import Counter

import pytest
from cosmic_ray.plugins import operator_names

from tests.mutation.operators import moves_a_bound, used


def test_each_kind_of_place_has_a_mutant() -> None:
    """No operator of the language is left alone, save those that no mutant of the runtime's modules has."""
    places = {name: (name.split("_")[0], name.split("_")[-2]) for name in operator_names() if "Operator_" in name}
    chosen = Counter(place for name, place in places.items() if used(name))
    missing = {(kind.removeprefix("core/Replace"), old) for kind, old in {*places.values()} - chosen.keys()}
    assert missing == {("UnaryOperator", "USub"), ("UnaryOperator", "Invert")}  # those are deleted
    assert max(chosen.values()) <= 4


@pytest.mark.parametrize(
    ("operator", "line", "moves"),
    [
        ("core/ReplaceComparisonOperator_Lt_LtE", "if len(key) < SHORTEST:", True),
        ("core/ReplaceComparisonOperator_Lt_GtE", "if len(key) < SHORTEST:", False),
        ("core/ReplaceComparisonOperator_Lt_LtE", "if uid < 0:", False),
        ("core/AddNot", "if len(key) < SHORTEST:", False),
    ],
)
def test_a_bound_is_moved_by_its_neighbour_alone(operator: str, line: str, moves: bool) -> None:
    """And only where it is one of those that lie anywhere."""
    assert moves_a_bound(operator, line, {"SHORTEST"}) is moves
