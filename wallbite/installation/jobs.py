"""What a gateway says of a job, by the descriptor's names."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class JobState:
    """The state of a job.

    Attributes:
        finished: whether it came to one of its ends.
        status, error: as the gateway names them.
        attempts: how many it says that it made, or None.
    """

    finished: bool
    status: str
    attempts: int | None
    error: str
