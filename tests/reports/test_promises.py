"""A library's record: what it has in the place of accounts and surfaces, and what its documentation promises."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import jsonschema_rs
import pytest

from tests.evidence import samples
from wallbite.content import content
from wallbite.evidence.model import Record
from wallbite.evidence.summary import summary_of
from wallbite.reports import html
from wallbite.reports.called import population
from wallbite.reports.json import render as render_json
from wallbite.reports.markdown import render as render_markdown
from wallbite.reports.population import matrices
from wallbite.reports.promises import PromiseState, promises_of
from wallbite.verdict import Ruling, Verdict

SAYS = "The page: <b>always</b>."
PROMISES = {
    "WALL-01": {"says": SAYS, "binds": True, "broken-by": ""},
    "WALL-02": {"says": SAYS, "binds": True, "broken-by": "^one:"},
    "WALL-03": {"says": SAYS, "binds": False, "broken-by": ""},
    "BOOT-03": {"says": SAYS, "binds": True, "broken-by": ""},
    "BOOT-01": {"says": SAYS, "binds": True, "broken-by": ""},
    "NONE-01": {"says": SAYS, "binds": True, "broken-by": ""},
}
VERDICTS = (
    Verdict("WALL-01", Ruling.FAIL, "it was read", "root", "", "two"),
    Verdict("WALL-02", Ruling.FAIL, "it was read", "root", "", "two"),
    Verdict("WALL-03", Ruling.FAIL, "it was read", "root", "", "one"),
    Verdict("BOOT-03", Ruling.PASS, "as it must", "root", evidence=("o1",), control="o1"),
    Verdict("BOOT-01", Ruling.INCONCLUSIVE, "not seen", "root"),
)


@pytest.fixture
def called(conformant: Record) -> Record:
    """A record of a library with two channels, some failures, and promises of every kind."""
    declared = {"channels": {"one": {}, "two": {}}, "states": {"confined": "c"}, "calls": ["a", "b"]}
    context = {"setting": {"declared": {**declared, "promises": PROMISES}}}
    header = replace(conformant.header, accounts=(), surfaces=(), context=context)
    return replace(conformant, header=header, verdicts=VERDICTS)


def test_a_promise_is_broken_only_by_what_it_speaks_of(called: Record) -> None:
    """Not by whatever makes its requirement fail; and one on what was not judged is not shown."""
    found = promises_of(called, summary_of(called))
    assert {name: promise.state for name, promise in found.items()} == {
        "WALL-01": PromiseState.BROKEN,
        "WALL-02": PromiseState.LESS,
        "WALL-03": PromiseState.LESS,
        "BOOT-03": PromiseState.KEPT,
        "BOOT-01": PromiseState.UNDECIDED,
    }
    assert found["WALL-01"].reason == "root two: it was read"


def test_a_pattern_that_is_none_hides_nothing(called: Record) -> None:
    """A record may have been written by anybody."""
    setting = called.header.context["setting"]["declared"]
    broken = {**setting, "promises": {"WALL-02": {**PROMISES["WALL-02"], "broken-by": "("}}}
    record = replace(called, header=replace(called.header, context={"setting": {"declared": broken}}))
    assert promises_of(record, summary_of(record))["WALL-02"].is_broken


def test_the_page_shows_promises_beside_requirements(called: Record) -> None:
    """As text, in the card of the failure, and in a section of their own."""
    page = html.render(called)
    assert len(re.findall("promise broken", page)) >= 3
    assert "The page: &lt;b&gt;always&lt;/b&gt;." in page
    assert 'id="promises"' in page
    assert "less is promised" in page


def test_a_gateways_page_has_no_promises(conformant: Record) -> None:
    """Nor anything of calls."""
    page = html.render(conformant)
    assert 'id="promises"' not in page
    assert "Called by" not in page


def test_other_programs_find_them_beside_their_requirement(called: Record) -> None:
    """In the schema's shape."""
    text = render_json(called)
    schema = json.loads(content("reports", "schemas", "report.schema.json").read_text())
    jsonschema_rs.validator_for(schema).validate(json.loads(text))
    found = {item["id"]: item.get("promise") for item in json.loads(text)["requirements"]}
    assert found["WALL-01"] == {"says": SAYS, "state": "broken", "reason": "root two: it was read"}
    assert found["WALL-04"] is None


def test_the_population_of_a_library_is_its_channels_states_and_calls(called: Record) -> None:
    """In words, and as requirements against what their verdicts name."""
    assert population(called.header) == "2 channels (one, two), 1 state (confined), 2 calls"
    assert "2 channels" in render_markdown(called)
    walls = next(one for one in matrices(called) if one.heading.startswith("WALL"))
    assert (walls.corner, walls.columns) == ("requirement", ("one", "two"))
    assert [(row.name, [cell.word for cell in row.cells]) for row in walls.rows] == [
        ("WALL-01", ["no verdict", "fail"]),
        ("WALL-02", ["no verdict", "fail"]),
        ("WALL-03", ["fail", "no verdict"]),
    ]
    assert walls.sentence.startswith("3 pairs: 3 fail. Failing: WALL-01")


def test_the_population_of_a_gateway_is_as_it_was(conformant: Record) -> None:
    """Accounts and surfaces."""
    assert population(conformant.header) == f"{len(samples.ACCOUNTS)} accounts, {len(samples.SURFACES)} surfaces"
