"""Many observations, kept small: they come back as they were, in whatever number."""

from __future__ import annotations

import gc
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallbite import ids
from wallbite import observations as kept
from wallbite.facts import Index
from wallbite.observation import Observation
from wallbite.observations import ById, Observations

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
WORDS = st.sampled_from(["a", "b", "c"])
MADE = st.builds(
    Observation, *[WORDS] * 8, layout=st.sampled_from(["laid", "opened"]), errno=st.none() | WORDS,
    seen=st.dictionaries(st.text(), VALUES, max_size=3), id=st.sampled_from(["", "o1", "o2", "mine"]),
)  # fmt: skip


@given(st.lists(MADE, max_size=20))
def test_they_come_back_as_they_were(given_: list[Observation]) -> None:
    """Every field, ids that do not follow from the place included."""
    assert Observations(given_) == given_
    assert list(Observations(given_)[1:4]) == given_[1:4]


@given(st.lists(MADE, max_size=40), st.lists(WORDS, max_size=3), st.dictionaries(
    st.sampled_from(["kind", "account", "object", "step", "errno", "vantage", "layout"]), WORDS))  # fmt: skip
def test_what_is_found_is_what_a_walk_through_all_finds(
    given_: list[Observation], operations: list[str], wanted: dict[str, str]
) -> None:
    """Whatever way leads there, kept small or not: the same ones, by operation, kind and order."""
    order = list(dict.fromkeys(one.kind for one in given_))
    expected = [
        place
        for operation in operations
        for kind in order
        for place, one in enumerate(given_)
        if (one.posture, one.operation, one.kind) == ("a", operation, kind)
        and all(getattr(one, name) == value for name, value in wanted.items())
    ]
    for observations in (given_, Observations(given_)):
        index = Index(observations)
        for _ in ("looked for", "remembered"):
            assert list(index.places(tuple(operations), {**wanted, "posture": "a"})) == expected


def test_what_was_seen_is_in_the_order_of_a_record() -> None:
    """A reason that lists what was seen says the same when the record is judged again."""
    one = replace(Observation(*"abcdefgh"), seen={"size": 1, "inode": 2})
    assert list(Observations([one])[0].seen) == ["inode", "size"]


def test_what_was_seen_moves_to_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Past the bound it comes back from there, also while more is added."""
    monkeypatch.setattr(kept, "MEMORY", 100)
    whole, one = Observations(), Observation(*"abcdefgh")
    for number in range(50):
        whole.append(replace(one, seen={"number": number, "text": "x" * number}))
        assert whole[number // 2].seen["number"] == number // 2
    assert whole._seen._rolled  # type: ignore[attr-defined]
    assert [each.seen["text"] for each in whole] == ["x" * number for number in range(50)]


def test_a_hundred_thousand_take_a_few_megabytes() -> None:
    """What an observation takes is a hundred bytes, and not the thousand of an object with its texts."""
    import tracemalloc  # noqa: PLC0415 - slows whatever is imported after it

    gc.collect()
    tracemalloc.start()
    try:
        whole = Observations()
        for number in range(100_000):
            whole.append(
                Observation(
                    "walls@root", "walls", "root", "spawned", f"account-{number % 50}", "attempt", "read",
                    f"surface-{number % 999}", "laid", "EACCES", {}, f"o{number + 1}",
                )
            )  # fmt: skip
        assert tracemalloc.get_traced_memory()[0] < 10_000_000
    finally:
        tracemalloc.stop()
    assert whole[99_999].id == "o100000"


@pytest.mark.parametrize("name", ["", "o", "o0", "o01", "o3", "p1", "o-1", "o1 ", "o²", "O1"])
def test_no_other_name_is_an_id(name: str) -> None:
    """A verdict that names one rests on nothing."""
    one = Observation(*"abcdefgh")
    found = ById(Observations([replace(one, id="o1"), replace(one, id="o2")]))
    assert name not in found
    assert "o2" in found
    assert ids.place_of("o2") == 1
