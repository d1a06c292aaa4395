"""The record as JSON for other programs."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema_rs
import pytest

from wallbite.content import content
from wallbite.evidence.model import Record
from wallbite.reports import render
from wallbite.reports.json import render as render_record

SCHEMA = content("reports", "schemas", "report.schema.json")


@pytest.mark.parametrize("name", ["failing", "hostile", "large", "waived"])
def test_it_keeps_its_schema(name: str, request: pytest.FixtureRequest) -> None:
    """Hostile and large records included; the text can be encoded."""
    text = render(request.getfixturevalue(name), "json")
    text.encode()
    jsonschema_rs.validator_for(json.loads(SCHEMA.read_text())).validate(json.loads(text))


def test_it_holds_every_requirement_and_verdict(failing: Path) -> None:
    """In the order of the record; a roll-up stands after the rows."""
    report = json.loads(render(failing, "json"))
    assert report["outcome"] == "not-conformant"
    assert [item["id"] for item in report["requirements"]][-1] == "WALL-04"
    assert {"id": "BOOT-10", "level": "SHOULD", "verdict": "fail", "waived": False} in report["requirements"]
    found = next(item for item in report["verdicts"] if item["verdict"] == "fail" and item["surface"] == "age-key")
    assert found == {
        "requirement": "WALL-01",
        "level": "MUST",
        "target": "reference",
        "stage": "namespace",
        "posture": "ambient-caps",
        "account": "untrusted",
        "surface": "age-key",
        "verdict": "fail",
        "waived": False,
        "reason": "untrusted read age-key: OK, expected EACCES",
        "evidence": ["o178"],
        "control": "",
    }
    assert report["residuals"][0]["name"] == "shared-account"


def test_the_same_record_gives_the_same_text(conformant: Record) -> None:
    """A rendering is a pure function."""
    assert render_record(conformant) == render_record(conformant)
