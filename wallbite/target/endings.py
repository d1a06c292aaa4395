"""What a descriptor says of the end of things: plugins that do not want to end, and a second gateway beside the first.

All text is a template until it is expanded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wallbite.target.running import Ready, Request

if TYPE_CHECKING:
    from wallbite.target.model import ConfigFile, Step


@dataclass(frozen=True, slots=True)
class Ends:
    """A small configuration for plugins that do not want to end.

    Attributes:
        document: the configuration, without accounts and grants.
        grants: dotted places where the name of the plugins' account stands.
        brief, patient: plugins whose program is the carrier ``runaway``, the first with a short time-out.
        timeout: the first one's, in seconds.
        workers: how many jobs it runs at once; at least two.
        drain: seconds that running jobs have after an order to stop.
        second: changed keys for a second gateway that shares nothing with the first but its state.
        apart: further keys for one that does not share that either.
        second_ready: when a second gateway is up.
    """

    document: Mapping[str, Any]
    brief: str
    patient: str
    timeout: float
    workers: int
    drain: float = 1.0
    grants: tuple[str, ...] = ()
    second: Mapping[str, Any] = field(default_factory=dict)
    apart: Mapping[str, Any] = field(default_factory=dict)
    second_ready: Ready | None = None


@dataclass(frozen=True, slots=True)
class Beside:
    """A second instance of the gateway, unconfined, of an own user, beside the enforcing one.

    Attributes:
        identity: its user.
        install, config: what is laid down for it.
        serve: its command, run by its user without any privilege.
        request: how it is made to run the probe, as that user.
        plugin, command: what carries the probe.
    """

    identity: str
    install: tuple[Step, ...]
    config: ConfigFile
    serve: tuple[str, ...]
    ready: Ready
    request: Request
    plugin: str
    command: str = ""
