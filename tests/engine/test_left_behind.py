"""The look for what was left behind can see something."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.engine.left_behind import Host, is_ours


def test_a_file_elsewhere_and_a_process_of_a_stranger_are_seen(tmp_path: Path) -> None:
    """Another run may leave things meanwhile: only these two are looked for."""
    before = Host.now(str(tmp_path))
    left = tmp_path / "left"
    left.touch()
    with subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE, user=61999) as process:
        try:
            found = Host.now(str(tmp_path)).beyond(before)
        finally:
            process.kill()
    assert f"file {left}" in found
    stranger = next(one for one in found if one.startswith(f"process {process.pid} of uid 61999"))
    assert is_ours(stranger, "/nowhere")
    assert is_ours(f"file {left}", str(tmp_path))
    assert not is_ours(f"file {left}", "/nowhere")
    os.chown(left, 61999, 61999)
    assert is_ours(f"file {left}", "/nowhere")


def test_a_mount_is_an_engines_by_its_place_alone() -> None:
    """A stage's own /proc, left mounted, has the name in its line too."""
    assert is_ours("mount proc /run/stage-1/proc proc rw 0 0", "/nowhere")
    assert is_ours("mount tmpfs /run/docker-not tmpfs rw 0 0", "/nowhere")
    assert not is_ours("mount overlay /var/lib/docker/overlay2/a/merged overlay rw 0 0", "/nowhere")


def test_what_is_in_the_present_folder_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The report is there, as it was asked for."""
    (tmp_path / "present").mkdir()
    monkeypatch.chdir(tmp_path / "present")
    before = Host.now(str(tmp_path))
    (tmp_path / "present" / "here").touch()
    (tmp_path / "elsewhere").touch()
    found = Host.now(str(tmp_path)).beyond(before)
    assert f"file {tmp_path}/elsewhere" in found
    assert f"file {tmp_path}/present/here" not in found
