"""Mutants of the reference runtime's security modules, made by cosmic-ray, with the black-box suite as the judge.

    python -m tests.mutation [--sample N] [--minutes N] [--module NAME]... [--again] [--controls]
                             [--every-operator]

What was tried is kept in cosmic-ray's own databases, one for each module, and not tried again (``cr-report`` and
``cr-html`` read them); the score is that of all that was ever tried. ``--sample 0`` only says it.
"""

from __future__ import annotations

import argparse
import itertools
import math
import random
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

from cosmic_ray.work_db import WorkDB
from cosmic_ray.work_item import TestOutcome, WorkerOutcome, WorkItem, WorkResult

from tests.mutation.mutants import RUNTIME, Mutant, database, made, operator_of
from tests.mutation.operators import used
from tests.mutation.score import is_equivalent, listed, score_of, total
from tests.mutation.subjects import SUBJECTS
from tests.mutation.trying import tried
from wallbite import run
from wallbite.options import RunOptions, processors
from wallbite.progress import reporter

LISTED = "listed as equivalent, and not tried"
Sessions = dict[str, WorkDB]


def main() -> int:
    """Make what is not there yet, try some or all, say the score; 0 where it is enough."""
    options = _options()
    with ExitStack() as stack:
        sessions: Sessions = {}
        for module in options.module:
            sessions[module] = database(options.sessions, module)
            stack.callback(sessions[module].close)
        if options.controls and not _controlled(options):
            return 1
        if options.sample != 0:
            _try(_chosen(sessions, options), sessions, options)
        return _said(sessions, options)


def _chosen(sessions: Sessions, options: argparse.Namespace) -> Iterator[Mutant]:
    """Those that were not tried yet, or some of them, drawn with the seed; or again those that survived."""
    found = _survivors(sessions) if options.again else _pending(sessions)
    wanted = (item for item in found if options.every_operator or used(operator_of(item)))
    for one in made(wanted, options.sample, random.Random(options.seed)):  # noqa: S311 - anybody may know it
        if one.flaw:
            sessions[one.module].set_result(one.name, WorkResult(WorkerOutcome.SKIPPED, one.flaw, diff=one.diff))
        elif listed(one.module, one.diff) and not options.equivalent:
            result = WorkResult(WorkerOutcome.SKIPPED, LISTED, TestOutcome.SURVIVED, one.diff)
            sessions[one.module].set_result(one.name, result)
        else:
            yield one


def _pending(sessions: Sessions) -> Iterator[WorkItem]:
    return (item for session in sessions.values() for item in session.pending_work_items)


def _survivors(sessions: Sessions) -> Iterator[WorkItem]:
    for module, session in sessions.items():
        for item, result in session.completed_work_items:
            if result.test_outcome is TestOutcome.SURVIVED and not is_equivalent(module, result):
                yield item


def _try(mutants: Iterable[Mutant], sessions: Sessions, options: argparse.Namespace) -> None:
    """Hold them against the suite, and keep what came of it."""
    seconds, count, until = 0.0, 0, time.monotonic() + 60 * options.minutes
    begun = itertools.takewhile(lambda _: time.monotonic() < until, mutants)
    with reporter() as progress:
        for one in tried(begun, run.plan(RunOptions(seed=options.seed)), options.jobs, progress):
            outcome = TestOutcome.KILLED if one.killer else TestOutcome.SURVIVED
            result = WorkResult(WorkerOutcome.NORMAL, one.killer, outcome, one.mutant.diff)
            sessions[one.mutant.module].set_result(one.mutant.name, result)
            seconds, count = seconds + one.seconds, count + 1
    if count:
        print(f"{seconds:,.0f} processor seconds in stages, {seconds / count:.1f} for each of {count:,} mutants")


def _controlled(options: argparse.Namespace) -> bool:
    """Whether the runtime as it is survives the same cases: what kills it, too, kills no mutant."""
    texts = {module: (RUNTIME / module).read_text() for module in options.module}
    controls = [Mutant(WorkItem(module, ()), module, text, text) for module, text in texts.items()]
    with reporter() as progress:
        found = list(tried(controls, run.plan(RunOptions(seed=options.seed)), options.jobs, progress))
    for one in found:
        print(f"{one.mutant.module} as it is: {one.killer or 'survives'} ({one.seconds:.1f} processor seconds)")
    return not any(one.killer for one in found)


def _said(sessions: Sessions, options: argparse.Namespace) -> int:
    """The survivors, and the scores both ways; 0 where it is enough, or where of a sample none survives."""
    scores = [score_of(module, session, every=options.every_operator) for module, session in sessions.items()]
    for one in scores:
        for diff in one.survivors:
            print(f"survived:\n{diff}\n")
    whole = total(scores)
    print("\n".join(one.line() for one in (*scores, whole)))
    if options.sample:
        return int(not whole.tried or bool(whole.survivors))
    return int(not whole.tried or not whole.few or not all(one.enough for one in scores))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation")
    parser.add_argument("--sample", type=int, help="how many, drawn with the seed (default: all)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=math.inf, help="begin with no further mutant after so many")
    parser.add_argument("--module", action="append", choices=list(SUBJECTS), help="one module; may be repeated")
    parser.add_argument("--again", action="store_true", help="try again what survived, after a check was changed")
    parser.add_argument("--every-operator", action="store_true", help="also mutants that say nothing of a suite")
    parser.add_argument("--equivalent", action="store_true", help="try also what is listed as equivalent")
    parser.add_argument("--controls", action="store_true", help="first see that the runtime as it is survives")
    parser.add_argument("--sessions", type=Path, default=Path("mutation"), help="the folder of cosmic-ray's databases")
    parser.add_argument("--jobs", type=int, default=processors() + 1, help="workers")
    options = parser.parse_args()
    options.module = options.module or list(SUBJECTS)
    return options


if __name__ == "__main__":
    sys.exit(main())
