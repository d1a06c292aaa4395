"""Runs of the reference as processes of their own, which the tests of containers start."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

from wallbite.containers.engines import Engine

SELECTED: Final = ("WALL-01", "WALL-04", "WALL-11", "WALL-14", "WALL-15", "DROP-09", "BOOT-11", "SECR-09", "INST-05")
BRIEF: Final = ("BOOT-11",)


def command(out: Path, *words: str, selected: tuple[str, ...] = SELECTED) -> list[str]:
    """A run of the reference in one posture, as a process of its own."""
    chosen = ["--posture", "ambient-caps", "--select", ",".join(selected), "--seed", "1", "--out", str(out)]
    return [sys.executable, "-m", "wallbite", "run", *words, *chosen]


def container_of(engine: Engine) -> list[str]:
    """The options of a run in the image of debian-12."""
    return ["--stage", "container", "--engine", engine.name, "--distro", "debian-12"]


def done(words: list[str]) -> subprocess.CompletedProcess[str]:
    """A process that ended."""
    return subprocess.run(words, capture_output=True, text=True, check=False)
