"""Which stage a run has: on this machine, or in containers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from wallbite.evidence.host import host_facts, kernel_facts
from wallbite.options import RunOptions
from wallbite.stages.namespace import probe_environment
from wallbite.stages.pool import Start, start_here
from wallbite.target.model import Target


class Stage(Protocol):
    """What a run needs to know of its stage: how workers start, and facts for the record."""

    @property
    def start(self) -> Start:
        """Starts a worker."""

    @property
    def once(self) -> bool:
        """Whether a worker has one case only."""

    @property
    def absent(self) -> str:
        """What the target lacks where the stage is, in a sentence; empty where nothing."""

    @property
    def facts(self) -> Mapping[str, Any]:
        """``host`` and ``kernel``."""


@dataclass(frozen=True)
class NamespaceStage:
    """Workers on this machine."""

    start: Start
    once: bool
    facts: Mapping[str, Any]
    absent: str = ""


@contextmanager
def stage_of(options: RunOptions, target: Target) -> Iterator[Stage]:
    """The stage that the options name, for as long as the ``with`` block lasts.

    Raises:
        EnvironmentProblem: this machine cannot have it.
    """
    if options.stage == "container":
        from wallbite.containers.selection import container_stage

        with container_stage(options, target) as stage:
            yield stage
        return
    probe_environment()
    yield here()


def here() -> NamespaceStage:
    """The stage on this machine."""
    return NamespaceStage(start_here, False, {"host": host_facts(), "kernel": kernel_facts()})
