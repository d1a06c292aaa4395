"""The record as a text file for Prometheus' node exporter (its textfile collector)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Final

from wallbite.evidence.model import Record
from wallbite.evidence.summary import Summary, summary_of
from wallbite.evidence.waived import WaiverState
from wallbite.reports.text import inert, label
from wallbite.verdict import Outcome, Ruling

_SHOWN: Final = (Ruling.FAIL, Ruling.INCONCLUSIVE)

Sample = tuple[dict[str, str], float]


def render(record: Record) -> str:
    """Gauges, each with the target and the stage as labels."""
    summary = summary_of(record)
    base = {"target": label(record.header.target), "stage": label(record.header.stage)}
    lines = [line for name, text, found in _gauges(record, summary) for line in _gauge(name, text, base, found)]
    return "\n".join(lines) + "\n"


def _gauges(record: Record, summary: Summary) -> Iterator[tuple[str, str, Iterable[Sample]]]:
    """Name, help, samples."""
    header, footer = record.header, record.footer
    about = {
        "version": inert(header.harness),
        "record_sha256": record.digest,
        "descriptor_sha256": inert(header.descriptor_digest),
        "catalogue_sha256": header.catalogue_digest,
        "fault": label(header.fault or ""),
        "self_test": inert(footer.self_test),
    }
    yield "run_info", "What the run was made of; always 1.", [(about, 1)]
    outcomes = [({"outcome": str(one)}, float(summary.outcome is one)) for one in Outcome]
    yield "run_outcome", "1 for what the run came to, 0 for what it did not come to.", outcomes
    yield "run_exit_code", "The exit code of the run; 0 is conformant.", [({}, int(summary.outcome.code))]
    yield "run_finished_timestamp_seconds", "When the run ended.", [({}, _seconds(footer.finished))]
    counted = [({"verdict": str(one)}, float(summary.count(one))) for one in Ruling]
    yield "requirements", "Requirements by where they stand; a waived one stands at fail.", counted
    yield "requirements_waived", "Failing requirements that somebody answers for.", [({}, summary.waived)]
    yield "verdicts", "Verdicts by ruling and posture.", list(_verdicts(record))
    yield "requirement_open", "1 for each requirement that fails or is inconclusive.", list(_open(summary))
    states = Counter(item.state for item in summary.waivers)
    yield "waivers", "Waivers by what they come to.", [({"state": str(one)}, states[one]) for one in WaiverState]


def _verdicts(record: Record) -> Iterator[Sample]:
    found: Counter[tuple[str, Ruling]] = Counter()
    for verdict in record.verdicts:
        found[label(verdict.posture), verdict.ruling] += 1
    for posture in dict.fromkeys(name for name, _ in found):
        for ruling in Ruling:
            yield {"posture": posture, "verdict": str(ruling)}, found[posture, ruling]


def _open(summary: Summary) -> Iterator[Sample]:
    for item in summary.requirements:
        if item.ruling in _SHOWN:
            waived = str(item.is_waived).lower()
            yield (
                {
                    "requirement": inert(item.id),
                    "level": str(item.level),
                    "verdict": str(item.ruling),
                    "waived": waived,
                },
                1,
            )


def _gauge(name: str, text: str, base: dict[str, str], samples: Iterable[Sample]) -> Iterator[str]:
    yield f"# HELP wallbite_{name} {text}"
    yield f"# TYPE wallbite_{name} gauge"
    for labels, value in samples:
        written = ",".join(f'{key}="{_escaped(item)}"' for key, item in {**base, **labels}.items())
        yield f"wallbite_{name}{{{written}}} {value:.16g}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _seconds(when: str) -> float:
    try:
        return datetime.fromisoformat(when).astimezone(UTC).timestamp()
    except ValueError:
        return 0
