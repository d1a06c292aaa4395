"""Cases of several cells: boots that share a stage, one after the other, each on a layout that is as it was at first.

A cell that nobody saw, because the stage could not be restored, took too long or broke, is done again in another stage.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from wallbite.cases.scene import Scene
from wallbite.installation.ground import Ground

CELLS: Final = 12  # of a case: a stage costs as much as half a boot
SHARED_SECONDS: Final = 30.0  # no further cell begins after these; a case is given 60, and a cell takes at most 21

Case = dict[str, Any]
Params = Mapping[str, Any]


def batches(kind: str, posture: str, cells: Sequence[Params]) -> Iterator[Case]:
    """Cases of at most :data:`CELLS` cells each."""
    for number, first in enumerate(range(0, len(cells), CELLS), 1):
        yield _case(f"{kind}@{posture}/{number}", kind, posture, cells[first : first + CELLS])


def rest(case: Case, seen: int, *, broke: bool) -> list[Case]:
    """What is still to be done of a case of which ``seen`` cells were observed, in stages of their own.

    Where the case broke, each cell alone, so that the one that broke it takes no other along. A cell that was alone
    already, and broke, is given up.
    """
    cells: Sequence[Params] = case["params"].get("cells", ())
    left, alone = cells[seen:], broke or seen == 0
    if not left or len(cells) == 1:
        return []
    parts = [[cell] for cell in left] if alone else [left]
    return [
        _case(f"{case['case']}+{seen + number}", case["kind"], case["posture"], part)
        for number, part in enumerate(parts)
    ]


def _case(name: str, kind: str, posture: str, cells: Sequence[Params]) -> Case:
    return {"case": name, "kind": kind, "posture": posture, "params": {"cells": list(cells)}}


def each(scene: Scene, document: Callable[[Params], dict[str, Any]], boot: Callable[[Params], None]) -> None:
    """Do every cell of the case, in a stage where the target is laid down with the first one's ``document``."""
    first, *further = scene.params["cells"]
    began, ground = time.monotonic(), Ground.of(scene.installation) if further else None
    boot(first)
    for cell in further:
        assert ground is not None
        if time.monotonic() - began > SHARED_SECONDS or not ground.restore(document(cell)):
            return
        boot(cell)
