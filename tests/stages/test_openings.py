"""The watch on what is made: each file at its first moment, and never silent about what it lost."""

# The stage is not the host.
# ruff: noqa: S108

from __future__ import annotations

from typing import Any


def test_a_file_is_seen_as_it_was_born(stage: Any) -> None:
    """The mode before the first byte is seen, and the later one, though nobody looks in time."""
    seen = stage("watched_files", script="echo secret > /tmp/one; chmod 600 /tmp/one; : < /etc/passwd")
    assert not seen["problem"]
    assert seen["files"]["/tmp/one"]["modes"] == ["0600", "0644"]
    assert seen["files"]["/tmp/one"]["first_size"] == 0


def test_what_was_lost_is_told(stage: Any) -> None:
    """More files than are kept: the problem says so, and what was kept is seen."""
    seen = stage("watched_files", script="i=0; while [ $i -lt 1100 ]; do echo > /tmp/$i; i=$((i+1)); done")
    assert seen["problem"] == "EOVERFLOW"
    assert "/tmp/0" in seen["files"]
    assert "/tmp/1099" not in seen["files"]


def test_without_the_right_nothing_is_seen_and_said_so(stage: Any) -> None:
    """In a user namespace of its own a process may not watch: the errno is the problem."""
    seen = stage("watched_files", script="echo > /tmp/one", powerless=True)
    assert seen == {"problem": "EPERM", "count": 0, "files": {}}
