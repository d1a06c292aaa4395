"""Configuration documents: changed by dotted path, and dumped so that a spelling can be chosen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    _Base = yaml.SafeDumper
else:
    _Base = getattr(yaml, "CSafeDumper", yaml.SafeDumper)  # libyaml's, where PyYAML has it: five times as fast


@dataclass(frozen=True, slots=True)
class Plain:
    """A scalar that is written as these very characters, without quotes: ``yes``, ``null``."""

    text: str


class _Dumper(_Base):
    """PyYAML's safe dumper, with :class:`Plain`."""


def _plain(dumper: _Dumper, value: Plain) -> yaml.Node:
    tag = dumper.resolve(yaml.ScalarNode, value.text, (True, False))  # type: ignore[no-untyped-call]  # so in its stubs
    return dumper.represent_scalar(tag, value.text)


_Dumper.add_representer(Plain, _plain)
_Dumper.ignore_aliases = lambda *_: True  # type: ignore[method-assign]  # aliases are refused by strict readers


def dump(document: Any) -> str:
    """The document as YAML."""
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000)


def with_value(document: Mapping[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy of ``document`` in which the key at the dotted ``path`` is ``value``; None takes the key away."""
    head, _, rest = path.partition(".")
    copy = dict(document)
    if rest:
        inner = copy.get(head)
        copy[head] = with_value(inner if isinstance(inner, Mapping) else {}, rest, value)
    elif value is None:
        copy.pop(head, None)
    else:
        copy[head] = value
    return copy
