"""A hostile target's words, shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.evidence import samples
from wallbite.observation import Observation
from wallbite.reports.text import command, inert, label, told


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain é", "plain é"),
        ("\x1b[31m", "\\x1b[31m"),
        ("a\u202eb", "a\\u202eb"),
        ("two\nlines", "two\\nlines"),
        ("caf\udce9", "caf\\udce9"),
        ("e\u0301", "e\u0301"),
        ("e" + "\u0301" * 4, "e\u0301\u0301\\u0301\\u0301"),
    ],
)
def test_what_cannot_be_seen_is_an_escape(text: str, shown: str) -> None:
    """Controls, direction marks, surrogates, stacked accents."""
    assert inert(text) == shown


@given(st.text(st.characters()))
def test_every_text_becomes_one_bounded_line(text: str) -> None:
    """Printable, encodable, short."""
    shown = label(text)
    shown.encode()
    assert shown.isprintable()
    assert len(shown) < 120


def test_a_long_name_says_how_long_it_is() -> None:
    """64 characters are kept."""
    assert label("x" * 4096) == "x" * 64 + "…(of 4,096 characters)"


def test_an_observation_is_a_sentence() -> None:
    """Who, from where, what, on what, and what came back."""
    one = Observation(
        "c", "walls", "root", "spawned", "alpha", "attempt", "read", "key", "opened", "OK", seen={"size": 32}
    )
    assert told(one) == 'alpha (spawned, attempt): read key [opened] → OK {"size": 32}'


def test_a_command_can_be_pasted() -> None:
    """Words are quoted for a shell."""
    header = samples.header(samples.Sample(target="my target.yaml", fault="open-key"))
    assert command(header, "WALL-01", "root") == (
        "sudo wallbite run 'my target.yaml' --posture root --select WALL-01 --fault open-key --seed 1234567"
    )
