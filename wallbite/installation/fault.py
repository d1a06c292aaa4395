"""Seeded faults: one file each, which replaces functions of the reference runtime or steps of its layout.

A fault is a Python file that is read, never run by the harness::

    \"\"\"The drop sets the uid and forgets the gid.\"\"\"
    NOTICED_BY = {"DROP-02": "gid", "DROP-05": ("become-gid", ("root",))}
    POSTURES = ("root", "ambient-caps", "file-caps")
    REPLACES = "drop.py"

    def become(account): ...

``NOTICED_BY`` maps each requirement that must fail to a part of the reason that it must fail for, with postures of its
own where they differ. ``REPLACES`` is the module whose functions (or ``Class.method``) of the same names are replaced;
functions that it does not have are added to it. Where two modules must err together it maps each to the names that are
its own. ``LAYOUT`` maps a path of the descriptor's ``install`` (or the config's path) to the keys that change;
``capabilities``, a mask in hexadecimal, lays file capabilities on any installed file. ``CONFIG`` changes keys of the
configuration, by dotted path. ``TEXTS`` maps a file of the runtime that is no module to pairs of texts: the first is
replaced by the second.
"""

from __future__ import annotations

import ast
import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wallbite.content import content
from wallbite.postures import ENFORCING
from wallbite.problems import UsageProblem


@dataclass(frozen=True)
class Notice:
    """How a fault must be noticed: where, and for which reason."""

    reason: str
    postures: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Fault:
    """One way for the reference runtime to be wrong.

    Attributes:
        name: the file's name without its ending.
        breaks: one sentence.
        noticed_by: requirement id to the notice that it must give.
        functions: file name in the runtime to dotted name to source text; empty for a fault of the layout alone.
        layout: path to changed keys of its install step.
        config: dotted path to value, in the configuration.
        texts: file name in the runtime to pairs of texts, the first of which is replaced by the second.
        sources: file name in the runtime to the whole text that is there instead; only mutants have any.
    """

    name: str
    breaks: str
    noticed_by: Mapping[str, Notice]
    functions: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    layout: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    texts: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)

    @property
    def postures(self) -> tuple[str, ...]:
        """Every posture in which something notices it."""
        return tuple(dict.fromkeys(p for notice in self.noticed_by.values() for p in notice.postures))

    def rewrite_text(self, name: str, text: str) -> str:
        """The text of the runtime's file ``name`` with the fault in it.

        Raises:
            UsageProblem: it does not hold what is to be replaced.
        """
        for old, new in self.texts.get(name, ()):
            if old not in text:
                raise UsageProblem(f"fault {self.name} replaces nothing of {name}", expected=f"{old!r} in it")
            text = text.replace(old, new)
        return text

    def rewrite(self, module: str, source: str) -> str:
        """The runtime's source of ``module`` with the fault in it.

        Raises:
            UsageProblem: the fault replaces nothing in it.
        """
        if module in self.sources:
            return self.sources[module]
        if module not in self.functions:
            return source
        own, known = self.functions[module], _functions(ast.parse(source))
        if not any(name in known for name in own):
            raise UsageProblem(
                f"fault {self.name} replaces nothing of {module}",
                expected=f"one of its functions: {', '.join(sorted(known))}",
            )
        lines = source.splitlines()
        replaced = sorted((name for name in own if name in known), key=lambda n: -known[n].lineno)
        for name in replaced:
            lines[_first_line(known[name]) - 1 : known[name].end_lineno] = _indented(own[name], known[name].col_offset)
        added = [text for name, text in own.items() if name not in known]
        return "\n".join([*lines, "", "", *added, ""])


def names() -> tuple[str, ...]:
    """The faults that are shipped, by name."""
    return tuple(sorted(path.stem for path in content("fixtures", "faults").glob("*.py")))


def load(name: str) -> Fault:
    """Read the fault called ``name``.

    Raises:
        UsageProblem: there is none, or its file is not a fault.
    """
    path = content("fixtures", "faults") / f"{name}.py"
    if name != path.stem or not path.is_file():
        near = difflib.get_close_matches(name, names(), n=1)
        remedy = f"did you mean {near[0]!r}?" if near else "the shipped ones lie under fixtures/faults/"
        raise UsageProblem(f"no fault is called {name!r}", remedy=remedy)
    return _parse(path)


def _parse(path: Path) -> Fault:
    text = path.read_text()
    tree = ast.parse(text)
    constants = _constants(path, tree)
    postures = tuple(constants.get("POSTURES", ENFORCING))
    return Fault(
        name=path.stem,
        breaks=(ast.get_docstring(tree) or "").replace("\n", " "),
        noticed_by={key: _notice(value, postures) for key, value in constants["NOTICED_BY"].items()},
        functions=_by_module(
            constants.get("REPLACES", {}), {n: _source(text, at) for n, at in _functions(tree).items()}
        ),
        layout=constants.get("LAYOUT", {}),
        config=constants.get("CONFIG", {}),
        texts=constants.get("TEXTS", {}),
    )


def _by_module(replaces: Any, functions: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """The functions of each module: all of one, or those that are listed for each of several."""
    if isinstance(replaces, str):
        return {replaces: dict(functions)}
    return {module: {name: functions[name] for name in names} for module, names in replaces.items()}


def _notice(value: Any, postures: tuple[str, ...]) -> Notice:
    if isinstance(value, str):
        return Notice(value, postures)
    reason, own = value
    return Notice(reason, tuple(own))


def _constants(path: Path, tree: ast.Module) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            found[node.targets[0].id] = ast.literal_eval(node.value)
    if not found.get("NOTICED_BY"):
        raise UsageProblem(
            "the fault does not say what notices it", str(path), "NOTICED_BY, a mapping of requirement ids to reasons"
        )
    return found


def _functions(tree: ast.Module) -> dict[str, ast.FunctionDef]:
    """Functions by dotted name: those of the module, and methods one class deep."""
    found = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    for outer in tree.body:
        if isinstance(outer, ast.ClassDef):
            methods = (node for node in outer.body if isinstance(node, ast.FunctionDef))
            found.update({f"{outer.name}.{node.name}": node for node in methods})
    return found


def _first_line(node: ast.FunctionDef) -> int:
    return min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])


def _source(text: str, node: ast.FunctionDef) -> str:
    lines = text.splitlines()[_first_line(node) - 1 : node.end_lineno]
    return "\n".join(line[node.col_offset :] for line in lines)


def _indented(text: str, columns: int) -> list[str]:
    return [" " * columns + line if line else line for line in text.splitlines()]
