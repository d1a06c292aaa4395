"""Commands of the target's that flood, hang or leave someone behind who holds their output."""

from __future__ import annotations

import resource
import sys
import time

import pytest

from wallbite.installation.command import KEPT, run_bounded

FLOOD = "import os\nfor _ in range(1024): os.write(1, b'x' * (1 << 20))\nos.write(2, b'end')"


def test_the_end_of_a_flood_is_kept_and_no_more() -> None:
    """A gigabyte passes by."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    code, said = run_bounded([sys.executable, "-c", FLOOD], 60.0)
    assert (code, len(said), said[-4:]) == (0, KEPT, "xend")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20 << 10


def test_what_hangs_is_killed_with_its_children() -> None:
    """In time, also where it closed its output before."""
    for closing in ("", "exec >&- 2>&-; "):
        began = time.monotonic()
        with pytest.raises(TimeoutError, match="did not end in time"):
            run_bounded(["sh", "-c", f"{closing}sleep 1000 & sleep 1000"], 0.3)
        assert 0.3 <= time.monotonic() - began < 10.0


def test_who_holds_the_output_is_not_waited_for() -> None:
    """It has ended, and its child has not: the code is its own."""
    began = time.monotonic()
    code, said = run_bounded(["sh", "-c", "sleep 20 & echo said; exit 7"], 30.0)
    assert (code, said) == (7, "said\n")
    assert time.monotonic() - began < 10.0


def test_what_cannot_be_started_is_an_os_error() -> None:
    """As everything that goes wrong with it."""
    with pytest.raises(FileNotFoundError):
        run_bounded(["/nowhere/at/all"], 1.0)
