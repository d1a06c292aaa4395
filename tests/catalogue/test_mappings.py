"""What requirements serve of other frameworks."""

from __future__ import annotations

from collections import Counter

import pytest

from wallbite import catalogue
from wallbite.reports.controls import FRAMEWORKS, framework

KNOWN = catalogue.load()
PROFILES = {name: KNOWN.of(name) for name in ("privsep", "channels")}
ROWS = [row for rows in PROFILES.values() for row in rows]
SIZES = {"nist-800-53": 1189, "cis": 153, "asvs": 219, "iso-27001": 93}


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_a_list_is_whole_and_says_where_it_comes_from(name: str) -> None:
    """As many controls as were published; each with its title."""
    found = framework(name)
    assert len(found.controls) == SIZES[name]
    assert found.title
    assert found.source
    assert all(title.strip() for title in found.controls.values())
    assert found.withdrawn < found.controls.keys()


def test_every_control_is_in_its_published_list() -> None:
    """And has not been withdrawn; of every profile."""
    for row in KNOWN.requirements.values():
        for name, controls in row.mappings.items():
            known = framework(name)
            assert controls.keys() <= known.controls.keys(), row.id
            assert not controls.keys() & known.withdrawn, row.id


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_every_requirement_serves_a_control_and_says_why(row: catalogue.Requirement) -> None:
    """At least one, each with a sentence."""
    assert any(row.mappings.values())
    for controls in row.mappings.values():
        for why in controls.values():
            assert why[:1].isupper(), why
            assert why.endswith("."), why
            assert len(why.split()) >= 5, why


def test_every_sentence_is_its_own() -> None:
    """No sentence stands twice."""
    counted = Counter(why for row in ROWS for controls in row.mappings.values() for why in controls.values())
    assert [why for why, number in counted.items() if number > 1] == []


@pytest.mark.parametrize("profile", PROFILES)
def test_no_control_takes_more_than_a_quarter_of_the_rows(profile: str) -> None:
    """What fits everything says nothing."""
    rows = PROFILES[profile]
    counted = Counter((name, one) for row in rows for name, controls in row.mappings.items() for one in controls)
    assert max(counted.values()) <= len(rows) / 4


def test_every_framework_is_used() -> None:
    """None of the four is there for show."""
    used = {name for row in ROWS for name, controls in row.mappings.items() if controls}
    assert used == set(FRAMEWORKS)
