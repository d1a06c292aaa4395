"""The record as OSCAL assessment results (JSON), for a compliance system.

- A *finding* for each requirement that applies. OSCAL knows satisfied and not-satisfied only, so what is inconclusive
  is not satisfied, with the reason; what does not apply has no finding, and is counted and named in the remarks.
- An *observation* for each requirement and posture, by test; its evidence is the record, named with its digest.
- A *risk* for each waiver that lies over a failure or has expired; the finding stays not satisfied.
- The controls that are reviewed are those of NIST SP 800-53 that the requirements map to.

Every UUID is derived from the record, so that the same record gives the same bytes. Markup is Markdown; what comes from
the target is escaped as in a job summary.
"""

from __future__ import annotations

import json
import re
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from wallbite.evidence.folder import RECORD
from wallbite.evidence.model import Record
from wallbite.evidence.summary import Standing, Summary, summary_of
from wallbite.evidence.waived import Waived, WaiverStanding, WaiverState
from wallbite.reports.markdown import escaped
from wallbite.reports.text import inert, label, plural
from wallbite.reports.totals import totals
from wallbite.verdict import Ruling, Verdict, worst

VERSION: Final = "1.2.1"  # of OSCAL; 1.2.3 reads it
NAMESPACE: Final = "urn:wallbite:oscal:1"
NIST: Final = "nist-800-53"
_CONTROL: Final = re.compile(r"([A-Z]{2}-[0-9]+)(?:\(([0-9]+)\))?")
_NAMED: Final = 12  # observations that an evidence's description names
_RISKS: Final = {WaiverState.IN_FORCE: "deviation-approved", WaiverState.EXPIRED: "open"}

Json = dict[str, Any]


def render(record: Record) -> str:
    """The assessment results, with one result."""
    return json.dumps(_Paper(record, summary_of(record)).whole(), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


@dataclass(frozen=True)
class _Paper:
    """A record on its way to OSCAL."""

    record: Record
    summary: Summary

    def whole(self) -> Json:
        header, footer = self.record.header, self.record.footer
        return {
            "assessment-results": {
                "uuid": self.id("results"),
                "metadata": {
                    "title": f"Conformance of {escaped(label(header.target))}",
                    "last-modified": inert(footer.finished),
                    "version": _value(header.harness),
                    "oscal-version": VERSION,
                },
                "import-ap": {"href": f"#{self.id('plan')}"},
                "results": [self.result()],
                "back-matter": {"resources": list(self.resources())},
            }
        }

    def id(self, *names: str) -> str:
        """A UUID that follows from the record and a name within it."""
        base = uuid.uuid5(uuid.NAMESPACE_URL, f"{NAMESPACE}:{self.record.digest}")
        return str(uuid.uuid5(base, json.dumps(names)))

    def result(self) -> Json:
        header, footer = self.record.header, self.record.footer
        parts: dict[str, list[Json]] = {
            "observations": list(self.observations()),
            "risks": [self.risk(number, item) for number, item in self.borne()],
            "findings": [self.finding(item) for item in self.summary.requirements if _applies(item)],
        }
        return {
            "uuid": self.id("result"),
            "title": f"Run of {escaped(label(header.target))}",
            "description": escaped(self.summary.line),
            "start": inert(header.started),
            "end": inert(footer.finished),
            "props": list(self.properties()),
            "local-definitions": {"components": list(self.components())},
            "reviewed-controls": {"control-selections": [self.controls()]},
            **{name: found for name, found in parts.items() if found},
            "remarks": self.remarks(),
        }

    def properties(self) -> Iterator[Json]:
        yield _property("outcome", str(self.summary.outcome))
        for name, number in totals(self.summary).items():
            yield _property(name, str(number))
        header = self.record.header
        yield _property("stage", header.stage)
        yield _property("seed", str(header.seed))
        yield _property("fault", header.fault or "none")
        yield _property("self-test", self.record.footer.self_test)

    def components(self) -> Iterator[Json]:
        header = self.record.header
        yield self.component("harness", "Wallbite", f"Wallbite {header.harness}, which booted and probed the target")
        yield self.component("target", label(header.target), header.title or header.target)

    def component(self, role: str, title: str, text: str) -> Json:
        return {
            "uuid": self.id("component", role),
            "type": "software",
            "title": escaped(title) or "-",
            "description": escaped(text) or "-",
            "status": {"state": "operational"},
        }

    def controls(self) -> Json:
        found = dict.fromkeys(
            name
            for row in self.record.header.requirements
            for control in row.get("mappings", {}).get(NIST, ())
            if (name := control_id(control))
        )
        if not found:
            return {"description": "The catalogue of the run maps to no control.", "include-all": {}}
        return {"include-controls": [{"control-id": name} for name in sorted(found, key=_control_order)]}

    def observations(self) -> Iterator[Json]:
        waived = Waived(self.record.header.waivers, self.record.header.day)
        for name, postures in self.verdicts.items():
            for posture, found in postures.items():
                yield self.observation(name, posture, found, sum(1 for one in found if waived.by(one)))

    @cached_property
    def verdicts(self) -> Mapping[str, Mapping[str, Sequence[Verdict]]]:
        """By requirement and posture."""
        groups: dict[str, dict[str, list[Verdict]]] = {}
        for verdict in self.record.verdicts:
            groups.setdefault(verdict.requirement, {}).setdefault(verdict.posture, []).append(verdict)
        return groups

    def observation(self, name: str, posture: str, verdicts: Sequence[Verdict], waived: int) -> Json:
        counted = Counter(verdict.ruling for verdict in verdicts)
        said = ", ".join(f"{counted[ruling]:,} {ruling}" for ruling in Ruling if counted[ruling])
        ruling = worst(counted)
        first = next(verdict for verdict in verdicts if verdict.ruling is ruling)
        evidence = list(dict.fromkeys(each for verdict in verdicts for each in verdict.evidence))
        more = f" and {len(evidence) - _NAMED:,} more" if len(evidence) > _NAMED else ""
        named = f"Observations {', '.join(map(escaped, evidence[:_NAMED]))}{more}." if evidence else "No observation."
        return {
            "uuid": self.id("observation", name, posture),
            "title": f"{escaped(name)} in {escaped(label(posture)) or 'any posture'}",
            "description": f"{said}. {escaped(first.reason)}",
            "props": [
                _property("requirement", name),
                _property("posture", posture or "any"),
                _property("verdict", str(ruling)),
                *([_property("waived-verdicts", str(waived))] if waived else []),
            ],
            "methods": ["TEST"],
            "types": ["finding"],
            "origins": [{"actors": [{"type": "tool", "actor-uuid": self.id("component", "harness")}]}],
            "subjects": [{"subject-uuid": self.id("component", "target"), "type": "component"}],
            "relevant-evidence": [{"href": f"#{self.id('record')}", "description": named}],
            "collected": inert(self.record.footer.finished),
        }

    def finding(self, item: Standing) -> Json:
        row = next((each for each in self.record.header.requirements if each["id"] == item.id), {})
        postures = self.verdicts.get(item.id, {})
        related = [{"observation-uuid": self.id("observation", item.id, posture)} for posture in postures]
        risks = [
            {"risk-uuid": self.id("risk", str(number))}
            for number, standing in self.borne()
            if standing.waiver.speaks_of(item.id)
        ]
        passed = item.ruling is Ruling.PASS
        return {
            "uuid": self.id("finding", item.id),
            "title": f"{escaped(item.id)} ({item.level}): {item.ruling}{' (waived)' if item.is_waived else ''}",
            "description": escaped(inert(row.get("statement", "(not in the record's catalogue)"))) or "-",
            "props": [
                _property("verdict", str(item.ruling)),
                _property("level", str(item.level)),
                _property("waived", str(item.is_waived).lower()),
            ],
            "target": {
                "type": "objective-id",
                "target-id": _token(item.id),
                "status": {
                    "state": "satisfied" if passed else "not-satisfied",
                    "reason": {Ruling.PASS: "pass", Ruling.FAIL: "fail"}.get(item.ruling, "other"),
                    **({} if passed else {"remarks": f"{item.ruling}: {escaped(item.reason)}"}),
                },
            },
            **({"related-observations": related} if related else {}),
            **({"related-risks": risks} if risks else {}),
        }

    def borne(self) -> list[tuple[int, WaiverStanding]]:
        """The waivers that are risks, with their numbers."""
        return [(number, item) for number, item in enumerate(self.summary.waivers) if item.state in _RISKS]

    def risk(self, number: int, item: WaiverStanding) -> Json:
        waiver = item.waiver
        return {
            "uuid": self.id("risk", str(number)),
            "title": f"Waiver of {escaped(waiver.requirement)}, {escaped(waiver.scope)}",
            "description": escaped(waiver.justification) or "-",
            "statement": f"{escaped(waiver.owner)} answers for it until {waiver.expires}: {escaped(item.detail)}.",
            "props": [_property("owner", waiver.owner), _property("created", waiver.created)],
            "status": _RISKS[item.state],
            "deadline": f"{waiver.expires}T23:59:59Z",
        }

    def remarks(self) -> str:
        left = [item for item in self.summary.requirements if not _applies(item)]
        lines = [f"Not applicable: {plural(len(left), 'requirement')}."]
        lines += [f"- {escaped(item.id)}: {escaped(item.reason)}" for item in left]
        residuals = self.record.header.residuals.items()
        lines += [f"- residual {escaped(label(name))}: {escaped(text)}" for name, text in residuals]
        return "\n".join(lines)

    def resources(self) -> Iterator[Json]:
        header = self.record.header
        yield {
            "uuid": self.id("record"),
            "title": "The record",
            "description": "Every observation and verdict of the run, as chained JSON lines.",
            "rlinks": [{"href": RECORD, **_hashes(self.record.digest)}],
        }
        yield {
            "uuid": self.id("plan"),
            "title": "The catalogue and the descriptor",
            "description": (
                f"What was to be assessed: {plural(len(header.requirements), 'requirement')} "
                f"(SHA-256 {header.catalogue_digest}) of the target that {escaped(header.descriptor)} describes."
            ),
            "props": [
                _property("catalogue-sha256", header.catalogue_digest),
                _property("descriptor-sha256", header.descriptor_digest),
                *([_property("waivers-sha256", header.waivers_digest)] if header.waivers_digest else []),
            ],
        }


def control_id(control: str) -> str:
    """A control as OSCAL's catalogue of SP 800-53 names it: ``ac-6.8`` for ``AC-6(8)``; empty for anything else."""
    found = _CONTROL.fullmatch(control)
    return (found[1] + (f".{found[2]}" if found[2] else "")).lower() if found else ""


def _control_order(name: str) -> tuple[str, list[int]]:
    family, _, numbers = name.partition("-")
    return family, [int(number) for number in numbers.split(".")]


def _applies(item: Standing) -> bool:
    return item.ruling is not Ruling.NOT_APPLICABLE


def _property(name: str, value: str) -> Json:
    return {"name": name, "ns": NAMESPACE, "value": _value(value)}


def _value(text: str) -> str:
    """A text as a property's value, which is neither empty nor begins or ends with a space."""
    return inert(text).strip() or "-"


def _token(name: str) -> str:
    """A name as a token: a letter first, then letters, digits, dots, hyphens."""
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", inert(name))
    return plain if re.match(r"[A-Za-z_]", plain) else f"_{plain}"


def _hashes(digest: str) -> Mapping[str, Iterable[Json]]:
    return {"hashes": [{"algorithm": "SHA-256", "value": digest}]} if digest else {}
