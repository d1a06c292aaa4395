"""The record as JSON for other programs, in the schema ``reports/schemas/report.schema.json``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from wallbite.evidence.model import Header, Record
from wallbite.evidence.summary import Summary, summary_of
from wallbite.verdict import Level, Verdict

SCHEMA: Final = "wallbite-report/1"


def render(record: Record) -> str:
    """Every requirement and every verdict; the same bytes for the same record. Roll-ups stand after their rows."""
    summary, levels = summary_of(record), record.header.levels
    report = {
        "schema": SCHEMA,
        "outcome": str(summary.outcome),
        "requirements": _requirements(summary),
        "verdicts": [_verdict(record.header, levels, verdict) for verdict in record.verdicts],
        "residuals": [{"name": name, "statement": text} for name, text in record.header.residuals.items()],
    }
    text = json.dumps(report, indent=1, ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "backslashreplace").decode() + "\n"


def _requirements(summary: Summary) -> list[dict[str, str]]:
    return [
        {"id": item.id, "level": str(item.level), "verdict": str(item.ruling)}
        for item in (*summary.requirements, *summary.rollups)
    ]


def _verdict(header: Header, levels: Mapping[str, Level], verdict: Verdict) -> dict[str, Any]:
    return {
        "requirement": verdict.requirement,
        "level": str(levels.get(verdict.requirement, Level.MUST)),
        "target": header.target,
        "stage": header.stage,
        "posture": verdict.posture,
        "account": verdict.account,
        "surface": verdict.surface,
        "verdict": str(verdict.ruling),
        "reason": verdict.reason,
        "evidence": list(verdict.evidence),
        "control": verdict.control,
    }
