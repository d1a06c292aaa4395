"""The record as JUnit XML (Jenkins' schema ``junit-10``), for a CI system.

A test case is what one requirement came to in one posture, for one account and one surface; where that makes the file
too large, surfaces are merged, then accounts, then postures, the worst verdict first.

The file is red exactly where the run's exit code is not 0:

- a MUST that fails is a ``failure``; one that is inconclusive, or has no verdict, is an ``error``;
- a SHOULD that fails or is inconclusive is ``skipped``, and its message begins with the word SHOULD;
- a failure that is waived is ``skipped``, and its message begins with the word WAIVED and says what it really is;
- a waiver that has expired is a ``failure`` of its own, one that is stale an ``error``;
- what is not applicable is ``skipped``;
- a run that is undecided though nothing is an error (nothing passed at all) has a test case of its own that is one.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from wallbite.evidence.model import Record
from wallbite.evidence.summary import Summary, summary_of
from wallbite.evidence.waived import Waived, WaiverState
from wallbite.observation import Observation
from wallbite.observations import ById
from wallbite.reports.text import command, inert, label, told
from wallbite.reports.totals import totals
from wallbite.verdict import Level, Outcome, Ruling, Verdict
from wallbite.waivers import Waiver

LARGEST: Final = 30_000_000  # bytes, GitLab's bound
_EVIDENCE: Final = 4  # observations that a case quotes
_ANY: Final = "any posture"
_RED: Final = {Ruling.FAIL: "failure", Ruling.INCONCLUSIVE: "error"}
_WRONG: Final = {WaiverState.EXPIRED: "failure", WaiverState.STALE: "error"}

Key = tuple[str, str, str, str]  # requirement, posture, account, surface


@dataclass(frozen=True, slots=True)
class _Case:
    """One test case: its suite, its two names, its element (empty for a pass), message and text."""

    suite: str
    classname: str
    name: str
    element: str = ""
    message: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class _Desk:
    """What a case is made from."""

    record: Record
    levels: Mapping[str, Level]
    observations: Mapping[str, Observation]
    waived: Waived

    def gravity(self, verdict: Verdict) -> int:
        """The order in which one of several verdicts decides: a failure that is waived comes after what is open."""
        if verdict.ruling is Ruling.FAIL and self.waived.by(verdict):
            return 2
        return {Ruling.FAIL: 0, Ruling.INCONCLUSIVE: 1, Ruling.PASS: 3, Ruling.NOT_APPLICABLE: 4}[verdict.ruling]


def render(record: Record) -> str:
    """The test cases, as finely divided as the size allows."""
    summary = summary_of(record)
    text = ""
    for kept in (4, 3, 2, 1):
        text = _document(record, summary, _cases(record, summary, kept))
        if len(text.encode()) <= LARGEST:
            break
    return text


def _cases(record: Record, summary: Summary, kept: int) -> list[_Case]:
    desk = _Desk(
        record,
        {item.id: item.level for item in summary.requirements},
        ById(record.observations),
        Waived(record.header.waivers, record.header.day),
    )
    groups: dict[Key, list[Verdict]] = defaultdict(list)
    for verdict in record.verdicts:
        groups[_key(verdict, kept)].append(verdict)
    cases = [_case(desk, key, found) for key, found in groups.items()]
    cases += [*_without_verdict(record, summary), *_waivers(record, summary)]
    return _named_apart([*cases, *_nothing_passed(record, summary, cases)])


def _key(verdict: Verdict, kept: int) -> Key:
    """What a verdict is grouped by: the first of its dimensions."""
    posture, account, surface = verdict.posture, verdict.account, verdict.surface
    return verdict.requirement, posture if kept > 1 else "", account if kept > 2 else "", surface if kept > 3 else ""  # noqa: PLR2004


def _case(desk: _Desk, key: Key, verdicts: Sequence[Verdict]) -> _Case:
    first = min(verdicts, key=desk.gravity)
    waiver = desk.waived.by(first)
    element, message = _element(desk.levels[key[0]], first.ruling, first.reason, waiver)
    lines = _lines(desk, first, len(verdicts)) if element else []
    where = ", ".join(label(name) for name in key[1:] if name)
    name = f"{inert(key[0])} [{where}]" if where else inert(key[0])
    return _Case(key[1] or _ANY, _classname(desk.record, key[0]), name, element, message, "\n".join(lines))


def _element(level: Level, ruling: Ruling, reason: str, waiver: Waiver | None = None) -> tuple[str, str]:
    """The element of a verdict, and its message."""
    if ruling is Ruling.PASS:
        return "", ""
    if ruling is Ruling.NOT_APPLICABLE:
        return "skipped", f"not applicable: {inert(reason)}"
    if waiver is not None:
        borne = f"by {inert(waiver.owner)} until {waiver.expires}"
        return "skipped", f"WAIVED, not decisive: {ruling}: {inert(reason)} ({borne})"
    if level is Level.SHOULD:
        return "skipped", f"SHOULD, not decisive: {ruling}: {inert(reason)}"
    return _RED[ruling], inert(reason)


def _lines(desk: _Desk, verdict: Verdict, merged: int) -> Iterator[str]:
    yield f"{verdict.ruling}: {inert(verdict.reason)}"
    if waiver := desk.waived.by(verdict):
        yield f"waived by {inert(waiver.owner)} until {waiver.expires}: {inert(waiver.justification)}"
    if merged > 1:
        yield f"the gravest of {merged:,} verdicts"
    for name in (*verdict.evidence[:_EVIDENCE], verdict.control):
        if name in desk.observations:
            yield f"{'control' if name == verdict.control else 'evidence'} {name}: {told(desk.observations[name])}"
    if verdict.ruling is not Ruling.NOT_APPLICABLE:
        yield f"reproduce: {command(desk.record.header, verdict.requirement, verdict.posture)}"


def _waivers(record: Record, summary: Summary) -> Iterator[_Case]:
    """What is wrong with the waivers is red like what is wrong with the target."""
    for item in summary.waivers:
        if item.state in _WRONG:
            name = f"waiver of {inert(item.waiver.requirement)} [{inert(item.waiver.scope)}]"
            message = f"{item.state}: {inert(item.detail)} ({inert(item.waiver.where)}, {inert(item.waiver.owner)})"
            yield _Case(_ANY, _classname(record, "waivers"), name, _WRONG[item.state], message, message)


def _without_verdict(record: Record, summary: Summary) -> Iterator[_Case]:
    for item in summary.requirements:
        if not item.verdicts:
            element, message = _element(item.level, item.ruling, item.reason)
            yield _Case(_ANY, _classname(record, item.id), inert(item.id), element, message)


def _nothing_passed(record: Record, summary: Summary, cases: Iterable[_Case]) -> Iterator[_Case]:
    """An undecided run is never green."""
    missing = any(not item.verdicts and item.ruling is Ruling.INCONCLUSIVE for item in summary.requirements)
    if summary.outcome is Outcome.UNDECIDED and not missing and not any(case.element == "error" for case in cases):
        yield _Case(_ANY, _classname(record, "run"), "outcome", "error", summary.line)


def _named_apart(cases: Iterable[_Case]) -> list[_Case]:
    """No two cases with the same names: GitLab would count the first only."""
    seen: Counter[tuple[str, str]] = Counter()
    kept = []
    for case in cases:
        seen[case.classname, case.name] += 1
        number = seen[case.classname, case.name]
        name = case.name if number == 1 else f"{case.name} #{number}"
        kept.append(_Case(case.suite, case.classname, name, case.element, case.message, case.text))
    return kept


def _classname(record: Record, requirement: str) -> str:
    return f"wallbite.{label(record.header.target)}.{inert(requirement.partition('-')[0])}"


def _document(record: Record, summary: Summary, cases: Sequence[_Case]) -> str:
    suites: dict[str, list[_Case]] = defaultdict(list)
    for case in cases:
        suites[case.suite].append(case)
    seconds = {posture: _seconds(record, posture) for posture in suites}
    total = sum(case.seconds for case in record.cases)
    attributes = _attributes(name="wallbite", time=f"{total:.3f}", **_counts(cases, ("tests", "failures", "errors")))
    body = "\n".join(_suite(record, summary, name, found, seconds[name]) for name, found in suites.items())
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites{attributes}>\n{body}\n</testsuites>\n'


def _suite(record: Record, summary: Summary, name: str, cases: Sequence[_Case], seconds: float) -> str:
    counted = _counts(cases, ("tests", "failures", "errors", "skipped"))
    started = inert(record.header.started).removesuffix("Z")
    host = label(str(record.header.host.get("name", "unknown")))
    attributes = _attributes(name=label(name), time=f"{seconds:.3f}", timestamp=started, hostname=host, **counted)
    properties = "".join(
        f"<property{_attributes(name=key, value=value)}/>" for key, value in _properties(record, summary)
    )
    body = "\n".join(map(_testcase, cases))
    return f"<testsuite{attributes}>\n<properties>{properties}</properties>\n{body}\n</testsuite>"


def _testcase(case: _Case) -> str:
    attributes = _attributes(classname=case.classname, name=case.name, time="0.000")
    if not case.element:
        return f"<testcase{attributes}/>"
    message = _attributes(message=case.message)
    if case.element == "skipped":
        output = f"<system-out>{escape(case.text)}</system-out>" if case.text else ""
        return f"<testcase{attributes}><skipped{message}/>{output}</testcase>"
    kind = _attributes(type="fail" if case.element == "failure" else "inconclusive")
    return f"<testcase{attributes}><{case.element}{message}{kind}>{escape(case.text)}</{case.element}></testcase>"


def _counts(cases: Sequence[_Case], names: Sequence[str]) -> dict[str, str]:
    found = Counter(case.element for case in cases)
    counted = {
        "tests": len(cases),
        "failures": found["failure"],
        "errors": found["error"],
        "skipped": found["skipped"],
    }
    return {name: str(counted[name]) for name in names}


def _properties(record: Record, summary: Summary) -> Iterator[tuple[str, str]]:
    header = record.header
    yield "target", label(header.target)
    yield "stage", label(header.stage)
    yield "harness", label(header.harness)
    yield "kernel", label(str(header.kernel.get("release", "unknown")))
    yield "seed", str(header.seed)
    yield "fault", label(header.fault or "none")
    yield "descriptor-sha256", label(header.descriptor_digest)
    yield "record-sha256", record.digest
    yield "outcome", str(summary.outcome)
    yield "summary", summary.line
    for name, number in totals(summary).items():
        yield name, str(number)


def _seconds(record: Record, posture: str) -> float:
    return sum(case.seconds for case in record.cases if case.posture == posture)


def _attributes(**values: str) -> str:
    return "".join(f' {name}="{escape(value)}"' for name, value in values.items())
