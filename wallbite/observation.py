"""An observation: what came of one attempt, or what the harness itself saw.

Observations are facts without judgement. They are made in a stage, written to the record, and handed to checks;
a check sees nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

OK: Final = "OK"  # the operation was allowed


@dataclass(frozen=True, slots=True)
class Observation:
    """One fact.

    Attributes:
        case: the case that it comes from, such as ``walls@ambient-caps``.
        kind: the kind of that case, such as ``walls``.
        posture: the privilege that the gateway was started with.
        vantage: ``spawned`` (by the gateway, through its own drop), ``dropped`` (by a root process of the harness that
            became the account), or ``harness`` (root in the stage, or a fact about the gateway's process).
        account: who attempted it: an account's name, ``gateway``, or ``root``.
        step: when, within the case: ``before``, ``attempt``, ``after``, ``boot``, or a spawn path such as ``poll``.
        operation: what was attempted, such as ``read``; or what was looked at, such as ``identity``.
        object: the name of the surface or of the thing that was looked at.
        layout: ``laid`` (as laid out) or ``opened`` (a scratch copy below open parents).
        errno: ``OK``, an errno's name, or None where there was nothing to attempt.
        seen: what was seen besides, as JSON values. Never a secret: lengths and digests.
        id: its name in the record, such as ``o17``; empty until it is recorded.
    """

    case: str
    kind: str
    posture: str
    vantage: str
    account: str
    step: str
    operation: str
    object: str
    layout: str = "laid"
    errno: str | None = None
    seen: Mapping[str, Any] = field(default_factory=dict)
    id: str = ""
