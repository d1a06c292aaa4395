"""The record as Markdown, for a CI job's summary: below 1 MiB, and inert whatever the target named its files."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from wallbite.evidence.model import Record
from wallbite.evidence.summary import Standing, Summary, summary_of
from wallbite.evidence.waived import Waived
from wallbite.observation import Observation
from wallbite.observations import ById
from wallbite.reports.called import population
from wallbite.reports.text import SYMBOLS, commands, inert, plural, scope, told
from wallbite.verdict import Outcome, Ruling, Verdict

LARGEST: Final = 1_000_000  # bytes; GitHub refuses a summary beyond 1 MiB
LISTED: Final = 25  # verdicts of one requirement
_QUOTED: Final = 3  # observations of one verdict
_TITLES: Final = {
    Outcome.CONFORMANT: "\N{WHITE HEAVY CHECK MARK} Conformant",
    Outcome.NOT_CONFORMANT: "\N{CROSS MARK} Not conformant",
    Outcome.WAIVERS_WRONG: "\N{CROSS MARK} Waivers to correct",
    Outcome.UNDECIDED: "\N{BLACK QUESTION MARK ORNAMENT} Undecided",
}
_SPECIAL: Final = re.compile(r"[&<>\"`*_{}\[\]#!|~$@^\\]|(?<=www)\.|:(?=//)", re.IGNORECASE)


def render(record: Record) -> str:
    """Outcome and failures open, everything else collapsed; what does not fit is said."""
    summary = summary_of(record)
    verdicts: dict[str, list[Verdict]] = defaultdict(list)
    for verdict in record.verdicts:
        verdicts[verdict.requirement].append(verdict)
    sections = [
        _head(record, summary),
        _failures(record, summary, verdicts),
        _waivers(summary),
        _inconclusive(record, summary, verdicts),
        _requirements(summary),
        _residuals(record),
        _provenance(record),
    ]
    return _fitting([block for section in sections for block in section])


def escaped(text: object) -> str:
    """The text, with whatever Markdown, HTML or a forge would act upon as a character reference."""
    return _SPECIAL.sub(lambda match: f"&#{ord(match.group())};", inert(text))


def _fitting(blocks: Sequence[str]) -> str:
    """The blocks, in their order, until there is no more room. A block is closed in itself."""
    room, kept = LARGEST, []
    for number, block in enumerate(blocks):
        room -= len(block.encode()) + 2
        if room < 0:
            kept.append(f"*{plural(len(blocks) - number, 'section')} left out for size: see report.html.*")
            break
        kept.append(block)
    return "\n\n".join(kept) + "\n"


def _head(record: Record, summary: Summary) -> Iterator[str]:
    header = record.header
    yield f"## {_TITLES[summary.outcome]}: {escaped(header.title or header.target)}"
    yield f"**{escaped(summary.line)}**"
    fault = f" · seeded fault **{escaped(header.fault)}**" if header.fault else ""
    postures = ", ".join(map(escaped, header.postures))
    yield (f"{escaped(population(header))}; stage {escaped(header.stage)}; postures {postures}{fault}")
    if header.missing_families:
        yield f"Families without checks in this run: {', '.join(map(escaped, header.missing_families))}."


def _failures(record: Record, summary: Summary, verdicts: Mapping[str, list[Verdict]]) -> Iterator[str]:
    observations = ById(record.observations)
    rows = {row["id"]: row for row in record.header.requirements}
    waived = Waived(record.header.waivers, record.header.day)
    for item in _with(summary, Ruling.FAIL):
        found = [verdict for verdict in verdicts[item.id] if verdict.ruling is Ruling.FAIL]
        yield "\n\n".join(_failure(record, item, rows.get(item.id, {}), found, observations, waived))


def _failure(
    record: Record,
    item: Standing,
    row: Mapping[str, Any],
    verdicts: Sequence[Verdict],
    observations: Mapping[str, Observation],
    waived: Waived,
) -> Iterator[str]:
    failing = plural(len(verdicts), "failing verdict")
    borne = f", {item.waived:,} of them waived" if item.waived else ""
    yield f"### {SYMBOLS[Ruling.FAIL]} {escaped(item.id)} ({item.level}): {failing}{borne}"
    yield escaped(row.get("statement", "no such requirement in the catalogue"))
    yield f"**Expected:** {escaped(row.get('expected', ''))}"
    yield "\n".join(_line(verdict, observations, waived) for verdict in verdicts[:LISTED])
    if len(verdicts) > LISTED:
        yield f"… and {len(verdicts) - LISTED:,} more, in report.html."
    yield f"**Remediation:** {escaped(row.get('remediation', ''))}"
    lines = "<br>".join(f"<code>{escaped(line)}</code>" for line in commands(record.header, item.id, verdicts))
    yield f"**Reproduce:** {lines}"


def _line(verdict: Verdict, observations: Mapping[str, Observation], waived: Waived) -> str:
    evidence = [observations[name] for name in verdict.evidence[:_QUOTED] if name in observations]
    quoted = "".join(f"<br><code>{escaped(f'{item.id} {told(item)}')}</code>" for item in evidence)
    waiver = waived.by(verdict)
    borne = f" (waived by {escaped(waiver.owner)} until {escaped(waiver.expires)})" if waiver else ""
    return f"- **{escaped(scope(verdict) or 'as a whole')}**{borne}: {escaped(verdict.reason)}{quoted}"


def _waivers(summary: Summary) -> Iterator[str]:
    if summary.waivers:
        lines = [
            "### Waivers",
            "",
            "| requirement | scope | state | owner | until | why |",
            "|---|---|---|---|---|---|",
        ]
        for item in summary.waivers:
            one = item.waiver
            cells = (one.requirement, one.scope, str(item.state), one.owner, one.expires)
            why = f"{escaped(one.justification)} <br> {escaped(item.detail)}"
            lines.append(f"| {' | '.join(map(escaped, cells))} | {why} |")
        yield "\n".join(lines)


def _inconclusive(record: Record, summary: Summary, verdicts: Mapping[str, list[Verdict]]) -> Iterator[str]:
    items = _with(summary, Ruling.INCONCLUSIVE)
    if items:
        lines = []
        for item in items:
            found = [verdict for verdict in verdicts[item.id] if verdict.ruling is Ruling.INCONCLUSIVE]
            again = "".join(f"<br><code>{escaped(line)}</code>" for line in commands(record.header, item.id, found))
            lines.append(f"- **{escaped(item.id)}** ({item.level}): {escaped(item.reason)}{again}")
        yield _folded(f"{plural(len(items), 'requirement')} inconclusive", "\n".join(lines))


def _requirements(summary: Summary) -> Iterator[str]:
    items = (*summary.requirements, *summary.rollups)
    lines = ["| requirement | level | verdict | verdicts | why |", "|---|---|---|---:|---|"]
    for item in items:
        word = f"{SYMBOLS[item.ruling]} {item.ruling}{' (waived)' if item.is_waived else ''}"
        lines.append(f"| {escaped(item.id)} | {item.level} | {word} | {item.verdicts:,} | {escaped(item.reason)} |")
    yield _folded(f"All {plural(len(summary.requirements), 'requirement')}", "\n".join(lines))


def _residuals(record: Record) -> Iterator[str]:
    if record.header.residuals:
        lines = (f"- **{escaped(name)}**: {escaped(text)}" for name, text in record.header.residuals.items())
        yield _folded("Residuals that the target accepts", "\n".join(lines))


def _provenance(record: Record) -> Iterator[str]:
    header = record.header
    facts = {
        "record": f"SHA-256 {record.digest}",
        "descriptor": f"{header.descriptor}, SHA-256 {header.descriptor_digest}",
        "waivers": f"SHA-256 {header.waivers_digest}" if header.waivers_digest else "none",
        "catalogue": f"SHA-256 {header.catalogue_digest}",
        "harness": f"Wallbite {header.harness}",
        "self-test": record.footer.self_test,
        "host": ", ".join(str(value) for value in header.host.values()),
        "kernel": header.kernel.get("release", "unknown"),
        "seed": header.seed,
        "time": f"{header.started} to {record.footer.finished}",
    }
    yield _folded("Provenance", "\n".join(f"- {name}: {escaped(value)}" for name, value in facts.items()))


def _folded(title: str, body: str) -> str:
    return f"<details><summary>{title}</summary>\n\n{body}\n\n</details>"


def _with(summary: Summary, ruling: Ruling) -> list[Standing]:
    found: Iterable[Standing] = (item for item in summary.requirements if item.ruling is ruling)
    return sorted(found, key=lambda item: item.level)
