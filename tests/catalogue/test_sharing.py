"""Cells that share a stage: which cases they make, and what becomes of those that nobody saw."""

from __future__ import annotations

from typing import Any

from wallbite import planning, tables
from wallbite.cases.gate import boots, matrix, sharing
from wallbite.observation import Observation
from wallbite.postures import POSTURES


def seen(operation: str) -> Observation:
    """An observation of this operation."""
    return Observation("c", "matrix", "root", "harness", "gateway", "matrix", operation, "o", "laid", None)


def cells(case: dict[str, Any]) -> list[Any]:
    """The cells of a case."""
    found: list[Any] = case["params"]["cells"]
    return found


def test_every_cell_is_in_one_case() -> None:
    """288 of the table, at least 200 drawn, every unknown key in every posture; each case of one posture."""
    postures, table = tuple(POSTURES), tables.load()["boot_matrix"]
    planned = list(matrix.plan_matrix(postures, table))
    assert sum(len(cells(case)) for case in planned) == 288
    pairs = {(case["posture"], one["accounts"], one["override"]) for case in planned for one in cells(case)}
    assert len(pairs) == 288
    drawn = [(case["posture"], one) for case in matrix.plan_drawn(postures, table, 5) for one in cells(case)]
    assert len(drawn) >= 200
    for name in ("accounts", "type"):
        counts = [sum(one[name] == value for _, one in drawn) for value in {one[name] for _, one in drawn}]
        assert min(counts) >= 10
    assert min(sum(posture == each for each, _ in drawn) for posture in postures) >= 10
    keys = [one["key"] for case in boots.plan(postures) if case["kind"] == "unknown-keys" for one in cells(case)]
    assert len(keys) == len(postures) * (len(boots.UNKNOWN) + 2)


def test_what_was_not_seen_is_done_again() -> None:
    """Together where the stage was only not to be restored; each alone where the case broke; alone it is given up."""
    (case,) = sharing.batches("matrix", "root", [{"n": number} for number in range(5)])
    assert planning.unfinished(case, [seen("cell")] * 5) == []
    (again,) = planning.unfinished(case, [seen("cell")] * 2)
    assert cells(again) == [{"n": 2}, {"n": 3}, {"n": 4}]
    broken = planning.unfinished(case, [seen("cell"), seen("cell"), seen("case")])
    assert [cells(one) for one in broken] == [[{"n": 2}], [{"n": 3}], [{"n": 4}]]
    assert len({one["case"] for one in (case, *broken)}) == 4
    assert planning.unfinished(broken[0], [seen("case")]) == []
    assert planning.unfinished(broken[0], []) == []
    assert planning.unfinished({"case": "walls@root", "params": {}}, [seen("read")]) == []
