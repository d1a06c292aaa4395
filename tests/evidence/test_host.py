"""Facts about the machine."""

from __future__ import annotations

from pathlib import Path

from wallbite.evidence.canonical import bounded
from wallbite.evidence.host import host_facts, kernel_facts


def test_this_machine_has_facts() -> None:
    """They are JSON, and the kernel has a release."""
    facts = {**host_facts(), **kernel_facts()}
    assert bounded(facts) == facts
    assert facts["release"]


def test_what_is_not_there_is_absent(tmp_path: Path) -> None:
    """An old kernel, or a masked /proc, is told as such and breaks nothing."""
    facts = kernel_facts(tmp_path)
    assert (facts["yama"], facts["fs.protected_symlinks"], facts["cgroup"], facts["lsm"]) == ("absent",) * 4


def test_knobs_are_read(tmp_path: Path) -> None:
    """Control groups of version 2, Yama, and a knob."""
    for name, text in {
        "proc/sys/fs/protected_symlinks": "1\n",
        "proc/sys/kernel/yama/ptrace_scope": "2\n",
        "sys/fs/cgroup/cgroup.controllers": "cpu\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(text)
    facts = kernel_facts(tmp_path)
    found = facts["fs.protected_symlinks"], facts["kernel.yama.ptrace_scope"], facts["yama"], facts["cgroup"]
    assert found == ("1", "2", "present", "v2")


def test_control_groups_of_version_1(tmp_path: Path) -> None:
    """Version 1 has a folder for each controller; hybrid has `unified` beside them."""
    (tmp_path / "sys/fs/cgroup/cpu").mkdir(parents=True)
    assert kernel_facts(tmp_path)["cgroup"] == "v1"
    (tmp_path / "sys/fs/cgroup/unified").mkdir()
    assert kernel_facts(tmp_path)["cgroup"] == "hybrid"
