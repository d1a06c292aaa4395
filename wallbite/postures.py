"""Postures: the privilege that a gateway is started with, and what the kernel must then say of its process."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

CAP_SETGID: Final = 6
CAP_SETUID: Final = 7
SETGID: Final = 1 << CAP_SETGID
SETUID: Final = 1 << CAP_SETUID
BOTH: Final = SETGID | SETUID

# Docker's default set less CAP_MKNOD: what a gateway "run as root" commonly has.
# CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID SETPCAP NET_BIND_SERVICE NET_RAW SYS_CHROOT AUDIT_WRITE SETFCAP
ROOT_CAPABILITIES: Final = sum(1 << number for number in (0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 29, 31))


@dataclass(frozen=True, slots=True)
class Posture:
    """A way to start a gateway.

    Attributes:
        name: as in descriptors and options.
        root: whether its uid is 0; else it is the gateway's own.
        permitted, effective, inheritable, ambient: the capability sets that its process must show, as bit masks.
        bounding: the bounding set that it is started with.
        file_capabilities: whether the sets come from the executable's ``security.capability`` attribute.
    """

    name: str
    root: bool
    permitted: int
    effective: int
    inheritable: int
    ambient: int
    bounding: int
    file_capabilities: bool = False

    @property
    def enforcing(self) -> bool:
        """Whether a gateway can drop privilege here: both capabilities are effective."""
        return self.effective & BOTH == BOTH


def _conferred(name: str, mask: int) -> Posture:
    """Not root, the capabilities inheritable, ambient, permitted and effective, as a systemd unit confers them."""
    return Posture(name, False, mask, mask, mask, mask, mask)


POSTURES: Final[dict[str, Posture]] = {
    posture.name: posture
    for posture in (
        Posture("root", True, ROOT_CAPABILITIES, ROOT_CAPABILITIES, 0, 0, ROOT_CAPABILITIES),
        _conferred("ambient-caps", BOTH),
        Posture("file-caps", False, BOTH, BOTH, 0, 0, BOTH, file_capabilities=True),
        _conferred("setuid-only", SETUID),
        _conferred("setgid-only", SETGID),
        Posture("permitted-only", False, BOTH, 0, 0, 0, BOTH, file_capabilities=True),
        _conferred("unprivileged", 0),
        Posture("root-without-caps", True, 0, 0, 0, 0, 0),
    )
}

ENFORCING: Final = tuple(name for name, posture in POSTURES.items() if posture.enforcing)
_ORDER: Final = ("ambient-caps", "file-caps", "root")  # a uid of its own first: some rules speak of it


def representative(names: Iterable[str]) -> str:
    """The one posture, of those given, in which is observed what privilege has no part in; empty where none enforces.

    Cases are planned by it and checks judge by it, so that both speak of the same posture.
    """
    given = set(names)
    return next((name for name in (*_ORDER, *ENFORCING) if name in given), "")
