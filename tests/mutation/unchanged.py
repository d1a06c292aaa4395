"""Which mutants change nothing that runs: they are no test of the suite, and are sorted out before any boot.

Two texts are the same where their syntax trees are, without annotations (which are not evaluated under
``from __future__ import annotations``) and docstrings, and with each arithmetic of constants as its value:
``os.O_WRONLY | os.O_CREAT`` is ``os.O_WRONLY + os.O_CREAT``.
"""

from __future__ import annotations

import ast
import importlib
import operator
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, Final

_DEFERRED: Final = "annotations"
_LARGEST: Final = 4096  # exponent or shift; bits of a number
_OPERATORS: Final[Mapping[type[ast.AST], Callable[..., Any]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.LShift: operator.lshift,
    ast.RShift: operator.rshift,
    ast.BitOr: operator.or_,
    ast.BitAnd: operator.and_,
    ast.BitXor: operator.xor,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Invert: operator.invert,
}


def same(one: str, other: str) -> bool:
    """Whether nothing that runs tells them apart."""
    return _essence(one) == _essence(other)


def _essence(text: str) -> str:
    tree = ast.parse(text)
    if not any(isinstance(node, ast.ImportFrom) and _defers(node) for node in tree.body):
        return text
    imported = [name for node in tree.body if isinstance(node, ast.Import) for name in node.names if not name.asname]
    modules = {name.name: importlib.import_module(name.name) for name in imported}
    return ast.dump(_Reduced(modules).visit(tree))


def _defers(node: ast.ImportFrom) -> bool:
    return node.module == "__future__" and any(name.name == _DEFERRED for name in node.names)


class _Reduced(ast.NodeTransformer):
    """Takes away what does not run, and computes what is constant."""

    def __init__(self, modules: Mapping[str, ModuleType]) -> None:
        self.modules = modules

    def generic_visit(self, node: ast.AST) -> ast.AST:
        """Of any node: neither annotations nor a docstring."""
        for name in ("annotation", "returns"):
            if getattr(node, name, None) is not None:
                setattr(node, name, ast.Constant(None))
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node, clean=False):
            node.body = node.body[1:]
        return super().generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        """Its value, where it has one already."""
        return self._computed(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        """Its value, where it has one already."""
        return self._computed(node)

    def _computed(self, node: ast.AST) -> ast.AST:
        value = self._value(node)
        return super().generic_visit(node) if value is None else ast.Constant(value)

    def _value(self, node: ast.AST) -> int | None:
        """The number that an expression of constants comes to; nothing where it is none, or none that is whole."""
        if isinstance(node, ast.Constant):
            return node.value if type(node.value) is int else None
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            found = getattr(self.modules.get(node.value.id), node.attr, None)
            return int(found) if isinstance(found, int) else None
        if isinstance(node, ast.BinOp):
            return _applied(node.op, self._value(node.left), self._value(node.right))
        if isinstance(node, ast.UnaryOp):
            return _applied(node.op, self._value(node.operand))
        return None


def _applied(act: ast.AST, *values: int | None) -> int | None:
    if None in values or type(act) not in _OPERATORS:
        return None
    if isinstance(act, ast.Pow | ast.LShift) and abs(values[-1] or 0) > _LARGEST:
        return None
    try:
        result = _OPERATORS[type(act)](*values)
    except (ArithmeticError, ValueError):
        return None
    return result if type(result) is int and result.bit_length() <= _LARGEST else None
