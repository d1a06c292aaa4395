"""Values from hostile places, made safe to keep."""

from __future__ import annotations

import enum
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallbite.evidence.canonical import bounded, canonical, digest
from wallbite.observation import Observation

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
HOSTILE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()) | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.integers() | st.text(st.characters()), inner, max_size=4)
    ),
    max_leaves=12,
)


class Rude:
    """An object that has no text."""

    def __str__(self) -> str:
        """Fail."""
        raise RuntimeError


class Colour(enum.StrEnum):
    """A text that is more than a text."""

    RED = "red"


@given(JSON)
def test_canonical_json_reads_back(value: object) -> None:
    """What was written is what is read, and is written the same again."""
    raw = canonical(value)
    assert canonical(json.loads(raw)) == raw
    assert b"\n" not in raw


@given(HOSTILE)
def test_whatever_comes_can_be_kept(value: object) -> None:
    """Any value becomes JSON of valid Unicode, and stays as it is when it is bounded again."""
    kept = bounded(value)
    canonical(kept).decode("utf-8")
    assert "\\ud" not in canonical(kept).decode() or "\\\\ud" in canonical(kept).decode()
    assert bounded(kept) == kept


def test_keys_are_sorted_and_nothing_is_padded() -> None:
    """The form is one: sorted keys, no spaces, text as itself."""
    assert canonical({"b": 1, "a": ["é", None]}) == '{"a":["é",null],"b":1}'.encode()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1, 2}])
def test_what_json_cannot_hold_is_refused(value: object) -> None:
    """NaN and sets have no canonical form."""
    with pytest.raises((ValueError, TypeError)):
        canonical(value)


def test_a_long_text_says_what_is_missing() -> None:
    """4,096 characters are kept, and the rest is counted."""
    kept = bounded("x" * 5000)
    assert kept == "x" * 4096 + "…(+904 characters)"


def test_lists_and_mappings_say_what_is_missing() -> None:
    """An entry tells how many others there were."""
    assert bounded(list(range(5)), items=3) == [0, 1, 2, "… 2 more"]
    assert bounded({1: 1, 2: 2, 3: 3}, items=2) == {"1": 1, "2": 2, "…": "1 more"}


def test_a_deep_or_circular_value_ends() -> None:
    """What is too deep is an ellipsis."""
    circular: list[object] = []
    circular.append(circular)
    assert bounded(circular, depth=2) == [["…"]]


def test_a_value_of_many_parts_is_bounded_as_a_whole() -> None:
    """However the limits multiply, a value stays below about a mebibyte."""
    many = [["y" * 4096] * 100] * 100
    assert len(canonical(bounded(many))) < 1 << 21


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("caf\udce9", "caf\\udce9"),
        (b"a\xff", "a\\xff"),
        (float("nan"), "nan"),
        (1 << 70, "an integer of 71 bits"),
        (Path("/srv"), "/srv"),
        (frozenset({"b", "a"}), ["a", "b"]),
        ((1, 2), [1, 2]),
        (Colour.RED, "red"),
        (Rude(), "(Rude without text: RuntimeError)"),
    ],
)
def test_odd_values_become_plain_ones(value: object, kept: object) -> None:
    """Each odd value has a plain form that shows what it was."""
    assert bounded(value) == kept


def test_a_frozen_object_becomes_a_mapping() -> None:
    """An observation is kept field by field."""
    one = Observation("c", "k", "root", "spawned", "alpha", "attempt", "read", "key", errno="OK")
    assert bounded(one)["errno"] == "OK"


def test_a_digest_is_sha256_in_hex() -> None:
    """The digest of nothing is the known one."""
    assert digest(b"").startswith("e3b0c44298fc1c149afbf4c8996fb924")
