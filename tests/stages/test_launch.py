"""The launcher: each posture's credentials exactly, and nothing that the program should not have."""

from __future__ import annotations

import json
import resource
from typing import Any

import pytest

from wallbite.postures import POSTURES
from wallbite.stages.launch import Launch


@pytest.mark.parametrize("name", POSTURES)
def test_a_posture_is_exactly_what_it_says(stage: Any, name: str) -> None:
    """At its exec and in its own eyes the program has the posture's capability sets, its ids and no other group."""
    wanted, seen = POSTURES[name], stage("posture", posture=name)
    assert seen["code"] == 0
    for found in (seen["traced"], seen["own"]):
        assert found["uids"] == found["gids"] == [seen["uid"]] * 4
        assert found["groups"] == [seen["uid"] + 7]
        for kind in ("permitted", "effective", "inheritable", "ambient", "bounding"):
            assert found[kind] == f"{getattr(wanted, kind):x}", kind
        assert found["no_new_privs"] is False
        assert found["seccomp"] == 0


def test_a_program_gets_what_was_asked_for_and_no_more(stage: Any) -> None:
    """Environment, directory, umask, groups, session, descriptors and signals are as asked."""
    seen = json.loads(stage("surroundings"))
    assert seen.pop("env") in ({"A": "b"}, {"A": "b", "LC_CTYPE": "C.UTF-8"})  # Python adds the latter to its own
    fds = seen.pop("fds")
    soft, hard = seen.pop("limit")
    assert [soft, hard] == list(resource.getrlimit(resource.RLIMIT_NOFILE))
    assert {0, 1, 2, 200, 201, 5000 if hard < 0 else min(5000, hard - 1)} <= set(fds)
    assert len(fds) == 7  # one is the listing itself
    assert seen.pop("ignored") == 1 << 12 | 1 << 24 | 1 << 11  # SIGPIPE and SIGXFSZ are Python's doing at its start
    assert seen == {
        "cwd": "/var/lib", "umask": 0o077, "sid": True, "inherited": "passed on", "in": "", "groups": [5, 6],
    }  # fmt: skip


def test_a_refusal_names_its_step(stage: Any) -> None:
    """What cannot be launched says where it failed and why, and leaves no child."""
    seen = stage("refusals")
    assert seen["exec"] == ["ENOENT", "exec"]
    assert seen["chdir"] == ["ENOENT", "chdir"]
    assert seen["descriptors"] == ["EBADF", "descriptors"]
    assert seen["children"] == ["ECHILD"]


def test_a_keyring_is_the_gateways_own(stage: Any) -> None:
    """The gateway reads the key in its session keyring; the conductor's has none."""
    assert stage("keys") == {"gateway": "payload", "conductor": "ENOKEY"}


def test_a_filter_denies_one_change_of_identity(stage: Any) -> None:
    """Every call that would take the uid fails with EPERM, another uid can be taken, no_new_privs stays off."""
    seen = stage("denied")
    free = dict.fromkeys(("setuid", "setreuid", "setresuid", "other", "setgid", "setgroups"), "OK") | {"nnp": False}
    assert seen["uid"] == free | dict.fromkeys(("setuid", "setreuid", "setresuid"), "EPERM")
    assert seen["gid"] == free | {"setgid": "EPERM"}
    assert seen["groups"] == free | {"setgroups": "EPERM"}
    assert (seen["launched"]["seccomp"], seen["launched"]["no_new_privs"]) == (2, False)
    assert seen["launched"]["ambient"] == f"{POSTURES['ambient-caps'].ambient:x}"


@pytest.mark.parametrize(("posture", "uid"), [("root", 61000), ("ambient-caps", 0)])
def test_a_uid_that_contradicts_the_posture_is_refused(posture: str, uid: int) -> None:
    """Root's postures are uid 0, and the others are not."""
    with pytest.raises(ValueError, match=f"uid {uid} in posture {posture}"):
        Launch(POSTURES[posture], uid, uid, ("/bin/true",))


def test_a_program_is_named_by_its_path() -> None:
    """Nothing is searched for."""
    with pytest.raises(ValueError, match="absolute"):
        Launch(POSTURES["root"], 0, 0, ("true",))
