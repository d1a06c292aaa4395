"""Mutants of the reference runtime's security modules, made by cosmic-ray, with the black-box suite as the judge.

    python -m tests.mutation [--sample N] [--seed N] [--module NAME]... [--session FILE] [--out DIR]

A mutant is killed when the suite does not call it conformant. The session is cosmic-ray's own database, so that
`cr-report` and `cr-html` read it; what it holds already is not tried again.
"""

from __future__ import annotations

import argparse
import difflib
import random
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml
from cosmic_ray.commands.init import init
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator
from cosmic_ray.work_db import WorkDB, use_db
from cosmic_ray.work_item import TestOutcome, WorkerOutcome, WorkItem, WorkResult

from tests.mutation.subjects import SUBJECTS
from wallbite import run
from wallbite.content import content
from wallbite.options import RunOptions, processors
from wallbite.progress import reporter
from wallbite.run import Plan
from wallbite.selftest.conducting import conduct
from wallbite.selftest.outcome import Outcome, of_variant
from wallbite.selftest.trials import Trial, plan_for
from wallbite.selftest.variants import judged
from wallbite.verdict import Ruling, Verdict

RUNTIME = content("fixtures", "gateway")
EQUIVALENT = Path(__file__).with_name("equivalent.yaml")


@dataclass(frozen=True)
class Mutant(Trial):
    """A mutant, and the change that made it."""

    item: WorkItem
    diff: str

    def outcome(self, verdicts: Iterable[Verdict]) -> Outcome:
        """Any problem kills it."""
        return of_variant(self.planned.setting.postures, verdicts)


def main() -> int:
    """Make what is not there yet, try some or all, say the score."""
    options = _options()
    with use_db(options.session, WorkDB.Mode.create) as session:
        if not session.num_work_items:
            init([RUNTIME / name for name in options.module], session, {})
        items = sorted(session.pending_work_items, key=lambda item: item.job_id)
        places = sorted(items, key=_place)
        chosen = random.Random(options.seed).sample(places, min(options.sample or len(places), len(places)))  # noqa: S311
        print(f"{session.num_work_items:,} mutants, {len(chosen):,} of them are tried", flush=True)
        tried = list(_tried(chosen, options, session))
    return _said(tried)


def _tried(items: list[WorkItem], options: argparse.Namespace, session: WorkDB) -> Iterator[tuple[Mutant, str]]:
    """Each mutant, and what killed it; empty where nothing did."""
    base = run.plan(RunOptions(seed=options.seed))
    mutants = [found for item in items if (found := _mutant(base, item, session)) is not None]
    with tempfile.TemporaryDirectory() as scratch, reporter() as progress:
        for one in conduct(mutants, options.out or Path(scratch), processors() + 1, progress):
            mutant = one.trial
            assert isinstance(mutant, Mutant)
            killer = _killer(one.verdicts)
            outcome = TestOutcome.KILLED if killer else TestOutcome.SURVIVED
            session.set_result(mutant.item.job_id, WorkResult(WorkerOutcome.NORMAL, killer, outcome, mutant.diff))
            yield mutant, killer


def _mutant(base: Plan, item: WorkItem, session: WorkDB) -> Mutant | None:
    """The mutant of a work item; nothing where its operator changes nothing, or makes what is no Python."""
    (change,) = item.mutations
    name = str(change.module_path.relative_to(RUNTIME))
    source = change.module_path.read_text()
    text = mutate_code(source, get_operator(change.operator_name)(**change.operator_args), change.occurrence)
    try:
        compile(text or "", name, "exec")
    except SyntaxError:
        text = None
    if text is None or text == source:
        session.set_result(item.job_id, WorkResult(WorkerOutcome.NO_TEST))
        return None
    subject = SUBJECTS[name]
    target = content("fixtures", "targets") / "reference.yaml"
    planned = plan_for(base, target, judged(base, subject.kinds, full=False), subject.postures)
    diff = "\n".join(difflib.unified_diff(source.splitlines(), text.splitlines(), name, name, lineterm="", n=0))
    trial = Mutant("mutants", item.job_id, diff, planned, item, diff)
    return replace(trial, around={"sources": {name: text}})


def _killer(verdicts: Iterable[Verdict]) -> str:
    """What shows that it is not conformant, a failure before what is undecided."""
    order = {Ruling.FAIL: 0, Ruling.INCONCLUSIVE: 1}
    found = sorted((one for one in verdicts if one.ruling in order), key=lambda one: order[one.ruling])
    return f"{found[0].ruling}: {found[0].requirement}: {found[0].reason}" if found else ""


def _said(tried: list[tuple[Mutant, str]]) -> int:
    """The survivors, and the score both ways; 0 where at least 95 % of those that are not equivalent were killed."""
    known = {(one["old"], one["new"]) for one in yaml.safe_load(EQUIVALENT.read_text())["equivalent"]}
    survivors = [mutant for mutant, killer in tried if not killer]
    equivalent = [mutant for mutant in survivors if _lines(mutant) in known]
    for mutant in survivors:
        print(f"survived{' (equivalent)' if mutant in equivalent else ''}:\n{mutant.diff}\n")
    killed, undecided = len(tried) - len(survivors), sum(killer.startswith("inconclusive") for _, killer in tried)
    counted = len(tried) - len(equivalent)
    print(f"killed {killed} of {len(tried)}: {_percent(killed, len(tried))} of all, ", end="")
    print(f"{_percent(killed, counted)} of those that are not equivalent ({len(equivalent)} are); ", end="")
    print(f"{killed - undecided} by a failure, {undecided} because nothing could be decided")
    return int(killed < 0.95 * counted or len(equivalent) > 0.05 * max(len(tried), 20))


def _lines(mutant: Mutant) -> tuple[str, str]:
    old = [line[1:].strip() for line in mutant.diff.splitlines() if line[:1] == "-" and line[:3] != "---"]
    new = [line[1:].strip() for line in mutant.diff.splitlines() if line[:1] == "+" and line[:3] != "+++"]
    return " ".join(old), " ".join(new)


def _place(item: WorkItem) -> tuple[Any, ...]:
    (change,) = item.mutations
    return str(change.module_path), change.operator_name, change.occurrence


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "nothing"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation")
    parser.add_argument("--sample", type=int, help="how many, drawn with the seed (default: all)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--module", action="append", choices=list(SUBJECTS), help="one module; may be repeated")
    parser.add_argument("--session", default="mutation.sqlite", help="cosmic-ray's database")
    parser.add_argument("--out", type=Path, help="keep the records here")
    options = parser.parse_args()
    options.module = options.module or list(SUBJECTS)
    return options


if __name__ == "__main__":
    sys.exit(main())
