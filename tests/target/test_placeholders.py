"""Placeholders: what is filled in, what stays, what is repeated."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallbite.target.placeholders import UnknownPlaceholderError, expand, expand_text, names_account, placeholders

VALUES: dict[str, Any] = {
    "account": "alpha",
    "uid:alpha": 1001,
    "program": "/p",
    "plan": {"a": [1]},
    "evil": "{program}",
}


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("{program}", "/p"),
        ("{uid:alpha}", 1001),
        ("{uid:{account}}", 1001),
        ("uid={uid:{account}}", "uid=1001"),
        ("{plan}", {"a": [1]}),
        ("{{account}}", "{account}"),
        ("{{uid:alpha}}", "{uid:alpha}"),
        ("{{uid:{account}}}", "{1001}"),
        ('{"a": {"b": 1}}', '{"a": {"b": 1}}'),
        ('{"who":"{account}"}', '{"who":"alpha"}'),
        ("%(name)s ${HOME} {2,3} {} { a }", "%(name)s ${HOME} {2,3} {} { a }"),
        ("{account", "{account"),
        ("{uid:{account}", "{uid:alpha"),
        ("{", "{"),
        ("}", "}"),
        ("", ""),
        ("{evil}", "{program}"),
        ("x{evil}", "x{program}"),
    ],
)
def test_text_is_filled_in(template: str, value: object) -> None:
    """Inner ones first, the value's own type where there is nothing else, and nothing twice."""
    assert expand_text(template, VALUES) == value


@pytest.mark.parametrize("template", ["{nope}", "{uid:nope}", "{nope:{account}}", "a{nope}b"])
def test_an_unknown_placeholder_is_an_error(template: str) -> None:
    """Nothing is left standing, or silently empty."""
    with pytest.raises(UnknownPlaceholderError):
        expand(template, VALUES)


def test_keys_and_items_are_repeated_for_each_account() -> None:
    """An entry by its key, an item by anything in it; what names no account stays single."""
    value = {
        "a-{account}": ["{account}", {"deep": "{account}"}],
        "list": [{"on": ["x.{account}"]}, {"on": "y"}],
        "n": 1,
    }
    assert expand(value, {}, ["p", "q"]) == {
        "a-p": ["p", {"deep": "p"}],
        "a-q": ["q", {"deep": "q"}],
        "list": [{"on": ["x.p"]}, {"on": ["x.q"]}, {"on": "y"}],
        "n": 1,
    }


def test_a_bound_account_is_not_repeated() -> None:
    """Where the account is known there is one copy."""
    assert expand(["{account}"], VALUES, ["p", "q"]) == ["alpha"]


def test_an_account_outside_of_any_repetition_is_an_error() -> None:
    """A value alone cannot be repeated."""
    with pytest.raises(UnknownPlaceholderError, match="account"):
        expand({"key": "{account}"}, {}, ["p"])


def test_placeholders_are_found_inside_arguments() -> None:
    """So that a template is known to depend on the account."""
    assert [str(slot) for slot in placeholders({"{a}": ["{uid:{account}}"]})] == ["{a}", "{uid:{account}}", "{account}"]
    assert names_account("{uid:{account}}")
    assert not names_account("{{account}}")


@given(st.text())
def test_text_without_braces_is_itself(text: str) -> None:
    """Filling in changes nothing else."""
    plain = text.replace("{", "").replace("}", "")
    assert expand_text(plain, {}) == plain


@given(st.text(alphabet="{}:ab-., account"))
def test_any_braces_give_text_or_an_unknown_placeholder(text: str) -> None:
    """No other exception, and all text is kept where nothing is filled in."""
    try:
        value = expand_text(text, {})
    except UnknownPlaceholderError:
        return
    assert value.replace("{", "").replace("}", "") == text.replace("{", "").replace("}", "")
