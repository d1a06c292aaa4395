"""Documents of configuration: changed by path, dumped as spelt."""

from __future__ import annotations

import pytest
import yaml

from wallbite.installation.document import Plain, dump, with_value


@pytest.mark.parametrize(("spelt", "means"), [("yes", True), ("on", True), ("off", False), ("null", None), ("~", None)])
def test_a_plain_scalar_is_written_as_spelt(spelt: str, means: object) -> None:
    """A boot matrix must be able to say ``yes`` without quotes."""
    text = dump({"key": Plain(spelt)})
    assert text == f"key: {spelt}\n"
    assert yaml.safe_load(text) == {"key": means}


def test_text_that_looks_like_a_boolean_keeps_its_quotes() -> None:
    """The string "yes" is another value than yes."""
    assert yaml.safe_load(dump({"key": "yes"})) == {"key": "yes"}


def test_a_value_is_set_at_a_dotted_path_in_a_copy() -> None:
    """The original stays as it was."""
    before = {"service": {"name": "x"}}
    assert with_value(before, "service.unconfined", True) == {"service": {"name": "x", "unconfined": True}}
    assert before == {"service": {"name": "x"}}


def test_none_takes_a_key_away() -> None:
    """As a matrix needs it for "no such key"."""
    assert with_value({"accounts": {}, "rest": 1}, "accounts", None) == {"rest": 1}


def test_a_shared_part_is_written_out_twice() -> None:
    """Strict readers refuse aliases."""
    part = {"a": 1}
    assert "&" not in dump({"one": part, "two": part})
