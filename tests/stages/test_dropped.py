"""The dropped vantage, and watching a directory."""

from __future__ import annotations

from typing import Any


def test_a_dropped_function_is_the_account(stage: Any) -> None:
    """It has the account's ids and no capability, cannot go back, and root's own file is denied to it."""
    seen = stage("drops")
    found, uid = seen["credentials"], seen["credentials"]["uids"][0]
    assert found["uids"] == found["gids"] == [uid] * 4
    assert found["groups"] == [uid + 1]
    assert [found[kind] for kind in ("permitted", "effective", "inheritable", "ambient")] == ["0"] * 4
    assert seen["denied"] == "EACCES"
    assert seen["again"] == "EPERM"
    assert seen["root"] is True


def test_a_dropped_function_is_bounded(stage: Any) -> None:
    """An exception, a death, a hang and a flood each have their own line, and nothing is left of them."""
    seen = stage("drops")
    assert seen["raised"] == "DroppedError: ZeroDivisionError: integer division or modulo by zero"
    assert seen["died"] == "DroppedError: died without an answer: -9"
    assert seen["late"] == "TimeoutError: timed out after 0.2 s"
    assert seen["much"] == "DroppedError: too much output (over 100 bytes)"
    assert seen["descriptors"] == "4"  # the three streams and the answer's pipe
    assert seen["left"] in {"ECHILD", "OK"}  # the grandchild may just have been orphaned here


def test_events_of_a_directory_are_seen(stage: Any) -> None:
    """Creation and removal are told by name, silence is empty, and a missing path is ENOENT."""
    assert stage("watches") == {"none": 0, "created": True, "rest": 0, "missing": "ENOENT"}
