"""What requirements serve of other frameworks: controls with their titles, and a run seen by control.

The frameworks' lists lie in ``reports/controls/``: every id with its title, and where the list comes from.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from wallbite.content import content
from wallbite.evidence.model import Record
from wallbite.evidence.summary import Standing, Summary
from wallbite.reports.text import inert, label
from wallbite.verdict import Ruling, worst

FRAMEWORKS: Final = ("nist-800-53", "cis", "asvs", "iso-27001")


@dataclass(frozen=True, slots=True)
class Framework:
    """A list of controls that somebody has published.

    Attributes:
        title: such as ``CIS Controls v8``.
        source: where the list comes from.
        controls: the title of each control, by id.
        withdrawn: ids that the list still has, and nobody may map to.
    """

    title: str
    source: str
    controls: Mapping[str, str]
    withdrawn: frozenset[str]


@dataclass(frozen=True, slots=True)
class Control:
    """A control that a requirement serves, and why."""

    framework: str
    id: str
    title: str
    why: str


@dataclass(frozen=True, slots=True)
class Served:
    """A control, and where the requirements stand that serve it; it stands where the worst of them stands."""

    id: str
    title: str
    ruling: str
    requirements: tuple[Standing, ...]


@dataclass(frozen=True, slots=True)
class View:
    """A framework, as far as the requirements of a run serve it."""

    title: str
    controls: tuple[Served, ...]


@functools.cache
def framework(name: str) -> Framework:
    """The list of a framework."""
    value = json.loads(content("reports", "controls", f"{name}.json").read_bytes())
    return Framework(value["title"], value["source"], value["controls"], frozenset(value.get("withdrawn", ())))


def controls_of(row: Mapping[str, Any]) -> Iterator[Control]:
    """The controls of a requirement's row, in the order of the frameworks; a list of ids says nothing of why."""
    mappings = row.get("mappings", {})
    for name in (*FRAMEWORKS, *(other for other in mappings if other not in FRAMEWORKS)):
        found = mappings.get(name, ())
        known = framework(name) if name in FRAMEWORKS else None
        for control in found:
            why = inert(found[control]) if isinstance(found, Mapping) else ""
            titles = known.controls if known else {}
            yield Control(known.title if known else label(name), label(control), titles.get(control, ""), why)


def by_control(record: Record, summary: Summary) -> list[View]:
    """The frameworks, each with the controls that the run's requirements serve, in the order of their ids."""
    stand = {item.id: item for item in (*summary.rollups, *summary.requirements)}
    found: dict[str, dict[str, list[Standing]]] = {}
    titles: dict[tuple[str, str], str] = {}
    for row in record.header.requirements:
        for control in controls_of(row) if row["id"] in stand else ():
            found.setdefault(control.framework, {}).setdefault(control.id, []).append(stand[row["id"]])
            titles[control.framework, control.id] = control.title
    return [
        View(
            name,
            tuple(
                Served(control, titles[name, control], str(worst(_bound(items))), tuple(items))
                for control, items in sorted(controls.items(), key=lambda item: _order(item[0]))
            ),
        )
        for name, controls in found.items()
    ]


def _bound(items: list[Standing]) -> list[Ruling]:
    return [item.ruling for item in items]


def _order(control: str) -> list[tuple[int, str]]:
    """``AC-6`` before ``AC-17``: numbers as numbers."""
    words: list[str] = [""]
    for char in control:
        if char.isdigit() == words[-1][-1:].isdigit():
            words[-1] += char
        else:
            words.append(char)
    return [(int(word), "") if word.isascii() and word.isdigit() else (0, word) for word in words]
