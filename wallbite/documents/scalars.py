"""What an unquoted scalar means: YAML 1.1 as the targets' own parsers read it, less its surprises.

``yes`` and ``on`` are booleans and ``0600`` is octal, as in the configurations that a descriptor holds. Dates and
base-60 numbers (``22:22``) stay text.
"""

from __future__ import annotations

import math
from typing import Any, Final

import yaml
from yaml.constructor import SafeConstructor
from yaml.resolver import Resolver

_LONGEST_NUMBER: Final = 64
_PREFIX: Final = "tag:yaml.org,2002:"
_RESOLVER: Final = Resolver()
_CONSTRUCTOR: Final = SafeConstructor()


class NotANumberError(ValueError):
    """It looks like a number and is none: infinite, endless, or without digits."""


def plain(text: str) -> Any:
    """The value of an unquoted scalar.

    Raises:
        NotANumberError: it looks like a number and is none.
    """
    tag: str = _RESOLVER.resolve(yaml.ScalarNode, text, (True, False))  # type: ignore[no-untyped-call]
    kind = tag.removeprefix(_PREFIX)
    if kind == "null":
        return None
    if kind == "bool":
        return SafeConstructor.bool_values[text.lower()]
    if kind in {"int", "float"} and ":" not in text:
        return _number(kind, text)
    return text


def _number(kind: str, text: str) -> int | float:
    if len(text) > _LONGEST_NUMBER:
        raise NotANumberError(text)
    node = yaml.ScalarNode(_PREFIX + kind, text)
    construct = _CONSTRUCTOR.construct_yaml_int if kind == "int" else _CONSTRUCTOR.construct_yaml_float
    try:
        value: int | float = construct(node)
    except ValueError:
        raise NotANumberError(text) from None
    if not math.isfinite(value):
        raise NotANumberError(text)
    return value
