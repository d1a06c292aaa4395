"""Who starts a gateway: the launcher, a real init, or a tracer. Each has it stand still until it was looked at."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from wallbite.stages import ptrace
from wallbite.stages.launch import Launch, launch


class Starter(Protocol):
    """Starts a program, which then stands at its exec, before its first instruction, until it is released."""

    def start(self, spec: Launch) -> int:
        """Start it; its pid.

        Raises:
            LaunchError: it did not come to its exec.
        """

    def release(self, pid: int) -> None:
        """Let it run."""


class Launcher:
    """The harness itself, as the parent."""

    def start(self, spec: Launch) -> int:
        """Start it; its pid.

        Raises:
            LaunchError: a step failed.
        """
        return launch(replace(spec, stop_after_exec=True))

    def release(self, pid: int) -> None:
        """Let it run, untraced."""
        ptrace.detach(pid)
