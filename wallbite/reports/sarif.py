"""The record as SARIF 2.1.0, for a code-scanning service.

Such a service makes an alert of every result, whatever its kind, and overlooks suppressions. So there is a result for
what fails and is not waived, and for nothing else: one for each requirement, account and surface, since that is what
its fingerprint names; the postures stand in its message. What could not be decided is a notification of the invocation,
which is then not successful. How many requirements stand where is in the run's properties.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from wallbite.evidence.canonical import canonical, digest
from wallbite.evidence.model import Header, Record
from wallbite.evidence.summary import Summary, summary_of
from wallbite.evidence.waived import Waived, WaiverState
from wallbite.observation import Observation
from wallbite.observations import ById
from wallbite.reports.text import commands, inert, label, plural, told
from wallbite.reports.totals import totals
from wallbite.verdict import Level, Outcome, Ruling, Verdict

MOST: Final = 25_000  # results that GitHub takes of a run
TAGS: Final = 20  # tags of a rule that GitHub takes
_SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS: Final = {Level.MUST: "error", Level.SHOULD: "warning"}
_SUCCESSFUL: Final = (Outcome.CONFORMANT, Outcome.NOT_CONFORMANT)
_QUOTED: Final = 2  # observations of a result

Key = tuple[str, str, str]  # requirement, account, surface


def render(record: Record) -> str:
    """The log, with one run."""
    summary = summary_of(record)
    log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [_run(record, summary)]}
    return json.dumps(log, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _run(record: Record, summary: Summary) -> dict[str, Any]:
    header = record.header
    levels = {item.id: item.level for item in summary.requirements}
    places = {name: place for place, name in enumerate(levels)}
    groups = sorted(_failing(record).items(), key=lambda item: (levels[item[0][0]], places[item[0][0]]))
    observations = ById(record.observations)
    surfaces = {str(item.get("name", "")): item for item in header.surfaces}
    rows = {row["id"]: row for row in header.requirements}
    results = [_result(header, key, found, levels, places, observations, surfaces) for key, found in groups[:MOST]]
    return {
        "tool": {
            "driver": {
                "name": "Wallbite",
                "version": inert(header.harness),
                "rules": [_rule(name, level, rows.get(name, {})) for name, level in levels.items()],
            }
        },
        "automationDetails": {"id": f"wallbite/{label(header.target)}/{label(header.stage)}/"},
        "invocations": [_invocation(record, summary, len(groups) - len(results))],
        "columnKind": "unicodeCodePoints",
        "results": results,
        "properties": _properties(record, summary),
    }


def _failing(record: Record) -> dict[Key, list[Verdict]]:
    """The failures that nobody answers for, by what they speak of."""
    waived = Waived(record.header.waivers, record.header.day)
    groups: dict[Key, list[Verdict]] = {}
    for verdict in record.verdicts:
        if verdict.ruling is Ruling.FAIL and waived.by(verdict) is None:
            groups.setdefault((verdict.requirement, verdict.account, verdict.surface), []).append(verdict)
    return groups


def _rule(name: str, level: Level, row: Mapping[str, Any]) -> dict[str, Any]:
    tags = ["security", *(inert(f"{frame}:{control}") for frame, controls in _mappings(row) for control in controls)]
    help_text = "\n\n".join(
        f"{title}: {inert(row[field])}"
        for title, field in (("Expected", "expected"), ("Remediation", "remediation"), ("Why", "rationale"))
        if row.get(field)
    )
    return {
        "id": inert(name),
        "shortDescription": {"text": inert(row.get("statement", "(not in the record's catalogue)"))},
        "help": {"text": help_text or "(not in the record's catalogue)"},
        "defaultConfiguration": {"level": _LEVELS[level]},
        "properties": {"tags": list(dict.fromkeys(tags))[:TAGS], "level": str(level)},
    }


def _mappings(row: Mapping[str, Any]) -> Iterator[tuple[str, Sequence[str]]]:
    for frame, controls in row.get("mappings", {}).items():
        yield frame, list(controls)


def _result(
    header: Header,
    key: Key,
    verdicts: Sequence[Verdict],
    levels: Mapping[str, Level],
    places: Mapping[str, int],
    observations: Mapping[str, Observation],
    surfaces: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    requirement, account, surface = key
    postures = [label(name) for name in dict.fromkeys(one.posture for one in verdicts)]
    logical = [
        {"name": label(name), "kind": kind} for kind, name in (("account", account), ("surface", surface)) if name
    ]
    return {
        "ruleId": inert(requirement),
        "ruleIndex": places[requirement],
        "kind": "fail",
        "level": _LEVELS[levels[requirement]],
        "message": {"text": _message(header, key, verdicts, observations)},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": _uri(header)},
                    "region": {"startLine": max(1, int(surfaces.get(surface, {}).get("line", 1)))},
                },
                **({"logicalLocations": logical} if logical else {}),
            }
        ],
        "partialFingerprints": {"wallbite/v1": digest(canonical(list(key)))},
        "properties": {"postures": [name for name in postures if name], "verdicts": len(verdicts)},
    }


def _message(header: Header, key: Key, verdicts: Sequence[Verdict], observations: Mapping[str, Observation]) -> str:
    first = verdicts[0]
    where = ", ".join(label(name) for name in key[1:] if name)
    postures = ", ".join(label(name) for name in dict.fromkeys(one.posture for one in verdicts) if name)
    lines = [f"{f'{where}: ' if where else ''}{inert(first.reason)}"]
    lines += [f"In {postures}."] if postures else []
    lines += [f"{name}: {told(observations[name])}" for name in first.evidence[:_QUOTED] if name in observations]
    lines += [f"Reproduce: {commands(header, first.requirement, [first])[0]}"]
    return "\n".join(lines)


def _uri(header: Header) -> str:
    return quote(inert(header.descriptor_file or header.descriptor)) or "descriptor"


def _invocation(record: Record, summary: Summary, left: int) -> dict[str, Any]:
    return {
        "executionSuccessful": summary.outcome in _SUCCESSFUL,
        "exitCode": int(summary.outcome.code),
        "exitCodeDescription": str(summary.outcome),
        "startTimeUtc": inert(record.header.started),
        "endTimeUtc": inert(record.footer.finished),
        "toolExecutionNotifications": list(_notifications(summary, left)),
    }


def _notifications(summary: Summary, left: int) -> Iterator[dict[str, Any]]:
    if summary.outcome not in _SUCCESSFUL:
        yield _notification("error", summary.line)
    for item in summary.requirements:
        if Ruling.INCONCLUSIVE in {item.ruling, item.binding}:
            open_ = f"{inert(item.id)} is inconclusive: {inert(item.reason)}"
            yield _notification("error" if item.level is Level.MUST else "warning", open_)
    for standing in summary.waivers:
        waiver = standing.waiver
        said = f"waiver of {inert(waiver.requirement)}, {inert(waiver.scope)}, by {inert(waiver.owner)}"
        level = "note" if standing.state in {WaiverState.IN_FORCE, WaiverState.IDLE} else "error"
        yield _notification(level, f"{said}, {standing.state}: {inert(standing.detail)}")
    if left:
        yield _notification("error", f"{plural(left, 'result')} more than this format takes: see report.html")


def _notification(level: str, text: str) -> dict[str, Any]:
    return {"level": level, "message": {"text": text}}


def _properties(record: Record, summary: Summary) -> dict[str, Any]:
    header = record.header
    return {
        "outcome": str(summary.outcome),
        "summary": summary.line,
        "counts": totals(summary),
        "target": label(header.target),
        "stage": label(header.stage),
        "record-sha256": record.digest,
        "descriptor-sha256": inert(header.descriptor_digest),
        "catalogue-sha256": header.catalogue_digest,
        "seed": header.seed,
        "fault": label(header.fault) if header.fault else None,
        "self-test": inert(record.footer.self_test),
    }
