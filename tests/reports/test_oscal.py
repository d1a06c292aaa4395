"""OSCAL assessment results: valid, and every reference leads somewhere."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from wallbite import catalogue
from wallbite.evidence.model import Record
from wallbite.reports import oscal, render

SCHEMA = json.loads((Path(__file__).parent / "schemas" / "oscal-assessment-results-1.2.3.schema.json").read_text())
VALIDATOR = jsonschema_rs.validator_for(SCHEMA)
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def results(text: str) -> dict[str, Any]:
    """The one result."""
    found: dict[str, Any] = json.loads(text)["assessment-results"]["results"][0]
    return found


def walk(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Every text, with the name that it has."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from walk(item, key)
    elif isinstance(value, list):
        for item in value:
            yield from walk(item, name)
    elif isinstance(value, str):
        yield name, value


@pytest.mark.parametrize("name", ["failing", "hostile", "large", "waived"])
def test_it_keeps_the_published_schema(name: str, request: pytest.FixtureRequest) -> None:
    """NIST's, of OSCAL 1.2.3; hostile and large records included."""
    text = render(request.getfixturevalue(name), "oscal")
    text.encode()
    VALIDATOR.validate(json.loads(text))


@pytest.mark.parametrize("name", ["failing", "hostile", "waived"])
def test_every_reference_leads_somewhere(name: str, request: pytest.FixtureRequest) -> None:
    """No validator looks: a dangling uuid is valid."""
    found = list(walk(json.loads(render(request.getfixturevalue(name), "oscal"))))
    there = [value for key, value in found if key == "uuid"]
    named = {value for key, value in found if key.endswith("-uuid")}
    named |= {value[1:] for key, value in found if key == "href" and value.startswith("#")}
    assert len(there) == len(set(there))
    assert named <= set(there)
    assert all(UUID.fullmatch(value) and uuid.UUID(value).version == 5 for value in there)


def test_only_a_pass_is_satisfied(failing: Path) -> None:
    """What is inconclusive is not satisfied, and says why; what does not apply has no finding."""
    found = {
        one["target"]["target-id"]: one["target"]["status"] for one in results(render(failing, "oscal"))["findings"]
    }
    assert found["BOOT-01"] == {"state": "satisfied", "reason": "pass"}
    assert found["WALL-01"]["state"] == found["DROP-01"]["state"] == "not-satisfied"
    assert found["DROP-01"]["reason"] == "other"
    assert "no answer within 10 s" in found["DROP-01"]["remarks"]
    assert "CONF-01" not in found
    assert "CONF-01: declared by the target" in results(render(failing, "oscal"))["remarks"]


def test_a_waiver_is_a_risk_beside_a_finding_that_is_not_satisfied(waived: Path) -> None:
    """Approved until its day; open again where it has expired."""
    result = results(render(waived, "oscal"))
    risks = {one["uuid"]: one for one in result["risks"]}
    finding = next(one for one in result["findings"] if one["target"]["target-id"] == "WALL-01")
    assert finding["target"]["status"]["state"] == "not-satisfied"
    assert finding["title"] == "WALL-01 (MUST): fail (waived)"
    risk = risks[finding["related-risks"][0]["risk-uuid"]]
    assert (risk["status"], risk["deadline"]) == ("deviation-approved", "2026-12-31T23:59:59Z")
    assert sorted(one["status"] for one in risks.values()) == ["deviation-approved", "open"]


def test_controls_are_named_as_oscal_names_them(failing: Path) -> None:
    """Those of SP 800-53, in lower case; other frameworks have no place here."""
    assert oscal.control_id("AC-6(8)") == "ac-6.8"
    assert oscal.control_id("3.3") == ""
    selections = results(render(failing, "oscal"))["reviewed-controls"]["control-selections"]
    assert selections == [{"include-controls": [{"control-id": "ac-3"}, {"control-id": "ac-6.8"}]}]
    for row in catalogue.load().requirements.values():
        assert all(map(oscal.control_id, row.mappings.get("nist-800-53", ())))


def test_the_same_record_gives_the_same_bytes(conformant: Record) -> None:
    """UUIDs follow from the record."""
    assert oscal.render(conformant) == oscal.render(conformant)
