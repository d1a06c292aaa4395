"""What a self-test came to, as a document: ``selftest.json``, of which everything else is a rendering."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from wallbite import __version__
from wallbite.catalogue import Catalogue
from wallbite.checks import Check
from wallbite.exits import ExitCode
from wallbite.installation.fault import Fault
from wallbite.selftest.backing import FAILED, PASSED, SCHEMA
from wallbite.selftest.options import FAULTS, PARTS, VARIANTS, SelfTestOptions
from wallbite.selftest.outcome import Mark, Outcome
from wallbite.selftest.trials import Trial


@dataclass(frozen=True)
class Row:
    """A trial that is over, as the document has it."""

    part: str
    name: str
    says: str
    seconds: float
    outcome: Outcome

    @classmethod
    def of(cls, trial: Trial, outcome: Outcome, seconds: float) -> Row:
        """The row of a trial."""
        return cls(trial.part, trial.name, trial.says, seconds, outcome)


@dataclass(frozen=True)
class SelfTest:
    """A self-test that is over.

    Attributes:
        options: what was asked for.
        rows: one for each trial, in the order of the parts and names.
        families: the requirements of the catalogue, by family.
        gaps: what the suite itself lacks, in words: a requirement without a check or without a fault.
        faults: the names of the faults that name a requirement, by requirement.
        suite: the digest of all that was tested.
        started, finished: UTC, ISO 8601.
    """

    options: SelfTestOptions
    rows: tuple[Row, ...]
    families: Mapping[str, tuple[str, ...]]
    gaps: tuple[str, ...]
    faults: Mapping[str, tuple[str, ...]]
    suite: str
    started: str
    finished: str

    def of(self, part: str) -> tuple[Row, ...]:
        """The trials of a part."""
        return tuple(row for row in self.rows if row.part == part)

    @property
    def passed(self) -> bool:
        """Whether everything is as it must be."""
        return bool(self.rows) and not self.gaps and all(row.outcome.well for row in self.rows)

    @property
    def code(self) -> ExitCode:
        """The exit code."""
        return ExitCode.CONFORMANT if self.passed else ExitCode.SELFTEST_FAILED

    @property
    def line(self) -> str:
        """What it came to, on one line."""
        said = [_words(part, self.of(part)) for part in PARTS if self.of(part)]
        lacks = f"; {len(self.gaps):,} gaps" if self.gaps else ""
        return f"self-test {PASSED if self.passed else FAILED}: {', '.join(said) or 'nothing was tried'}{lacks}"

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        """For each part, how many trials there were, and how many went well."""
        return {
            part: {"trials": len(rows), "well": sum(row.outcome.well for row in rows)}
            for part in PARTS
            if (rows := self.of(part))
        }

    def as_json(self) -> dict[str, Any]:
        """The document."""
        return {
            "schema": SCHEMA,
            "harness": __version__,
            "suite": self.suite,
            "outcome": PASSED if self.passed else FAILED,
            "whole": self.options.whole,
            "full": self.options.full,
            "replayed": self.options.replay is not None,
            "select": list(self.options.select),
            "started": self.started,
            "finished": self.finished,
            "counts": self.counts,
            "gaps": list(self.gaps),
            "requirements": {name: list(self.faults.get(name, ())) for row in self.families.values() for name in row},
            "trials": [_as_json(row) for row in self.rows],
        }


def gaps(known: Catalogue, bound: Mapping[str, Check], seeded: Iterable[Fault], select: Iterable[str]) -> list[str]:
    """Requirements that nothing judges, or that no fault turns red; of those that were selected."""
    named = {name for one in seeded for name in one.noticed_by}
    wanted = set(select)
    leaves = [one for one in known.requirements.values() if not one.parts and (not wanted or one.id in wanted)]
    lacking = [f"{one.id} has no check" for one in leaves if one.id not in bound]
    return [*lacking, *(f"{one.id} has no fault" for one in leaves if one.id not in named)]


def _as_json(row: Row) -> dict[str, Any]:
    return {
        "part": row.part,
        "name": row.name,
        "says": row.says,
        "postures": list(row.outcome.postures),
        "well": row.outcome.well,
        "problems": list(row.outcome.problems),
        "named": dict(row.outcome.named),
        "marks": {name: str(mark) for name, mark in sorted(row.outcome.marks.items()) if mark is not Mark.GREEN},
        "green": sorted(name for name, mark in row.outcome.marks.items() if mark is Mark.GREEN),
        "seconds": round(row.seconds, 1),
    }


def _share(rows: tuple[Row, ...]) -> str:
    well = sum(row.outcome.well for row in rows)
    return f"{well:,} of {len(rows):,}"


def _alarms(rows: tuple[Row, ...]) -> str:
    alarms = Counter(mark for row in rows for mark in row.outcome.marks.values())[Mark.ALARM]
    wrong = "" if all(row.outcome.well for row in rows) else f" ({_share(rows)} as they must be)"
    return f"{alarms:,} false alarms over {len(rows):,} variants{wrong}"


def _words(part: str, rows: tuple[Row, ...]) -> str:
    if part == VARIANTS:
        return _alarms(rows)
    return f"{_share(rows)} {'faults noticed' if part == FAULTS else 'bad targets as expected'}"
