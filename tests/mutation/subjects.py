"""What is mutated, and by which cases each module of the reference runtime is judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

ENFORCING: Final = ("ambient-caps",)
GATED: Final = ("ambient-caps", "unprivileged", "setuid-only", "setgid-only", "permitted-only", "root-without-caps")


@dataclass(frozen=True)
class Subject:
    """How a module's mutants are judged: by which kinds of case, in which postures."""

    kinds: frozenset[str]
    postures: tuple[str, ...] = ENFORCING


_SPAWN: Final = Subject(frozenset({"walls", "spawns", "drop-fails", "timeouts", "stops"}))
_CODE: Final = Subject(frozenset({"fingerprints", "lock-records", "lock-tiers", "code-race"}))
SUBJECTS: Final[Mapping[str, Subject]] = {
    "gate.py": Subject(frozenset({"matrix"}), GATED),
    "capabilities.py": Subject(frozenset({"matrix", "walls", "spawns"}), GATED),
    "drop.py": _SPAWN,
    "spawner.py": _SPAWN,
    "attempt.py": Subject(_SPAWN.kinds | {"secrets", "pipes"}),
    "accounts.py": Subject(frozenset({"spawns", "walls", "no-default", "tiers", "documents"})),
    "reconcile.py": Subject(frozenset({"modes", "places", "planted", "raced"}), ("ambient-caps", "root")),
    "environment.py": Subject(frozenset({"environment", "unconfined", "spawns"}), ("ambient-caps", "unprivileged")),
    "code/fingerprints.py": _CODE,
    "code/admission.py": _CODE,
    "code/records.py": _CODE,
    "code/snapshots.py": _CODE,
    "keeping/vault.py": Subject(
        frozenset({"secrets", "secret-boots", "secrets-unconfined"}), ("ambient-caps", "unprivileged")
    ),
    "keeping/backup.py": Subject(frozenset({"backup", "harried"})),
}
