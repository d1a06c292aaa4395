"""The numbers that a stage gives to a target's identities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wallbite.postures import Posture

GATEWAY = "gateway"
ROOT = "root"


@dataclass(frozen=True, slots=True)
class Identities:
    """Names to uids and gids: one number each, from a range that no other worker uses.

    Attributes:
        base: the first number of the range.
        names: the identities in the order of the descriptor.
        gateway_is_root: whether the posture starts the gateway as uid 0.
    """

    base: int
    names: tuple[str, ...]
    gateway_is_root: bool

    @classmethod
    def of(cls, base: int, names: Sequence[str], posture: Posture) -> Identities:
        """The identities of one stage."""
        return cls(base, tuple(names), posture.root)

    def uid(self, name: str) -> int:
        """The uid of ``name``; ``root`` is 0. KeyError where nobody is called so."""
        if name == ROOT or (name == GATEWAY and self.gateway_is_root):
            return 0
        if name not in self.names:
            raise KeyError(name)
        return self.base + self.names.index(name)

    gid = uid  # one number for both: a wrong uid and a wrong gid still differ between identities
