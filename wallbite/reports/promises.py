"""What a target's documentation promises, beside what the run found: a promise may be kept where a MUST fails."""

from __future__ import annotations

import enum
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from wallbite.evidence.model import Record
from wallbite.evidence.summary import Summary, parent_of
from wallbite.verdict import Ruling, Verdict


class PromiseState(enum.StrEnum):
    """What a promise comes to."""

    KEPT = "kept"
    BROKEN = "broken"
    UNDECIDED = "undecided"
    LESS = "less is promised"  # the requirement fails by what the documentation does not speak of
    NOT_ASKED = "not applicable"


@dataclass(frozen=True, slots=True)
class Promise:
    """A promise, by the requirement that asks for it.

    Attributes:
        says: the documentation's words, and where they stand.
        reason: the first verdict that breaks it; empty where none does.
    """

    requirement: str
    says: str
    state: PromiseState
    reason: str = ""

    @property
    def is_broken(self) -> bool:
        """Whether the target breaks it."""
        return self.state is PromiseState.BROKEN


def promises_of(record: Record, summary: Summary) -> dict[str, Promise]:
    """The promises of the record's target on what this run judged, by requirement."""
    declared: Mapping[str, Any] = record.header.context.get("setting", {}).get("declared", {}).get("promises", {})
    found: dict[str, list[Verdict]] = defaultdict(list)
    for verdict in record.verdicts:
        for name in {verdict.requirement, parent_of(verdict.requirement)}:
            found[name].append(verdict)
    rulings = {item.id: item.ruling for item in (*summary.requirements, *summary.rollups)}
    asked = (name for name in rulings if name in declared)
    return {name: _promise(name, declared[name], rulings[name], found[name]) for name in asked}


def _promise(name: str, raw: Mapping[str, Any], ruling: Ruling, verdicts: Iterable[Verdict]) -> Promise:
    failing = [one for one in verdicts if one.ruling is Ruling.FAIL]
    breaking = [one for one in failing if raw["binds"] and _speaks_of(raw["broken-by"], f"{one.surface}: {one.reason}")]
    if breaking:
        first = breaking[0]
        told = ": ".join(filter(None, (" ".join(filter(None, (first.posture, first.surface))), first.reason)))
        return Promise(name, raw["says"], PromiseState.BROKEN, told)
    if failing:
        return Promise(name, raw["says"], PromiseState.LESS)
    states = {
        Ruling.PASS: PromiseState.KEPT,
        Ruling.INCONCLUSIVE: PromiseState.UNDECIDED,
        Ruling.NOT_APPLICABLE: PromiseState.NOT_ASKED,
    }
    return Promise(name, raw["says"], states[ruling])


def _speaks_of(pattern: str, told: str) -> bool:
    """Whether a failure is one that breaks a promise; so is any where the record's pattern is none."""
    try:
        return bool(re.search(pattern, told))
    except re.error:
        return True
