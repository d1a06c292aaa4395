"""What is mutated, and by which cases each module of the reference runtime is judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

ENFORCING: Final = ("ambient-caps",)
GATED: Final = ("ambient-caps", "unprivileged", "setuid-only", "setgid-only", "permitted-only", "root-without-caps")


@dataclass(frozen=True)
class Subject:
    """How a module's mutants are judged.

    Attributes:
        quick: the first round, in the first posture: kinds of case one after the other, or a few together; cheap ones,
            which are likely to see it.
        slow: kinds of case of the second round, which has those of the first again in all other postures.
        postures: all of them.
    """

    quick: tuple[str, ...]
    slow: str
    postures: tuple[str, ...] = ENFORCING


_CODE: Final = Subject(("fingerprints", "lock-records", "lock-tiers"), "code-race modes reload")
SUBJECTS: Final[Mapping[str, Subject]] = {
    "gate.py": Subject(("matrix",), "tiers override unknown-keys reload verbs", GATED),
    "drop.py": Subject(("drop-fails", "timeouts", "spawns"), "walls stops pipes secrets reload"),
    "spawner.py": Subject(
        ("environment", "timeouts", "stops", "pipes", "drop-fails"), "walls spawns storm secrets reload modes"
    ),
    "attempt.py": Subject(
        ("environment", "timeouts", "pipes", "drop-fails", "secrets"),
        "stops fingerprints unconfined spawns storm walls no-default",
    ),
    "environment.py": Subject(("environment",), "unconfined spawns verbs", ("ambient-caps", "unprivileged")),
    "accounts.py": Subject(("tiers", "map", "documents"), "no-default spawns walls fingerprints modes places"),
    "reconcile.py": Subject(
        ("modes", "places", "writable", "planted"), "secret-boots backup reload side-doors", ("ambient-caps", "root")
    ),
    "keeping/vault.py": Subject(
        ("secrets",), "secrets-unconfined secret-boots modes", ("ambient-caps", "unprivileged")
    ),
    "code/fingerprints.py": _CODE,
    "code/admission.py": _CODE,
    "code/records.py": _CODE,
    "code/snapshots.py": _CODE,
    "capabilities.py": Subject(
        ("environment", "timeouts", "drop-fails", "matrix"), "walls spawns secrets stops places", (*GATED[:4], "root")
    ),
    "keeping/backup.py": Subject(("backup",), "harried modes"),
}
