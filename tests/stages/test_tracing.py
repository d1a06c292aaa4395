"""Exec tracing: every process of a command is seen at its exec and its exit."""

from __future__ import annotations

from typing import Any


def test_a_change_of_identity_is_seen(stage: Any) -> None:
    """The child that dropped shows its new uid at its exec and at its exit."""
    seen = stage("traced", what="drop")
    assert seen["exit_code"] == 5
    assert seen["complete"]
    assert [stop for stop in seen["stops"] if stop[2] == 61999] == [
        ["exec", "true", 61999, None],
        ["exit", "true", 61999, 0],
    ]
    assert seen["stops"][0][:3] == ["exec", "dash", 0]
    assert seen["stops"][-1] == ["exit", "dash", 0, 5]


def test_what_detaches_is_followed(stage: Any) -> None:
    """A double-forked process of its own session is waited for, with both outputs."""
    seen = stage("traced", what="double")
    assert seen["stdout"] == 4
    assert seen["stderr"] == "err\n"
    assert seen["stops"][-1][3] == 4
    assert seen["left"] == []


def test_a_hang_is_killed(stage: Any) -> None:
    """When time is up the command is killed, and the trace says that it is not complete."""
    seen = stage("traced", what="hang", limit=1.5)
    assert not seen["complete"]
    assert seen["exit_code"] is None
    assert seen["stdout"] == 5
    assert seen["left"] == []


def test_output_is_bounded_and_a_signal_is_told(stage: Any) -> None:
    """Output past the bound is thrown away, and the command is not held up by it."""
    seen = stage("traced", what="flood")
    assert seen["stdout"] == 1 << 16
    assert seen["exit_code"] == -9


def test_a_command_that_is_not_there_is_a_launch_error(stage: Any) -> None:
    """The step that failed is named."""
    assert "'exec'" in stage("traced", what="gone")


def test_tracing_does_not_take_file_capabilities_away(stage: Any) -> None:
    """A program with file capabilities has them though it is traced, since the tracer may trace everything."""
    assert stage("traced_capable") == [["exec", "c0"], ["exit", "c0"]]
