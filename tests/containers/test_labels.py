"""A run that lives is told from one that was killed."""

from __future__ import annotations

import subprocess
import sys

import pytest

from wallbite.containers import labels

OTHER = f"import sys; sys.path[:] = {sys.path!r}; from wallbite.containers import labels; print(labels.this_run())"


def test_this_run_is_alive() -> None:
    """Its own label says so."""
    assert labels.alive(labels.this_run())


def test_a_run_that_ended_is_not() -> None:
    """Also where its number is taken again: the start is part of the name."""
    ended = subprocess.check_output([sys.executable, "-c", OTHER], text=True).strip()
    assert not labels.alive(ended)


@pytest.mark.parametrize(("part", "value", "alive"), [(0, "f" * 12, True), (1, "another-boot", False), (2, "1", True)])
def test_of_what_cannot_be_seen_nothing_is_said(part: int, value: str, alive: bool) -> None:
    """Another machine's processes, and those of another container, may live; those before a reboot do not."""
    words = labels.this_run().split(".")
    words[part] = value
    words[4] = "1"  # no process of this number started then
    assert labels.alive(".".join(words)) is alive


@pytest.mark.parametrize("run", ["", "nonsense", "a.b.c", "a.b.c.d.e"])
def test_a_label_of_another_form_is_left_alone(run: str) -> None:
    """Nothing is known of it."""
    assert labels.alive(run)
