"""The namespace stage: what it shows, what it hides, and that a hostile root stays in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from wallbite.problems import UsageProblem
from wallbite.stages import namespace


def test_a_stage_has_its_own_processes_and_a_working_system(stage: Any) -> None:
    """Process 1 is the conductor, and devices, loopback, terminals and file handles work."""
    seen = stage("look")
    assert seen["pid"] == 1
    assert seen["processes"] == [1]
    assert [seen[name] for name in ("handle", "loopback", "null", "terminal", "etc_write")] == ["OK"] * 5
    assert seen["hostname"] == "stage"


def test_nothing_of_the_hosts_data_is_seen(stage: Any) -> None:
    """What is neither the system nor /etc is empty or not there at all."""
    top = stage("look")["top"]
    for name in ("boot", "home", "media", "mnt", "opt", "srv"):
        assert top[name] == [], name
    assert set(top["var"]) == {"backups", "cache", "lib", "local", "lock", "log", "opt", "run", "spool", "tmp"}
    assert not set(top) & {"lost+found", ".dockerenv", "swapfile"}
    assert "passwd" in top["etc"]


def test_the_hosts_system_cannot_be_written(stage: Any) -> None:
    """A write below /usr is EROFS even for the conductor, and /etc cannot be moved away."""
    seen = stage("look")
    assert seen["usr_write"] == "EROFS"
    assert seen["etc_rename"] in {"EXDEV", "EBUSY"}


def test_directories_have_the_modes_of_a_running_system(stage: Any) -> None:
    """Temporary directories are sticky, and the others are the system's."""
    modes = stage("look")["modes"]
    assert modes["/"] == oct(Path("/").stat().st_mode & 0o7777)
    assert modes["/run"] == "0o755"
    assert modes["/tmp"] == modes["/var/tmp"] == "0o1777"  # noqa: S108 - the stage's
    assert modes["/root"] in {"0o700", "0o711"}


def test_a_hostile_root_stays_in(stage: Any) -> None:
    """Uid 0 with a container's capabilities can neither leave, nor reach the conductor, nor have it load a library."""
    seen = stage("root_target")
    assert seen["code"] == 0, seen["text"]
    found = json.loads(seen["text"])
    assert found["core_pattern"] == "EROFS"
    assert found["sysrq_is_null"]
    assert found["sysfs"] in {"EROFS", "EACCES"}
    for name in ("remount", "mount", "umount", "mknod", "unshare", "ptrace"):
        assert found[name] == "EPERM", name
    assert found["own_users"] in {"EINVAL", "EPERM", "ENOSPC"}  # the masks are locked in a user namespace
    for name in ("memory", "root", "descriptors"):
        assert found[name] == "EACCES", name
    assert (found["preload"], found["preload_gone"], found["preload_over"]) == ("EROFS", "EBUSY", "EBUSY")
    assert found["kill"] == ["OK"] * 6  # sent, and not delivered: this stage went on to say so
    assert found["shadow"] == "OK"  # the control: it does have CAP_DAC_OVERRIDE


def test_orphans_are_reaped_and_known_children_are_not(stage: Any) -> None:
    """Reaping leaves the exit status of a known child to whoever waits for it."""
    assert stage("orphans") == {"reaped": [7], "known": 0}


def test_a_stage_can_be_made_on_an_overlay(stage: Any) -> None:
    """Where the root is an overlay itself, as in a container, there is a stage all the same."""
    assert stage("nested") == "made"


def test_file_systems_below_the_system_are_seen() -> None:
    """What the host has mounted below /usr is there, read-only; what lies below /etc is a copy of the stage's own."""
    program = (
        f"import sys; sys.path[:] = {sys.path!r}\n"
        "import pathlib\n"
        "from wallbite.stages import kernel\n"
        "from wallbite.stages.pool import Pool\n"
        "kernel.unshare(kernel.CLONE_NEWNS)\n"
        "kernel.mount(None, '/', None, kernel.MS_REC | kernel.MS_PRIVATE)\n"
        "files = [pathlib.Path('/usr/share/wallbite'), pathlib.Path('/etc/ssl/wallbite')]\n"
        "for file in files:\n"
        "    kernel.mount('tmpfs', str(file.parent), 'tmpfs', kernel.MS_NOSUID)\n"
        "    file.write_text('seen')\n"
        "with Pool(1, 'conducts:conduct') as pool:\n"
        "    case = {'do': 'submounts', 'own': str(files[0]), 'etc': str(files[1])}\n"
        "    (result,) = pool.run([case])\n"
        "assert result.problem is None, result.trace\n"
        "assert files[1].read_text() == 'seen'\n"
        "print(result.observations[0]['seen'])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout == str({"own": "seen", "own_write": "EROFS", "etc": "seen", "etc_write": "OK"}) + "\n", (
        done.stderr
    )


def test_the_environment_is_fit() -> None:
    """The probe of the environment says nothing where stages work, and leaves no child."""
    namespace.reap_orphans(set())  # what earlier tests left
    namespace.probe_environment()
    assert namespace.reap_orphans(set()) == {}


def test_not_being_root_is_a_usage_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without uid 0 the user is told to use sudo."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(UsageProblem, match="sudo"):
        namespace.probe_environment()


@pytest.mark.parametrize("without", ["sys_admin", "net_admin"])
def test_a_missing_capability_is_one_line(without: str) -> None:
    """Root without a capability that stages need is told which ones those are."""
    setpriv = f"setpriv --bounding-set -{without} --inh-caps -all"
    program = (
        f"import sys; sys.path[:] = {sys.path!r}\n"
        "from wallbite.stages import namespace\n"
        "from wallbite.problems import EnvironmentProblem\n"
        "try:\n    namespace.probe_environment()\n"
        "except EnvironmentProblem as problem:\n    print(problem)\n"
    )
    done = subprocess.run([*setpriv.split(), sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "CAP_SYS_ADMIN and CAP_NET_ADMIN" in done.stdout
    assert done.stdout.count("\n") == 1
    assert "cannot make" in done.stdout
