"""The carrier that does not want to end: it announces itself, leaves behind what it is told to, and answers."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from wallbite.content import content

WAYS = ("child", "group", "session", "orphan", "daemon")


def leash(path: Path) -> int:
    """A FIFO, open for reading."""
    os.mkfifo(path)
    return os.open(path, os.O_RDONLY | os.O_NONBLOCK)


def run(folder: Path, **order: Any) -> tuple[subprocess.CompletedProcess[bytes], int, int]:
    """Run it with an order; what came of it, and the two leashes."""
    main, rest = leash(folder / "main"), leash(folder / "rest")
    whole = {"schema": "wallbite-runaway/1", "main": str(folder / "main"), "leash": str(folder / "rest")}
    (folder / "order").write_text(json.dumps({**whole, "ways": [], "keep": False, "then": "answer", **order}))
    request = json.dumps({"payload": {"plan": str(folder / "order")}}).encode()
    program = [sys.executable, "-IS", str(content("probes") / "runaway.py")]
    done = subprocess.run(program, input=request, capture_output=True, timeout=10, check=False)
    return done, main, rest


def hung_up(handle: int) -> bool:
    """Whether whoever held a leash is gone."""
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    return any(events & select.POLLHUP for _, events in poll.poll(0))


@pytest.mark.parametrize("way", WAYS)
def test_what_it_leaves_behind_holds_the_leash_until_it_is_killed(tmp_path: Path, way: str) -> None:
    """And ignores what can be ignored."""
    done, main, rest = run(tmp_path, ways=[way])
    assert json.loads(done.stdout)["status"] == "ok"
    name, pid = os.read(rest, 100).decode().split()
    assert (name, os.read(main, 100)[:5]) == (way, b"main ")
    os.kill(int(pid), signal.SIGTERM)
    assert hung_up(main)
    assert not hung_up(rest)
    os.kill(int(pid), signal.SIGKILL)
    deadline = time.monotonic() + 5
    while not hung_up(rest) and time.monotonic() < deadline:
        time.sleep(0.005)
    assert hung_up(rest)


def test_a_flood_is_as_long_as_ordered_and_then_it_answers(tmp_path: Path) -> None:
    """Bounded, so that a gateway that takes all of it comes to an end."""
    done, _, _ = run(tmp_path, then="flood", to=2, bytes=1 << 20)
    assert len(done.stderr) >= 1 << 20
    assert json.loads(done.stdout)["status"] == "ok"


def test_an_order_of_another_kind_is_refused(tmp_path: Path) -> None:
    """Nothing is left behind by mistake."""
    done, _, _ = run(tmp_path, schema="wallbite-plan/1")
    assert done.returncode == 1
    assert b"expected 'wallbite-runaway/1'" in done.stderr
