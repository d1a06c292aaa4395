"""A target's claims against the catalogue."""

from __future__ import annotations

from wallbite.catalogue import Catalogue
from wallbite.documents import nearest
from wallbite.target.model import Target


def check_claims(target: Target, catalogue: Catalogue) -> None:
    """See that each requirement that the target declares not applicable is one.

    Raises:
        UsageProblem: the catalogue has its family, and not the requirement.
    """
    for name in target.claims.not_applicable:
        requirement, _, role = name.partition("/")
        family = requirement.partition("-")[0]
        path = ("claims", "not-applicable", name)
        if family not in catalogue.families or requirement == family:
            continue
        if requirement in catalogue.requirements:
            _check_role(target, path, catalogue.requirements[requirement].surfaces, role)
            continue
        remedy = nearest(name, catalogue.requirements, "see: wallbite list")
        raise target.source.problem(path, f"a requirement of {family}", remedy, what=f"unknown requirement {name!r}")


def _check_role(target: Target, path: tuple[str, ...], roles: tuple[str, ...], role: str) -> None:
    if role and role not in roles:
        expected = f"one of {', '.join(roles)}" if roles else "a requirement that speaks of surfaces"
        raise target.source.problem(
            path, expected, nearest(role, roles, "see: wallbite explain ID"), what=f"unknown role {role!r}"
        )
