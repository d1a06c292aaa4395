"""Where a container's verdicts differ from those of the embedded stage, and which of that is declared."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from wallbite.content import content
from wallbite.documents import read, validate
from wallbite.evidence.model import Record
from wallbite.verdict import Ruling, worst

Scope = tuple[str, str, str, str]
ABSENT = "no verdict"


@dataclass(frozen=True, slots=True, order=True)
class Difference:
    """One verdict that is not the same.

    Attributes:
        requirement, posture, account, surface: what it is about.
        embedded, container: the two rulings, or that there is none.
    """

    requirement: str
    posture: str
    account: str
    surface: str
    embedded: str
    container: str


def differences(embedded: Record, container: Record) -> list[Difference]:
    """Every verdict that two records do not share, however many verdicts a scope has in each."""
    first, second = _rulings(embedded), _rulings(container)
    return [
        Difference(*scope, str(first.get(scope, ABSENT)), str(second.get(scope, ABSENT)))
        for scope in sorted(first.keys() | second.keys())
        if first.get(scope) != second.get(scope)
    ]


def undeclared(embedded: Record, container: Record) -> list[Difference]:
    """The differences for which ``fixtures/images/differences.yaml`` gives no reason."""
    known = set(_declared())
    distribution = str(container.header.host.get("image", ""))
    return [one for one in differences(embedded, container) if (one.requirement, distribution) not in known]


def _declared() -> Iterator[tuple[str, str]]:
    document = read(content("fixtures", "images") / "differences.yaml")
    validate(document, "differences")
    for row in document.value["differences"]:
        yield row["requirement"], row["distribution"]


def _rulings(record: Record) -> dict[Scope, Ruling]:
    """The worst ruling of each scope."""
    found: dict[Scope, list[Ruling]] = {}
    for verdict in record.verdicts:
        scope = (verdict.requirement, verdict.posture, verdict.account, verdict.surface)
        found.setdefault(scope, []).append(verdict.ruling)
    return {scope: worst(rulings) for scope, rulings in found.items()}
