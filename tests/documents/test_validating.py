"""Documents against schemas."""

from __future__ import annotations

import json

import jsonschema_rs
import pytest

from wallbite.content import content
from wallbite.documents import among, nearest, parse, printable, shown, validate
from wallbite.problems import UsageProblem

ROW = """schema: wallbite-requirements/1
family: WALL
title: Walls
requirements:
  - id: WALL-01
    level: MUST
    statement: A
    rationale: B
    source: C
    observed: D
    expected: E
    remediation: F
    vantage: spawned
    postures: all
"""


@pytest.mark.parametrize("name", ["target", "requirements"])
def test_schemas_are_schemas(name: str) -> None:
    """What is shipped is valid by the meta-schema, and refuses unknown keys everywhere it names some."""
    schema = json.loads(content("reports", "schemas", f"{name}.schema.json").read_text())
    jsonschema_rs.meta.validate(schema)
    assert not list(_open_objects(schema))


def _open_objects(schema: object) -> list[object]:
    found: list[object] = []
    if isinstance(schema, dict):
        if schema.get("properties") and schema.get("type") == "object" and "additionalProperties" not in schema:
            found.append(schema)
        found += [each for value in schema.values() for each in _open_objects(value)]
    elif isinstance(schema, list):
        found += [each for value in schema for each in _open_objects(value)]
    return found


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        ("level: MUST", "level: MSUT", 'x.yaml:6: requirements[0].level is "MSUT"; expected one of MUST, SHOULD; did'),
        ("level: MUST", "levle: MUST", 'x.yaml:6: unknown key "levle" in requirements[0]; expected one of id, level,'),
        ("    level: MUST\n", "", "x.yaml:5: requirements[0] lacks the key 'level'; expected one of MUST, SHOULD; add"),
        (
            "statement: A",
            "statement: 3",
            "statement is 3; expected a sentence with what the gateway or plugin must keep;",
        ),
        ("statement: A", "statement: 3", 'put it in quotes: "3"'),
        ("id: WALL-01", "id: wall-1", "expected an id such as WALL-04 or WALL-04.1"),
        ("postures: all", "postures: some", "expected one of enforcing, all"),
        ("postures: all", "postures: [rot]", "did you mean 'root'?"),
        (
            "postures: all",
            "postures: all\n    denial: true",
            "expected a control, since a denial proves nothing without",
        ),
        ("postures: all", "postures: all\n    denial: 1", "denial is 1; expected true or false"),
        ("title: Walls", "title: ''", "expected the family's title"),
        ("requirements:\n", "requirements: []\nrest:\n", 'unknown key "rest"; expected one of schema, family, title,'),
        ("schema: wallbite-requirements/1", "schema: wallbite-target/1", "expected wallbite-requirements/1"),
    ],
)
def test_the_most_telling_error_is_named_by_line(before: str, after: str, line: str) -> None:
    """File, line, the value, what was expected, what to do."""
    assert before in ROW
    with pytest.raises(UsageProblem) as caught:
        validate(parse(ROW.replace(before, after, 1).encode(), "x.yaml"), "requirements")
    assert line in str(caught.value)
    assert str(caught.value).startswith("x.yaml:")
    assert caught.value.remedy
    assert len(str(caught.value).splitlines()) == 1


def test_a_valid_document_passes() -> None:
    """The table above starts from a document without errors."""
    validate(parse(ROW.encode(), "x.yaml"), "requirements")


@pytest.mark.parametrize("value", ["3", "[]", "text", "~"])
def test_a_document_that_is_no_mapping_is_refused(value: str) -> None:
    """Also when there is no key to name."""
    with pytest.raises(UsageProblem, match=r"the document is .*; expected a mapping"):
        validate(parse(value.encode(), "x.yaml"), "requirements")


def test_what_is_shown_is_short_and_harmless() -> None:
    """Escapes for a terminal, line breaks and endless values do not reach a message."""
    assert printable("a\x1b[31m\n\u202e") == "a\\x1b[31m\\n\\u202e"
    assert shown("x\x9b") == '"x\\x9b"'
    assert len(shown("x" * 10_000)) == 60
    assert len(shown({str(n): n for n in range(1000)})) == 60


def test_names_are_enumerated_and_guessed() -> None:
    """At most 24 names; a guess only where one is near."""
    assert among(["a", "b"]) == "one of a, b"
    assert among(map(str, range(30))).endswith("22, 23 or 6 others")
    assert nearest("modes", ["mode", "owner"]) == "did you mean 'mode'?"
    assert nearest("xyz", ["mode"], "see the manual") == "see the manual"
