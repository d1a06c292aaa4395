"""Mutants as cosmic-ray makes them: each a module of the reference runtime with one change."""

from __future__ import annotations

import difflib
import hashlib
import random
import re
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Final

from cosmic_ray.commands.init import init
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator
from cosmic_ray.work_db import WorkDB
from cosmic_ray.work_item import WorkItem

from tests.mutation import unchanged
from tests.mutation.history import carry
from tests.mutation.operators import moves_a_bound
from wallbite.content import content

RUNTIME: Final = content("fixtures", "gateway")
NO_PYTHON: Final = "is no Python, or one that the compiler warns of"
UNMADE: Final = "cannot be made by cosmic-ray"
NOTHING: Final = "changes nothing that runs"
BOUND: Final = "moves a bound of which no requirement says where it lies"
FLAWS: Final = (NO_PYTHON, UNMADE, NOTHING, BOUND)


@dataclass(frozen=True)
class Mutant:
    """A module with one change.

    Attributes:
        module: its name in the runtime.
        original, text: before and after.
        flaw: why it is not worth a try; empty where it is.
    """

    item: WorkItem
    module: str
    original: str
    text: str
    flaw: str = ""

    @property
    def name(self) -> str:
        """Its name in cosmic-ray's database."""
        return str(self.item.job_id)

    @cached_property
    def diff(self) -> str:
        """What was changed, as a diff without context."""
        lines = (self.original.splitlines(), self.text.splitlines())
        return "\n".join(difflib.unified_diff(*lines, self.module, self.module, lineterm="", n=0))


def database(folder: Path, module: str) -> WorkDB:
    """cosmic-ray's database for a module as it is now; of an earlier state it takes what is sure to hold still."""
    folder.mkdir(parents=True, exist_ok=True)
    text, stem = (RUNTIME / module).read_text(), module.removesuffix(".py").replace("/", "-")
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    path = folder / f"{stem}-{digest}.sqlite"
    earlier = [one for one in folder.glob(f"{stem}-*.py") if len(one.stem) == len(path.stem) and one.stem != path.stem]
    session = WorkDB(path, WorkDB.Mode.create)
    if not session.num_work_items:
        init([RUNTIME / module], session, {})
        path.with_suffix(".py").write_text(text)
        carry(session, text, ((one.with_suffix(".sqlite"), one.read_text()) for one in earlier))
    return session


def operator_of(item: WorkItem) -> str:
    """The name of the operator that makes a mutant."""
    (change,) = item.mutations
    return str(change.operator_name)


def made(items: Iterable[WorkItem], sample: int | None, draw: random.Random) -> Iterator[Mutant]:
    """The mutants of work items, or so many of them; drawn, so that those that come first are a sample, too."""
    places = sorted(items, key=_place)
    draw.shuffle(places)
    return map(_made, places[:sample])


def changed_lines(diff: str) -> tuple[str, str]:
    """The lines before and after, without their indentation."""
    lines = [line for line in diff.splitlines() if not line.startswith(("---", "+++", "@@"))]
    old, new = ([line[1:].strip() for line in lines if line[:1] == sign] for sign in "-+")
    return " ".join(old), " ".join(new)


def _made(item: WorkItem) -> Mutant:
    (change,) = item.mutations
    module = str(change.module_path).rpartition(f"/{RUNTIME.parent.name}/{RUNTIME.name}/")[2]  # of whichever checkout
    source = (RUNTIME / module).read_text()
    operator = get_operator(change.operator_name)(**change.operator_args)
    try:
        text = mutate_code(source, operator, change.occurrence) or source
    except AttributeError:  # its replacer of exceptions knows no dotted names
        return Mutant(item, module, source, source, UNMADE)
    if not _compiles(text, module):
        return Mutant(item, module, source, text, NO_PYTHON)
    if moves_a_bound(change.operator_name, source.splitlines()[change.start_pos[0] - 1], _bounds()):
        return Mutant(item, module, source, text, BOUND)
    return Mutant(item, module, source, text, NOTHING if unchanged.same(source, text) else "")


@cache
def _bounds() -> frozenset[str]:
    """The names of the runtime's bounds."""
    return frozenset(re.findall(r"^([A-Z_]+) = ", (RUNTIME / "bounds.py").read_text(), re.MULTILINE))


def _compiles(text: str, module: str) -> bool:
    """Whether Python takes it without a word: it warns of ``is "a"``, of which nothing is known."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", SyntaxWarning)
        try:
            compile(text, module, "exec")
        except SyntaxError:
            return False
    return True


def _place(item: WorkItem) -> tuple[Any, ...]:
    (change,) = item.mutations
    return str(change.module_path), change.operator_name, change.occurrence
