"""Whatever can pass can be shown to fail: every seeded fault is noticed, for its reason, and nowhere else."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable, Iterator

import pytest

from tests.faults.trying import NAMES, RUN, Tried, as_root
from wallbite import catalogue, checks
from wallbite.catalogue import Catalogue
from wallbite.content import content
from wallbite.installation import fault as faults
from wallbite.selftest.breadth import few

RUNTIME = content("fixtures", "gateway")
BY_ITSELF = {"__file__", "__name__"}  # what every module has
BREACH = ("BOOT", "DROP", "WALL", "MODE", "FPR", "SECR", "ENV", "BACK")


@pytest.fixture(scope="module")
def known() -> Catalogue:
    """The catalogue."""
    return catalogue.load()


@as_root
@pytest.mark.parametrize("seeded", RUN)
def test_a_fault_is_noticed_for_its_reason_and_nowhere_else(tried: Tried, seeded: str) -> None:
    """Exactly what it names turns red, in exactly these postures; nothing is left undecided."""
    found = tried.judged[seeded]
    assert found.trial.outcome(found.verdicts).problems == ()


def test_every_requirement_has_a_fault_and_a_check(known: Catalogue) -> None:
    """Two faults where a failure would be a breach, one elsewhere; no requirement that nothing judges."""
    leaves = {requirement.id: requirement for requirement in known.requirements.values() if not requirement.parts}
    named = [name for seeded in NAMES for name in faults.load(seeded).noticed_by]
    needed = {name: 2 if one.family in BREACH else 1 for name, one in leaves.items()}
    assert {name: named.count(name) for name, least in needed.items() if named.count(name) < least} == {}
    assert leaves.keys() - checks.load().keys() == set()


@pytest.mark.parametrize("name", NAMES)
def test_a_fault_names_what_exists_and_says_what_it_breaks(known: Catalogue, name: str) -> None:
    """Requirements that can fail in the named postures, one sentence, and a reason for each."""
    one = faults.load(name)
    assert one.breaks.endswith(".")
    assert one.functions or one.layout or one.config or one.texts
    for requirement, given in one.noticed_by.items():
        assert given.reason
        assert set(given.postures) <= set(known.requirements[requirement].postures), requirement


@pytest.fixture(scope="module")
def defined() -> dict[str, set[str]]:
    """The names that each module of the reference has at its top, by its dotted name."""
    return {
        ".".join(path.relative_to(RUNTIME.parent).with_suffix("").parts): set(bound(top(ast.parse(path.read_text()))))
        for path in RUNTIME.rglob("*.py")
    }


def top(tree: ast.Module) -> Iterator[ast.AST]:
    """What is not within a function or a class."""
    for node in tree.body:
        yield from [node] if isinstance(node, (ast.FunctionDef, ast.ClassDef)) else ast.walk(node)


def bound(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Functions, classes, variables and imports."""
    for node in nodes:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from ((alias.asname or alias.name).partition(".")[0] for alias in node.names)


@pytest.mark.parametrize("name", NAMES)
def test_a_fault_uses_nothing_that_the_reference_no_longer_has(name: str, defined: dict[str, set[str]]) -> None:
    """Else it would end with a NameError, and be noticed for that."""
    one = faults.load(name)
    for module in one.functions:
        tree = ast.parse(one.rewrite(module, (RUNTIME / module).read_text()))
        assert unknown(tree, defined) == set(), module


def unknown(tree: ast.Module, defined: dict[str, set[str]]) -> set[str]:
    """The names that a module uses and nobody gives it: its own, and those of modules that it imports."""
    nodes = list(ast.walk(tree))
    own = {*bound(nodes), *dir(builtins), *BY_ITSELF}
    own |= {node.arg for node in nodes if isinstance(node, ast.arg)}
    own |= {node.name for node in nodes if isinstance(node, ast.ExceptHandler | ast.MatchAs) and node.name}
    found = {node.id for node in nodes if isinstance(node, ast.Name)} - own
    stored = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    imported: dict[str, set[str]] = {}  # by what it is called here, all that such a module defines
    for node in nodes:
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if known := defined.get(f"{node.module}.{alias.name}"):
                    imported.setdefault(alias.asname or alias.name, set()).update(known, BY_ITSELF)
    for node in nodes:
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id not in stored:
            known = imported.get(node.value.id)
            found |= {ast.unparse(node)} if known is not None and node.attr not in known else set()
    return found


@pytest.mark.parametrize("name", NAMES)
def test_the_few_postures_show_every_notice(name: str) -> None:
    """None of a fault's notices is left out of its run."""
    one = faults.load(name)
    assert all(set(few(one)) & set(given.postures) for given in one.noticed_by.values())
