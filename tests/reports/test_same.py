"""Every format of the same record tells the same counts and the same outcome."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import junitparser
import prometheus_client.parser
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.evidence import samples
from wallbite.evidence.model import Footer, Record
from wallbite.evidence.summary import summary_of
from wallbite.reports import FORMATS
from wallbite.verdict import Outcome, Ruling, Verdict

MUST: Final = ("BOOT-01", "BOOT-03", "WALL-01", "WALL-02", "CONF-01")
SHOULD: Final = ("BOOT-10",)
RULINGS: Final = ("pass", "fail", "inconclusive", "not-applicable")


@dataclass(frozen=True)
class Told:
    """What a format says of a record: its outcome, and how many requirements stand where."""

    outcome: str
    counts: Mapping[str, int]


def of_json(text: str) -> Told:
    """The counts are those of its list, without roll-ups."""
    report = json.loads(text)
    rows = report["requirements"]
    found = {one: sum(row["verdict"] == one for row in rows) for one in RULINGS}
    found["waived"] = sum(row["waived"] for row in rows)
    assert {name: report["counts"][name] for name in found} == found
    return Told(report["outcome"], found)


def of_line(line: str) -> Told:
    """The summary line, which pages and job summaries show."""
    outcome, _, rest = line.partition(": ")
    found = {one: int(re.search(rf"(\d+) {one.replace('-', ' ')}", rest)[1]) for one in RULINGS}  # type: ignore[index]
    waived = re.search(r"\[(\d+) fails? (?:is|are) waived", rest) or re.search(r"\[(\d+) fails are waived", rest)
    return Told(outcome, {**found, "waived": int(waived[1]) if waived else 0})


def of_html(text: str) -> Told:
    """The line, which must say the same as the tiles and the heading."""
    line = html.unescape(re.search(r'<p class="line">(.*?)</p>', text)[1])  # type: ignore[index]
    told = of_line(line)
    tiles = re.findall(r'<li class="([a-z-]+)"><b>(\d+)</b>', text)
    assert {name: int(number) for name, number in tiles} == {name: told.counts[name] for name in RULINGS}
    titles = {"conformant": "Conformant", "not-conformant": "Not conformant", "undecided": "Undecided"}
    assert f'<h1 id="outcome">{titles.get(told.outcome, "Waivers to correct")}</h1>' in text
    return told


def of_markdown(text: str) -> Told:
    """The line in bold."""
    return of_line(html.unescape(text.split("**")[1]))


def of_junit(text: str) -> Told:
    """The properties of each suite; and the elements are red where the outcome is not conformant."""
    suites = list(junitparser.JUnitXml.fromstring(text.encode()))
    found = [
        {one.name: one.value for one in suite.properties()}  # type: ignore[no-untyped-call]
        for suite in suites
    ]
    told = {Told(one["outcome"], _numbers(one)) == Told(found[0]["outcome"], _numbers(found[0])) for one in found}
    assert told == {True}
    red = sum(suite.failures + suite.errors for suite in suites)
    assert bool(red) == (found[0]["outcome"] != "conformant")
    assert bool(sum(suite.failures for suite in suites)) == (found[0]["outcome"] == "not-conformant")
    return Told(found[0]["outcome"], _numbers(found[0]))


def _numbers(found: Mapping[str, str]) -> dict[str, int]:
    return {name: int(found[name]) for name in (*RULINGS, "waived")}


def of_sarif(text: str) -> Told:
    """The properties; every result fails and is waived by nobody; the exit code is the run's."""
    run = json.loads(text)["runs"][0]
    outcome, counts = run["properties"]["outcome"], run["properties"]["counts"]
    failing = {one["ruleId"] for one in run["results"]}
    assert {one["kind"] for one in run["results"]} <= {"fail"}
    assert counts["fail"] - counts["waived"] == len(failing)
    invocation = run["invocations"][0]
    assert invocation["exitCode"] == Outcome(outcome).code
    assert invocation["executionSuccessful"] == (outcome in {"conformant", "not-conformant"})
    return Told(outcome, {name: counts[name] for name in (*RULINGS, "waived")})


def of_oscal(text: str) -> Told:
    """The findings by their status; what does not apply is counted in the result's properties."""
    result = json.loads(text)["assessment-results"]["results"][0]
    stated = {one["name"]: one["value"] for one in result["props"]}
    findings = [{one["name"]: one["value"] for one in each["props"]} for each in result.get("findings", ())]
    states = [each["target"]["status"]["state"] for each in result.get("findings", ())]
    found = {one: sum(each["verdict"] == one for each in findings) for one in RULINGS}
    found["not-applicable"] = int(stated["not-applicable"])
    found["waived"] = sum(each["waived"] == "true" for each in findings)
    assert states.count("satisfied") == found["pass"]
    assert {name: int(stated[name]) for name in found} == found
    return Told(stated["outcome"], found)


def of_attestation(text: str) -> Told:
    """The lists of names; FAILED is whatever is not 0."""
    predicate = json.loads(base64.b64decode(json.loads(text)["payload"]))["predicate"]
    about = predicate["configuration"][0]["annotations"]
    lists = {"pass": "passedTests", "fail": "failedTests", "inconclusive": "warnedTests"}
    found = {ruling: len(predicate[name]) for ruling, name in lists.items()}
    found |= {name: int(about[name]) for name in ("not-applicable", "waived")}
    assert {name: int(about[name]) for name in found} == found
    assert (predicate["result"] == "FAILED") == (about["outcome"] != "conformant")
    if found["fail"] or found["inconclusive"]:
        assert predicate["result"] != "PASSED"
    return Told(about["outcome"], found)


def of_prometheus(text: str) -> Told:
    """The samples, as Prometheus' own client reads them."""
    samples_ = [
        one for family in prometheus_client.parser.text_string_to_metric_families(text) for one in family.samples
    ]
    outcomes = [one.labels["outcome"] for one in samples_ if one.name == "wallbite_run_outcome" and one.value == 1]
    found = {one.labels["verdict"]: int(one.value) for one in samples_ if one.name == "wallbite_requirements"}
    found["waived"] = next(int(one.value) for one in samples_ if one.name == "wallbite_requirements_waived")
    codes = [int(one.value) for one in samples_ if one.name == "wallbite_run_exit_code"]
    assert codes == [int(Outcome(outcomes[0]).code)]
    assert len(outcomes) == 1
    shown = [one for one in samples_ if one.name == "wallbite_requirement_open"]
    assert len(shown) == found["fail"] + found["inconclusive"]
    return Told(outcomes[0], found)


READERS: Final[Mapping[str, Callable[[str], Told]]] = {
    "html": of_html,
    "junit": of_junit,
    "markdown": of_markdown,
    "json": of_json,
    "sarif": of_sarif,
    "oscal": of_oscal,
    "attestation": of_attestation,
    "prometheus": of_prometheus,
}


def made(verdicts: list[Verdict], waivers: list[Any]) -> Record:
    """A record of verdicts under waivers."""
    header = samples.header(samples.Sample(walls=(), gates=(*MUST, *SHOULD), should=SHOULD, waivers=waivers))
    record = Record(header, (), (), tuple(verdicts), Footer({}, Outcome.UNDECIDED, "2026-01-02T03:04:15Z"), "ab" * 32)
    return replace(record, footer=replace(record.footer, outcome=summary_of(record).outcome))


def agreed(record: Record) -> Told:
    """What every format says, where they all say the same."""
    summary = summary_of(record)
    counts = {str(one): summary.count(one) for one in Ruling} | {"waived": summary.waived}
    expected = Told(str(summary.outcome), counts)
    assert {fmt: READERS[fmt](render(record)) for fmt, (_, render) in FORMATS.items()} == dict.fromkeys(
        FORMATS, expected
    )
    return expected


def test_every_format_has_a_reader() -> None:
    """None is left out of the comparison."""
    assert READERS.keys() == FORMATS.keys()


@pytest.mark.parametrize("ruling", list(Ruling))
@pytest.mark.parametrize("name", ["WALL-01", "BOOT-10"])
@pytest.mark.parametrize("waived", [False, True])
@pytest.mark.parametrize("others", [False, True])
def test_each_verdict_alone_and_beside_passes(ruling: Ruling, name: str, waived: bool, others: bool) -> None:
    """A MUST and a SHOULD, waived or not; whatever else there is passes, or has no verdict."""
    rest = [Verdict(one, Ruling.PASS, "fine", "root") for one in (*MUST, *SHOULD) if one != name and others]
    record = made([Verdict(name, ruling, "why", "root"), *rest], [samples.borne(name)] if waived else [])
    told = agreed(record)
    if told.outcome == "conformant":
        assert others
        assert ruling is not Ruling.FAIL or waived or name in SHOULD


VERDICTS = st.builds(
    Verdict,
    requirement=st.sampled_from([*MUST, *SHOULD]),
    ruling=st.sampled_from(Ruling),
    reason=st.sampled_from(["why", "<b>"]),
    posture=st.sampled_from(["", "root", "file-caps"]),
    account=st.sampled_from(["", "alpha"]),
    surface=st.sampled_from(["", "vault"]),
)
WAIVERS = st.builds(
    samples.borne,
    st.sampled_from([*MUST, *SHOULD]),
    posture=st.sampled_from(["", "root"]),
    account=st.sampled_from(["", "alpha"]),
    expires=st.sampled_from(["2026-01-01", "2026-01-02", "2026-12-31"]),
)


@given(st.lists(VERDICTS, max_size=10), st.lists(WAIVERS, max_size=2))
@settings(max_examples=60, deadline=None)
def test_every_mixture_is_told_alike(verdicts: list[Verdict], waivers: list[Any]) -> None:
    """Whatever stands beside whatever."""
    agreed(made(verdicts, waivers))
