"""The distributions that are known by name, from ``fixtures/images/distributions.yaml``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from wallbite.content import content
from wallbite.documents import among, nearest, read, shown, validate
from wallbite.problems import UsageProblem

DEFAULT: Final = "debian-12"


@dataclass(frozen=True, slots=True)
class Distribution:
    """A distribution.

    Attributes:
        name: such as ``debian-12``.
        family: which Dockerfile it is built by.
        base: the reference of a registry.
        python: the interpreter that runs the harness.
        packages: what is installed besides the family's.
        suite: what a bootstrap makes, where there is one; else empty.
        init: whether systemd is booted in it as process 1.
        expired: whether lists of packages past their date are taken (signatures are looked at all the same).
    """

    name: str
    family: str
    base: str
    python: str
    packages: tuple[str, ...] = ()
    suite: str = ""
    expired: bool = False
    init: bool = False

    @property
    def tag(self) -> str:
        """The name of its image."""
        return f"wallbite/{self.name}"


def distributions() -> dict[str, Distribution]:
    """Every distribution by its name.

    Raises:
        UsageProblem: the file is wrong.
    """
    document = read(content("fixtures", "images") / "distributions.yaml")
    validate(document, "distributions")
    found = [
        Distribution(
            name=row["name"],
            family=row["family"],
            base=row["base"],
            python=row["python"],
            packages=tuple(row.get("packages", ())),
            suite=row.get("bootstrap", {}).get("suite", ""),
            expired=row.get("bootstrap", {}).get("expired", False),
            init=row.get("init", False),
        )
        for row in document.value["distributions"]
    ]
    return {each.name: each for each in found}


def distribution(name: str) -> Distribution:
    """The distribution of that name.

    Raises:
        UsageProblem: there is none.
    """
    known = distributions()
    if name not in known:
        raise UsageProblem(f"unknown distribution {shown(name)}", "", among(known), nearest(name, known, "name one"))
    return known[name]
