"""A run that is ended in the middle leaves nothing, and stands in nobody's way."""

from __future__ import annotations

import os
import select
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.engine import running
from tests.engine.running import Done
from wallbite.exits import ExitCode
from wallbite.selftest import small

Wallbite = Callable[..., Done]

SOON = 10.0  # seconds for the kernel and what is left of a run to clear away
ENDLESS = small.plugin("endless")
WALLS = ("--select", "WALL-01", "--jobs", "1")


def until_it_probes(process: subprocess.Popen[bytes], others: set[tuple[int, str]]) -> list[int]:
    """Wait until a probe of the stage runs, which never ends; a handle of each process of the run, and of no others."""
    poll = select.poll()
    while not any("probe-alpha/entry" in running.line_of(pid) for pid, _ in running.descendants() - others):
        assert process.poll() is None
        poll.poll(20)
    everyone = {pid for pid, _ in running.descendants() - others}
    handles = []
    for pid in everyone:
        try:
            handles.append(os.pidfd_open(pid))
        except ProcessLookupError:
            continue
    return handles


def all_end(handles: list[int]) -> bool:
    """Whether every process ends soon."""
    try:
        return all(select.select([handle], [], [], SOON)[0] for handle in handles)
    finally:
        for handle in handles:
            os.close(handle)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, ExitCode.INTERRUPTED), (signal.SIGKILL, -signal.SIGKILL)])
def test_a_run_that_is_ended_leaves_nothing(wallbite: Wallbite, tmp_path: Path, number: int, code: int) -> None:
    """Interrupted or killed while a probe runs: every process is gone soon; the next run in the same folder works."""
    handles: list[int] = []
    others = running.descendants()  # what other tests keep running

    def end(process: subprocess.Popen[bytes]) -> None:
        handles.extend(until_it_probes(process, others))
        process.send_signal(number)

    done = wallbite(*WALLS, change=ENDLESS, during=end)
    assert (done.code, done.out) == (code, "")
    assert done.error.endswith("wallbite: interrupted\n" if number == signal.SIGINT else "")
    assert len(handles) > 5
    assert all_end(handles)
    parts = sorted(path.name for path in (tmp_path / "out").glob(".record.*.part"))
    assert (parts == []) == (number == signal.SIGINT)
    assert (tmp_path / "out").exists() == (number == signal.SIGKILL)
    small.write(tmp_path / "again")
    again = wallbite(str(tmp_path / "again" / "small.yaml"), *WALLS)
    assert again.code == ExitCode.CONFORMANT, again.error
    assert sorted(tmp_path.rglob("*.part")) == []
