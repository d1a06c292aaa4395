"""The record as JSON for other programs, in the schema ``reports/schemas/report.schema.json``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from wallbite.evidence.model import Header, Record
from wallbite.evidence.summary import Summary, summary_of
from wallbite.evidence.waived import Waived, WaiverStanding
from wallbite.reports.promises import Promise, promises_of
from wallbite.reports.totals import totals
from wallbite.verdict import Level, Verdict

SCHEMA: Final = "wallbite-report/1"


def render(record: Record) -> str:
    """Every requirement and every verdict, in ASCII; the same bytes for the same record.

    Names are as the target wrote them, for programs; escapes keep them from steering whoever looks at the text.
    """
    summary, levels = summary_of(record), record.header.levels
    waived = Waived(record.header.waivers, record.header.day)
    report = {
        "schema": SCHEMA,
        "outcome": str(summary.outcome),
        "summary": summary.line,
        "counts": totals(summary),
        "requirements": _requirements(summary, promises_of(record, summary)),
        "verdicts": [_verdict(record.header, levels, verdict, waived) for verdict in record.verdicts],
        "waivers": [_waiver(item) for item in summary.waivers],
        "residuals": [{"name": name, "statement": text} for name, text in record.header.residuals.items()],
    }
    return json.dumps(report, indent=1, allow_nan=False) + "\n"


def _requirements(summary: Summary, promises: Mapping[str, Promise]) -> list[dict[str, Any]]:
    return [
        {
            "id": item.id,
            "level": str(item.level),
            "verdict": str(item.ruling),
            "waived": item.is_waived,
            **({"promise": _promise(promises[item.id])} if item.id in promises else {}),
        }
        for item in (*summary.requirements, *summary.rollups)
    ]


def _promise(promise: Promise) -> dict[str, str]:
    return {"says": promise.says, "state": str(promise.state), "reason": promise.reason}


def _verdict(header: Header, levels: Mapping[str, Level], verdict: Verdict, waived: Waived) -> dict[str, Any]:
    return {
        "requirement": verdict.requirement,
        "level": str(levels.get(verdict.requirement, Level.MUST)),
        "target": header.target,
        "stage": header.stage,
        "posture": verdict.posture,
        "account": verdict.account,
        "surface": verdict.surface,
        "verdict": str(verdict.ruling),
        "waived": waived.by(verdict) is not None,
        "reason": verdict.reason,
        "evidence": list(verdict.evidence),
        "control": verdict.control,
    }


def _waiver(item: WaiverStanding) -> dict[str, Any]:
    waiver = item.waiver
    return {
        "requirement": waiver.requirement,
        "posture": waiver.posture,
        "account": waiver.account,
        "surface": waiver.surface,
        "owner": waiver.owner,
        "justification": waiver.justification,
        "created": waiver.created,
        "expires": waiver.expires,
        "state": str(item.state),
        "failures": item.failures,
        "detail": item.detail,
    }
