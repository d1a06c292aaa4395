"""Which of cosmic-ray's operators are used: one or two for each kind of place, each a slip that a person could make.

By default cosmic-ray puts every operator of the language into each place: eleven mutants for a sum, seven for a
comparison. Most of them either end the program at once (``a is not None`` as ``a >= None``), so that any case kills
them, or are told apart by the interpreter alone (``a == b`` as ``a is b``: whether equal values are one object is
promised by nobody). They say nothing of a suite, and hide in numbers what does. So an operator is replaced by its
opposite, and a comparison by its negation and by its neighbour at the bound, as PIT does; all other operators of
cosmic-ray are used whole.

The bounds of the runtime's ``bounds.py``, of which no requirement says where they lie, are not mutated. So a comparison
with one of them is not moved by one, either.
"""

from __future__ import annotations

import re
from collections.abc import Container
from typing import Final

_BINARY: Final = {
    "Add": "Sub",
    "Sub": "Add",
    "Mul": "FloorDiv",
    "Div": "Mul",
    "FloorDiv": "Mul",
    "Mod": "Mul",
    "Pow": "Mul",
    "BitOr": "BitAnd",
    "BitAnd": "BitOr",
    "BitXor": "BitAnd",
    "LShift": "RShift",
    "RShift": "LShift",
}
_COMPARISONS: Final = {
    "Eq": "NotEq",
    "NotEq": "Eq",
    "Is": "IsNot",
    "IsNot": "Is",
    "Lt": "LtE GtE",
    "LtE": "Lt Gt",
    "Gt": "GtE LtE",
    "GtE": "Gt Lt",
}
_NEIGHBOURS: Final = frozenset({("Lt", "LtE"), ("LtE", "Lt"), ("Gt", "GtE"), ("GtE", "Gt")})
_UNARY: Final = {"Delete": "Not USub UAdd Invert", "UAdd": "USub"}
_REPLACED: Final = re.compile(r"core/Replace(Binary|Comparison|Unary)Operator_(\w+)_(\w+)")


def used(operator: str) -> bool:
    """Whether mutants of this operator (by its name in cosmic-ray, such as ``core/AddNot``) are tried."""
    match = _REPLACED.fullmatch(operator)
    if match is None:
        return True
    kind, old, new = match.groups()
    chosen = {"Binary": _BINARY, "Comparison": _COMPARISONS, "Unary": _UNARY}[kind]
    return new in chosen.get(old, "").split()


def moves_a_bound(operator: str, line: str, bounds: Container[str]) -> bool:
    """Whether a mutant of this line only moves a comparison with one of these bounds to its neighbour."""
    match = _REPLACED.fullmatch(operator)
    moved = match is not None and (match[2], match[3]) in _NEIGHBOURS
    return moved and any(word in bounds for word in re.findall(r"\w+", line))
