"""Placeholders in a descriptor: ``{account}``, ``{uid:NAME}``, ``{secret:NAME}``, and one copy for each account.

The rules:

- ``{name}`` and ``{name:argument}`` are placeholders; the argument may hold placeholders, which are filled in first:
  ``{uid:{account}}``. An unknown one is an error.
- Text that is one placeholder and nothing else takes the value's own type: ``"{uid:alpha}"`` becomes a number.
- ``{{name}}`` stands for a literal ``{name}``. Other braces (JSON, ``%(name)s``, ``{2,3}``) stay as they are.
- What is filled in is never looked at again.
- Where ``{account}`` has no value yet, a mapping's entry whose key contains it, and a list's item that contains it
  anywhere, is repeated once for each account.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

ACCOUNT: Final = "account"

_NAME: Final = re.compile(r"[a-z][a-z0-9-]*")
_ESCAPED: Final = re.compile(r"\{(\{[a-z][a-z0-9-]*(?::[^{}]+)?\})\}")
_NESTED_AT_MOST: Final = 4


class UnknownPlaceholderError(LookupError):
    """A placeholder that nothing is known for; its first argument is the placeholder as written."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A placeholder in a text: its name, and the parts of its argument."""

    name: str
    argument: tuple[str | Slot, ...] = ()

    def key(self, values: Mapping[str, Any]) -> str:
        """What it is called in a mapping of values: ``account`` or ``uid:alpha``."""
        return f"{self.name}:{_joined(self.argument, values)}" if self.argument else self.name

    def __str__(self) -> str:
        """As it is written."""
        inner = "".join(map(str, self.argument))
        return f"{{{self.name}:{inner}}}" if inner else f"{{{self.name}}}"


def expand(value: Any, values: Mapping[str, Any], accounts: Sequence[str] = ()) -> Any:
    """A nested value with its placeholders filled in.

    Args:
        value: mappings, lists, text and other plain values.
        values: what each placeholder stands for, by the text between its braces.
        accounts: for what is repeated once for each account; without effect where `values` has ``account``.

    Raises:
        UnknownPlaceholderError: there is no value for one of them.
    """
    if isinstance(value, str):
        return expand_text(value, values)
    if isinstance(value, Mapping):
        return dict(_entries(value, values, accounts))
    if isinstance(value, (list, tuple)):
        return list(_items(value, values, accounts))
    return value


def expand_text(text: str, values: Mapping[str, Any]) -> Any:
    """One text with its placeholders filled in; of the value's own type where it is one placeholder and no more."""
    parts = parts_of(text)
    if len(parts) == 1 and isinstance(parts[0], Slot):
        return _value(parts[0], values)
    return _joined(parts, values)


def placeholders(value: Any) -> Iterator[Slot]:
    """Every placeholder of a nested value, also those inside arguments."""
    if isinstance(value, str):
        yield from _slots(parts_of(value))
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from placeholders(key)
            yield from placeholders(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from placeholders(inner)


def names_account(value: Any) -> bool:
    """Whether a nested value contains ``{account}``."""
    return any(slot.name == ACCOUNT for slot in placeholders(value))


def parts_of(text: str) -> tuple[str | Slot, ...]:
    """A text as literal pieces and placeholders, in order."""
    return tuple(_parts(text, 0, len(text)))


def _entries(value: Mapping[Any, Any], values: Mapping[str, Any], accounts: Sequence[str]) -> Iterator[tuple[Any, Any]]:
    for key, inner in value.items():
        for scope in _scopes(key, values, accounts):
            yield str(expand_text(key, scope)) if isinstance(key, str) else key, expand(inner, scope, accounts)


def _items(value: Iterable[Any], values: Mapping[str, Any], accounts: Sequence[str]) -> Iterator[Any]:
    for inner in value:
        for scope in _scopes(inner, values, accounts):
            yield expand(inner, scope, accounts)


def _scopes(trigger: Any, values: Mapping[str, Any], accounts: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    """The values under which something is expanded: as they are, or once for each account."""
    if ACCOUNT in values or not accounts or not names_account(trigger):
        yield values
        return
    for account in accounts:
        yield {**values, ACCOUNT: account}


def _value(slot: Slot, values: Mapping[str, Any]) -> Any:
    try:
        return values[slot.key(values)]
    except KeyError:
        raise UnknownPlaceholderError(str(slot)) from None


def _joined(parts: Iterable[str | Slot], values: Mapping[str, Any]) -> str:
    return "".join(part if isinstance(part, str) else str(_value(part, values)) for part in parts)


def _slots(parts: Iterable[str | Slot]) -> Iterator[Slot]:
    for part in parts:
        if isinstance(part, Slot):
            yield part
            yield from _slots(part.argument)


def _parts(text: str, start: int, end: int) -> Iterator[str | Slot]:
    """Scan from left to right; what begins like a placeholder and does not end like one is literal."""
    literal = start
    at = text.find("{", start, end)
    while at >= 0:
        escaped = _ESCAPED.match(text, at, end)
        found = None if escaped else _slot(text, at, end)
        after = escaped.end() if escaped else found[1] if found else at + 1
        if escaped or found:
            if at > literal:
                yield text[literal:at]
            yield escaped[1] if escaped else found[0] if found else ""
            literal = after
        at = text.find("{", after, end)
    if literal < end:
        yield text[literal:end]


def _slot(text: str, at: int, end: int, depth: int = 0) -> tuple[Slot, int] | None:
    """The placeholder that begins at a brace, and where it ends; None where there is none."""
    name = _NAME.match(text, at + 1, end)
    if name is None or name.end() >= end or depth > _NESTED_AT_MOST:
        return None
    if text[name.end()] == "}":
        return Slot(name[0]), name.end() + 1
    return _with_argument(text, name, end, depth) if text[name.end()] == ":" else None


def _with_argument(text: str, name: re.Match[str], end: int, depth: int) -> tuple[Slot, int] | None:
    """The rest of ``{name:argument}``; an argument is of letters, digits, ``-_.`` and placeholders."""
    argument: list[str | Slot] = []
    at = name.end() + 1
    while at < end and text[at] != "}":
        if text[at] == "{":
            inner = _slot(text, at, end, depth + 1)
            if inner is None:
                return None
            argument.append(inner[0])
            at = inner[1]
        elif word := re.compile(r"[A-Za-z0-9_.-]+").match(text, at, end):
            argument.append(word[0])
            at = word.end()
        else:
            return None
    return (Slot(name[0], tuple(argument)), at + 1) if argument and at < end else None
