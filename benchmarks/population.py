"""What accounts of a sound gateway would get at its walls, in any number: observations without a gateway.

They come as they always do, from a stage through a worker. Every one is of the kind that a real case gives; the checks
find nothing to complain about, and would where one of them were missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from wallbite.facts import Setting, SurfaceFact
from wallbite.observation import OK

POSTURE: Final = "ambient-caps"
REQUIREMENTS: Final = ("WALL-01", "WALL-15")
ROLE: Final = "age-key"
SEEN: Final = {"kind": "file", "mode": "0700", "uid": 990, "gid": 990}
LAYOUTS: Final = ("laid", "opened")
SLICE: Final = 20_000  # observations of a case, about

Emit = Callable[[dict[str, Any]], None]


def setting(accounts: int, surfaces: int) -> Setting:
    """So many accounts, and so many files of the gateway's."""
    return Setting(
        target="population",
        stage="namespace",
        accounts=tuple(f"account-{number}" for number in range(accounts)),
        postures=(POSTURE,),
        surfaces=tuple(
            SurfaceFact(f"surface-{number}", ROLE, "gateway", "file", "gateway", "0700") for number in range(surfaces)
        ),
        paths=(),
        excused={f"{REQUIREMENTS[0]}/secret-directory": "there is none"},
        declared={},
    )


def denied(tables: dict[str, Any]) -> list[str]:
    """What is attempted on each."""
    found: list[str] = tables["errnos"]["surfaces"]["gateway"]["file"]["denied"]
    return found


def cases(accounts: int, surfaces: int, tables: dict[str, Any]) -> list[dict[str, Any]]:
    """Cases of about :data:`SLICE` observations: root's and the gateway's looks, then some accounts each."""
    each = surfaces * len(LAYOUTS) * len(denied(tables))
    few = max(1, SLICE // each)
    spans = [(None, None), *((first, min(accounts, first + few)) for first in range(0, accounts, few))]
    return [
        {
            "case": f"walls@{POSTURE}/{number}", "kind": "walls", "posture": POSTURE,
            "params": {}, "span": span, "surfaces": surfaces, "tables": tables,
        }
        for number, span in enumerate(spans)
    ]  # fmt: skip


def conduct(request: dict[str, Any], emit: Emit) -> None:
    """What a worker runs: emit the observations of one case."""
    first, end = request["span"]
    found = looks(request) if first is None else reaches(request, range(first, end))
    fixed = {"case": request["case"], "kind": "walls", "posture": POSTURE}
    for operation, at, layout, errno, who in found:
        account, vantage, step = who
        seen: dict[str, Any] = {"protected_hardlinks": 1} if operation == "link" else {}
        if operation == "state":
            seen = {**SEEN, "identity": ["file", at]}
        emit({
            **fixed, "vantage": vantage, "account": account, "step": step, "operation": operation,
            "object": f"surface-{at}", "layout": layout, "errno": errno, "seen": seen,
        })  # fmt: skip


Told = tuple[str, int, str, str, tuple[str, str, str]]


def looks(request: dict[str, Any]) -> Iterator[Told]:
    """What root and the owner see and can do, before and after."""
    root, owner = ("root", "harness", "before"), ("gateway", "dropped", "before")
    for at in range(request["surfaces"]):
        for layout in LAYOUTS:
            yield "state", at, layout, OK, root
            yield "state", at, layout, OK, ("root", "harness", "after")
            yield "read", at, layout, OK, owner
            for operation in denied(request["tables"]):
                yield operation, at, layout, OK, root


def reaches(request: dict[str, Any], accounts: range) -> Iterator[Told]:
    """What each account gets: what the table expects."""
    operations = request["tables"]["errnos"]["operations"]
    for number in accounts:
        who = (f"account-{number}", "spawned", "attempt")
        for at in range(request["surfaces"]):
            for layout, parent in zip(LAYOUTS, ("closed", "open"), strict=True):
                for operation in denied(request["tables"]):
                    yield operation, at, layout, errno_of(operations[operation][parent]), who


def errno_of(expected: Any) -> str:
    """The first errno that the table takes."""
    if isinstance(expected, dict):
        expected = expected["protected-hardlinks"]
    return OK if expected == "allowed" else str(expected[0])
