"""What earlier states of a module tell of its mutants: one that was killed need not be killed again.

A kill is carried over to a new state where the definition that the mutant lies in is the same, to the letter: the
function or method, or the statement at the top of the module. What survived is tried again in every new state.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from cosmic_ray.work_db import WorkDB
from cosmic_ray.work_item import TestOutcome, WorkItem

Key = tuple[str, str, tuple[int, int], int]  # definition, operator, place within the definition, number at this place


def carry(session: WorkDB, text: str, earlier: Iterable[tuple[Path, str]]) -> None:
    """Give mutants the kills of earlier states, each a database and the module's text that it was made of."""
    pending = list(session.pending_work_items)
    for path, old in earlier:
        before = WorkDB(path, WorkDB.Mode.open)
        try:
            results = {item.job_id: result for item, result in before.completed_work_items}
            known = {key: results.get(item.job_id) for key, item in keyed(before.work_items, old)}
        finally:
            before.close()
        for key, item in keyed(session.work_items, text):
            result = known.get(key)
            if result is not None and result.test_outcome is TestOutcome.KILLED and item in pending:
                session.set_result(item.job_id, result)
                pending.remove(item)


def keyed(items: Iterable[WorkItem], text: str) -> Iterator[tuple[Key, WorkItem]]:
    """Each mutant with what tells it from all others wherever its definition stands."""
    lines, spans = text.splitlines(), list(_spans(ast.parse(text).body))
    met = Counter[tuple[str, str, tuple[int, int]]]()
    for item in sorted(items, key=lambda item: item.mutations[0].occurrence):
        (change,) = item.mutations
        row, column = change.start_pos
        first, last = next(span for span in spans if span[0] <= row <= span[1])
        place = ("\n".join(lines[first - 1 : last]), change.operator_name, (row - first, column))
        met[place] += 1
        yield (*place, met[place]), item


def _spans(body: Iterable[ast.stmt]) -> Iterator[tuple[int, int]]:
    """First and last lines of functions, of methods, and of all other statements; classes after what is in them."""
    for node in body:
        if isinstance(node, ast.ClassDef):
            yield from _spans(node.body)
        decorated = getattr(node, "decorator_list", None) or [node]
        yield min(one.lineno for one in (node, *decorated)), node.end_lineno or node.lineno
