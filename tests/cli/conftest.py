"""The command line as a user has it: a process with its exit code and its two streams."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def wallbite(tmp_path: Path) -> Command:
    """Runs ``wallbite`` in an empty folder."""

    def run(*words: str, **more: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "wallbite", *words]
        options: dict[str, object] = {"capture_output": True, "text": True, "timeout": 60, "cwd": tmp_path, **more}
        return subprocess.run(command, check=False, **options)  # type: ignore[call-overload, no-any-return]

    return run
