"""A target that is a library: what it has in the place of accounts and surfaces."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from wallbite.evidence.model import Header
from wallbite.reports.text import label, plural


def declared_by(header: Header) -> Mapping[str, Any]:
    """What its descriptor declares of a library; empty for a gateway."""
    found: Mapping[str, Any] = header.context.get("setting", {}).get("declared", {})
    return found if "channels" in found and not header.accounts and not header.surfaces else {}


def population(header: Header) -> str:
    """Of what a target consists that was tested, in words."""
    declared = declared_by(header)
    if not declared:
        return f"{plural(len(header.accounts), 'account')}, {plural(len(header.surfaces), 'surface')}"
    return ", ".join(_counted(declared))


def _counted(declared: Mapping[str, Any]) -> Iterator[str]:
    for noun, names in (("channel", declared["channels"]), ("state", declared["states"])):
        if names:
            yield f"{plural(len(names), noun)} ({_listed(list(names))})"
    yield plural(len(declared.get("calls", ())), "call")


def calls(header: Header) -> str:
    """The names of its calls; empty for a gateway."""
    return _listed(declared_by(header).get("calls", ()))


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(label, names))
