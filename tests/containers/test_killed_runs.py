"""Runs that are killed, and what was left of them: nothing stays, and nothing of anybody else's is touched."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.containers.conftest import TAG
from tests.containers.runs import BRIEF, command, container_of, done
from wallbite.containers import labels, leftovers, running
from wallbite.containers.engines import Engine

PATIENCE: Final = 60.0


@contextmanager
def happening(engine: Engine) -> Iterator[subprocess.Popen[bytes]]:
    """What happens to containers, one line each: what, and the id. Unbuffered, so that no line waits unseen."""
    words = ["events", "--filter", "type=container", "--format", "{{.Status}} {{.ID}}"]
    with subprocess.Popen([*engine.call, *words], stdout=subprocess.PIPE, bufsize=0) as stream:
        try:
            yield stream
        finally:
            stream.kill()


def await_event(stream: subprocess.Popen[bytes], *wanted: str, among: Callable[[str], bool]) -> str:
    """Read until one of these comes; the id that it is about. Others may have runs of their own on the engine."""
    assert stream.stdout is not None
    deadline = time.monotonic() + PATIENCE
    while select.select([stream.stdout], [], [], max(0.0, deadline - time.monotonic()))[0]:
        what, _, about = stream.stdout.readline().decode().strip().partition(" ")
        if what in wanted and among(about):
            return about
    raise TimeoutError(f"none of {wanted} happened in {PATIENCE:g} s")


def run_of(engine: Engine, id_: str) -> str:
    """The run that a container's label names."""
    shown = f'{{{{index .Config.Labels "{labels.RUN}"}}}}'
    return engine.say("container", "inspect", "--format", shown, id_).stdout.strip()


def test_a_killed_run_leaves_nothing(engine: Engine, tmp_path: Path) -> None:
    """Its worker's container goes with it, and a second run begins as if the first had never been."""
    words = [*command(tmp_path / "out", *container_of(engine)), "--jobs", "1"]
    with (
        happening(engine) as stream,
        subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as first,
    ):

        def its(id_: str) -> bool:
            return f".{first.pid}." in run_of(engine, id_)

        await_event(stream, "start", among=its)  # it looks first
        worker = await_event(stream, "start", among=its)
        run_ = run_of(engine, worker)
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
        await_event(stream, "destroy", "remove", among=worker.__eq__)
    assert engine.say("ps", "--all", "--quiet", "--filter", f"label={labels.RUN}={run_}").stdout == ""
    second = done(command(tmp_path / "second", *container_of(engine), selected=BRIEF))
    assert second.returncode == 0, second.stderr


def test_leftovers_are_removed_and_nothing_else(engine: Engine) -> None:
    """Of a run whose harness is gone; not of one that lives, nor a container of somebody else's."""
    ended = subprocess.check_output(
        [sys.executable, "-c", "from wallbite.containers import labels; print(labels.this_run())"], text=True
    ).strip()
    leftovers.clear(engine)  # of tests that were killed
    made = {}
    for name, its in (
        ("dead", {labels.KIND: "container", labels.RUN: ended}),
        ("living", labels.of("container")),
        ("others", {"x": "y"}),
    ):
        made[name] = running.create(engine, TAG, ["true"], changed={"labels": its})
    try:
        assert leftovers.clear(engine) == [f"container {made['dead'][:12]}"]
        left = engine.say("ps", "--all", "--quiet", "--no-trunc").stdout.split()
        assert {made["living"], made["others"]} <= set(left)
    finally:
        running.remove(engine, list(made.values()))
