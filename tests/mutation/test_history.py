"""Which kills hold for a new state of a module: those of definitions that are the same."""

from __future__ import annotations

from pathlib import Path

from cosmic_ray import work_item
from cosmic_ray.commands.init import init
from cosmic_ray.work_db import WorkDB

from tests.mutation.history import carry, keyed

OLD = "A = 1\n\n\ndef same(a):\n    return a + 1\n\n\nclass B:\n    def other(self, b):\n        return b < 2\n"
NEW = OLD.replace("A = 1\n", 'A = 3\n"""A line more."""\n').replace("b < 2", "b < 3")


def session_of(folder: Path, name: str, text: str) -> WorkDB:
    """A database of a module."""
    module = folder / f"{name}.py"
    module.write_text(text)
    session = WorkDB(folder / f"{name}.sqlite", WorkDB.Mode.create)
    init([module], session, {})
    return session


def test_kills_hold_where_the_definition_is_the_same(tmp_path: Path) -> None:
    """All of `same`, none of a changed method or of a changed statement; survivors are tried again."""
    old, new = session_of(tmp_path, "old", OLD), session_of(tmp_path, "new", NEW)
    killed, survived = 0, 0
    for key, item in keyed(old.work_items, OLD):
        outcome = work_item.TestOutcome.SURVIVED if key[3] == 2 else work_item.TestOutcome.KILLED
        survived += key[0].startswith("def same") and outcome is work_item.TestOutcome.SURVIVED
        killed += key[0].startswith("def same") and outcome is work_item.TestOutcome.KILLED
        old.set_result(item.job_id, work_item.WorkResult(work_item.WorkerOutcome.NORMAL, "fail: X", outcome, "diff"))
    old.close()
    carry(new, NEW, [(tmp_path / "old.sqlite", OLD)])
    done = {item.job_id for item, _ in new.completed_work_items}
    carried = [key for key, item in keyed(new.work_items, NEW) if item.job_id in done]
    new.close()
    assert killed > 5
    assert survived == 1
    assert len(carried) == killed
    assert {key[0] for key in carried} == {"def same(a):\n    return a + 1"}


def test_each_mutant_has_a_key_of_its_own(tmp_path: Path) -> None:
    """Two of one operator at one place are told apart."""
    session = session_of(tmp_path, "old", OLD)
    keys = [key for key, _ in keyed(session.work_items, OLD)]
    assert len(keys) == session.num_work_items == len(set(keys))
    session.close()
