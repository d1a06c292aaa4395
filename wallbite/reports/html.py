"""The record as one HTML page, for a person who files it: no network, no script, inert whatever the target said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final

from wallbite.evidence.model import Header, Record
from wallbite.evidence.summary import Summary, parent_of, summary_of
from wallbite.reports.called import calls, population
from wallbite.reports.controls import by_control
from wallbite.reports.findings import Desk
from wallbite.reports.pages import environment, style
from wallbite.reports.population import lines, matrices, postures_of
from wallbite.reports.text import LABEL, SYMBOLS, inert, label, plural
from wallbite.verdict import Level, Outcome, Ruling

TITLES: Final = {
    Outcome.CONFORMANT: ("Conformant", "pass"),
    Outcome.NOT_CONFORMANT: ("Not conformant", "fail"),
    Outcome.WAIVERS_WRONG: ("Waivers to correct", "inconclusive"),
    Outcome.UNDECIDED: ("Undecided", "inconclusive"),
}
_FAMILY: Final = "-"


def render(record: Record) -> str:
    """The page."""
    summary = summary_of(record)
    return environment().get_template("report.html.j2").render(_page(record, summary))


def _page(record: Record, summary: Summary) -> dict[str, Any]:
    """Everything that the template may name."""
    desk, postures = Desk(record, summary), postures_of(record)
    word, ruling = TITLES[summary.outcome]
    return {
        **style("report"),
        "symbols": SYMBOLS,
        "header": record.header,
        "record": record,
        "summary": summary,
        "banner": {"word": word, "ruling": ruling, "meaning": _meaning(summary)},
        "counts": [(str(one), SYMBOLS[one], summary.count(one)) for one in Ruling],
        "should": _failing(summary, waived=False, level=Level.SHOULD),
        "waived": _failing(summary, waived=True),
        "is_waived": {item.id for item in (*summary.requirements, *summary.rollups) if item.is_waived},
        "frameworks": by_control(record, summary),
        "families": list(_families(record.header, summary)),
        "population": population(record.header),
        "calls": calls(record.header),
        "promises": list(desk.promises.values()),
        "matrices": matrices(record),
        "postures": postures,
        "lines": lines(record, summary, postures),
        "anchors": desk.anchors,
        "failures": list(desk.findings(Ruling.FAIL)),
        "undecided": list(desk.findings(Ruling.INCONCLUSIVE)),
        "excluded": list(_excluded(record, summary)),
        "listed": list(desk.listed()),
        "parts": _parts(summary),
        "broken": [case for case in record.cases if case.problem],
        "provenance": list(_provenance(record)),
        "machine": list(_machine(record.header)),
    }


def _meaning(summary: Summary) -> str:
    """The outcome in a sentence that is true with waivers, too."""
    musts = [item for item in summary.requirements if item.level is Level.MUST]
    unwaived = " that is not waived" if any(item.waived for item in musts) else ""
    if summary.outcome is Outcome.CONFORMANT:
        return f"Every MUST of this run has a verdict, and none{unwaived} fails."
    if summary.outcome is Outcome.WAIVERS_WRONG:
        return f"No MUST{unwaived} fails, and a waiver speaks of nothing that fails: correct it first."
    if summary.outcome is Outcome.UNDECIDED:
        return f"No MUST{unwaived} fails, and not every MUST could be decided."
    if any(item.binding is Ruling.FAIL for item in musts):
        return f"At least one MUST{unwaived} fails."
    return f"No MUST{unwaived} fails, but a waiver has expired."


def _failing(summary: Summary, *, waived: bool, level: Level | None = None) -> int:
    """How many requirements (of a level) fail, and are or are not waived."""
    found = (item for item in summary.requirements if item.ruling is Ruling.FAIL and level in {None, item.level})
    return sum(1 for item in found if item.is_waived is waived)


def _families(header: Header, summary: Summary) -> Iterator[tuple[str, list[int], int]]:
    """Each family with the number of its requirements by ruling; those that are missing have none."""
    found: dict[str, Counter[Ruling]] = {}
    for item in summary.requirements:
        found.setdefault(item.id.partition(_FAMILY)[0], Counter())[item.ruling] += 1
    for family, counted in found.items():
        yield inert(family, LABEL), [counted[ruling] for ruling in Ruling], counted.total()
    for family in header.missing_families:
        yield inert(family, LABEL), [], 0


def _excluded(record: Record, summary: Summary) -> Iterator[tuple[str, str, str]]:
    """What was not applicable: requirement, where, reason; the same reason once for each requirement."""
    found: Counter[tuple[str, str]] = Counter()
    for verdict in record.verdicts:
        if verdict.ruling is Ruling.NOT_APPLICABLE:
            found[verdict.requirement, verdict.reason] += 1
    for (requirement, reason), number in found.items():
        yield label(requirement), plural(number, "verdict"), inert(reason)
    for item in summary.requirements:
        if item.ruling is Ruling.NOT_APPLICABLE and not item.verdicts:
            yield label(item.id), "as a whole", inert(item.reason)


def _parts(summary: Summary) -> Mapping[str, list[str]]:
    """The rows that each roll-up rolls up."""
    return {
        item.id: [row.id for row in summary.requirements if parent_of(row.id) == item.id] for item in summary.rollups
    }


def _provenance(record: Record) -> Iterator[tuple[str, str]]:
    header, footer = record.header, record.footer
    yield "Record (SHA-256)", record.digest
    yield "Descriptor", inert(header.descriptor)
    yield "Descriptor (SHA-256)", inert(header.descriptor_digest)
    yield "Waivers (SHA-256)", inert(header.waivers_digest) or "none"
    yield "Selected catalogue (SHA-256)", header.catalogue_digest
    yield "Harness", f"Wallbite {inert(header.harness)}"
    yield "Self-test of the harness", inert(footer.self_test)
    yield "Seed", str(header.seed) if header.seed is not None else "none"
    yield "Seeded fault", inert(header.fault) if header.fault else "none"
    yield "Command", inert(" ".join(header.command))
    yield "Started", inert(header.started)
    yield "Finished", inert(footer.finished)
    yield (
        "Cases, observations, verdicts",
        ", ".join(f"{number:,}" for number in (len(record.cases), len(record.observations), len(record.verdicts))),
    )


def _machine(header: Header) -> Iterator[tuple[str, str]]:
    for name, value in header.host.items():
        yield f"host: {label(name)}", inert(value)
    for name, value in header.kernel.items():
        yield f"kernel: {label(name)}", inert(value)
    for name, value in header.claims.items():
        yield f"claim: {label(name)}", inert(value)
