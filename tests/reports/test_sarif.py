"""SARIF: valid, read back by another program, and never an alert for what passes or is waived."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from sarif import loader

from tests.evidence import samples
from wallbite.evidence.model import Record
from wallbite.evidence.reader import read
from wallbite.reports import render, sarif
from wallbite.verdict import Ruling, Verdict

SCHEMA = json.loads((Path(__file__).parent / "schemas" / "sarif-2.1.0.schema.json").read_text())
VALIDATOR = jsonschema_rs.validator_for(SCHEMA)


def run_of(text: str) -> dict[str, Any]:
    """The one run of a log."""
    log: dict[str, Any] = json.loads(text)["runs"][0]
    return log


@pytest.mark.parametrize("name", ["failing", "hostile", "large"])
def test_it_keeps_the_published_schema(name: str, request: pytest.FixtureRequest) -> None:
    """Hostile and large records included."""
    text = render(request.getfixturevalue(name), "sarif")
    text.encode()
    VALIDATOR.validate(json.loads(text))


def test_another_program_reads_it(failing: Path, tmp_path: Path) -> None:
    """sarif-tools finds the tool, and each failure once, by its level."""
    path = tmp_path / "report.sarif"
    path.write_text(render(failing, "sarif"))
    found = loader.load_sarif_file(str(path))
    assert found.get_distinct_tool_names() == ["Wallbite"]
    records = found.get_records()
    assert sorted(one["Severity"] for one in records) == ["error", "error", "error", "warning"]
    assert {one["Location"] for one in records} == {"reference"}
    assert all(found.get_rules_by_id(one["Code"]) for one in records)


def test_there_is_a_result_for_what_fails_and_for_nothing_else(failing: Path) -> None:
    """What could not be decided is a notification, and what passes is silent."""
    run = run_of(render(failing, "sarif"))
    assert {one["ruleId"] for one in run["results"]} == {"WALL-01", "WALL-02", "BOOT-03", "BOOT-10"}
    assert {one["kind"] for one in run["results"]} == {"fail"}
    notes = [one["message"]["text"] for one in run["invocations"][0]["toolExecutionNotifications"]]
    assert notes == ["DROP-01 is inconclusive: file-caps: no answer within 10 s"]


def test_what_is_waived_is_no_alert_and_is_said(tmp_path: Path) -> None:
    """GitHub would overlook a suppression."""
    borne = [samples.borne("WALL-01", account="untrusted")]
    samples.write(tmp_path / "out", samples.Sample(planted=samples.failing, waivers=borne))
    run = run_of(render(tmp_path / "out", "sarif"))
    assert "WALL-01" not in {one["ruleId"] for one in run["results"]}
    notes = [one["message"]["text"] for one in run["invocations"][0]["toolExecutionNotifications"]]
    assert any("waiver of WALL-01, account untrusted, by Ada Lovelace, in force" in note for note in notes)


def test_the_same_failure_in_several_postures_is_one_result(conformant: Record) -> None:
    """Its fingerprint is of requirement, account and surface, and does not change with the reason."""
    one = Verdict("WALL-01", Ruling.FAIL, "open", "root", "alpha", "age-key")
    more = (one, replace(one, posture="file-caps", reason="wide open"))
    first, second = (run_of(sarif.render(replace(conformant, verdicts=found)))["results"] for found in (more, more[1:]))
    assert len(first) == len(second) == 1
    assert first[0]["partialFingerprints"] == second[0]["partialFingerprints"]
    assert first[0]["properties"] == {"postures": ["root", "file-caps"], "verdicts": 2}


def test_a_result_stands_at_its_surface_in_the_descriptor(conformant: Record) -> None:
    """By the line that the record holds."""
    surfaces = tuple({**one, "line": 40 + place} for place, one in enumerate(conformant.header.surfaces))
    header = replace(conformant.header, surfaces=surfaces, descriptor_file="targets/my gateway.yaml")
    bad = Verdict("WALL-02", Ruling.FAIL, "open", "root", "alpha", str(surfaces[2]["name"]))
    place = run_of(sarif.render(replace(conformant, header=header, verdicts=(bad,))))["results"][0]["locations"][0]
    assert place["physicalLocation"]["artifactLocation"]["uri"] == "targets/my%20gateway.yaml"
    assert place["physicalLocation"]["region"]["startLine"] == 42


def test_what_a_service_would_not_take_is_said(monkeypatch: pytest.MonkeyPatch, failing: Path) -> None:
    """The first ones are MUSTs."""
    monkeypatch.setattr(sarif, "MOST", 2)
    run = run_of(sarif.render(read(failing)))
    assert {one["level"] for one in run["results"]} == {"error"}
    assert "2 results more" in run["invocations"][0]["toolExecutionNotifications"][-1]["message"]["text"]


def test_rules_are_within_what_a_service_takes(failing: Path) -> None:
    """At most 20 tags, and every result names its rule."""
    run = run_of(render(failing, "sarif"))
    rules = run["tool"]["driver"]["rules"]
    assert max(len(rule["properties"]["tags"]) for rule in rules) <= 20
    assert "nist-800-53:AC-3" in rules[0]["properties"]["tags"]
    assert all(rules[one["ruleIndex"]]["id"] == one["ruleId"] for one in run["results"])
