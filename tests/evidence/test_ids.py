"""Ids kept as numbers: nobody can tell them from the texts that they stand for."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallbite import ids
from wallbite.evidence.model import compact
from wallbite.evidence.model import verdict as read_verdict
from wallbite.verdict import Ruling, Verdict


@given(st.lists(st.integers(1, 2**32 - 2).map("o{}".format), min_size=1))
def test_they_are_as_a_tuple_of_them(names: list[str]) -> None:
    """Equal, of one hash, and cut alike."""
    found = ids.of(names)
    assert isinstance(found, ids.Ids)
    assert found == tuple(names)
    assert tuple(names) == found
    assert hash(found) == hash(tuple(names))
    assert (found[0], found[1:], len(found)) == (names[0], tuple(names[1:]), len(names))
    assert found != tuple(names[1:])


@pytest.mark.parametrize("name", ["", "o", "o0", "o01", "x1", "o1 ", "o²", f"o{2**32 + 1}", "o" + "9" * 5000, "o-1"])
def test_what_is_no_id_of_a_place_stays_a_text(name: str) -> None:
    """Together with whatever stands beside it."""
    place = ids.place_of(name)
    assert place is None or place >= 2**32
    assert ids.of(["o1", name]) == ("o1", name)
    assert type(ids.of(["o1", name])) is tuple


def test_a_verdict_is_the_same_with_either() -> None:
    """What a check said is found among what the record holds, and the other way."""
    said = Verdict("WALL-01", Ruling.PASS, "as it must be", evidence=("o1", "o77"), control="o2")
    read = read_verdict(compact(said))
    assert isinstance(read.evidence, ids.Ids)
    assert (read, hash(read), compact(read)) == (said, hash(said), compact(said))
    assert {said: 1}[read] == 1


def test_they_are_small() -> None:
    """Four bytes each, and nothing for each text."""
    found = ids.of(f"o{number}" for number in range(1, 10_001))
    assert isinstance(found, ids.Ids)
    assert sys.getsizeof(found._places) < 60_000
