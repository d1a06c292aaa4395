"""What the checks of DROP and WALL must have seen: a population with a hole in it is never a pass."""

from __future__ import annotations

from typing import Any

import pytest

from wallbite import catalogue, checks, tables
from wallbite.facts import Facts, Setting, SurfaceFact
from wallbite.observation import Observation
from wallbite.verdict import Ruling, Verdict

KEY = SurfaceFact("age-key", "age-key", "gateway", "file", "gateway", "0600")
REFUSALS = {"drop": "drop_failed", "ungranted": "no_account", "other": {}}


def judged(identifier: str, *observations: Observation, **changes: Any) -> list[Verdict]:
    """The verdicts on one requirement, of a target with two accounts and a key."""
    values: dict[str, Any] = {
        "target": "t", "stage": "namespace", "accounts": ("alpha", "beta"), "postures": ("root",), "surfaces": (KEY,),
        "paths": (), "excused": {}, "declared": {"loopback": [], "refusals": REFUSALS, "scratch": [], "storm": 4},
    }  # fmt: skip
    setting = Setting(**{**values, **changes})
    row = catalogue.load().requirements[identifier]
    return checks.load()[identifier].judge(row, Facts(setting, observations, tables.load()))


def seen(**changes: Any) -> Observation:
    """An observation by root of the harness."""
    values: dict[str, Any] = {
        "case": "c", "kind": "walls", "posture": "root", "vantage": "harness", "account": "root", "step": "walls",
        "operation": "job", "object": "x", "errno": None, "id": "o1",
    }  # fmt: skip
    return Observation(**{**values, **changes})


def job(name: str, **changes: Any) -> Observation:
    """How a job ended that must not run."""
    told = {
        "accepted": True, "status": "failed", "attempts": 1, "error": "no_account", "event": True, "answers": 0,
        "ran_as": [],
    }  # fmt: skip
    return seen(object=name, kind="no-default", seen={**told, **changes})


def test_a_role_that_no_surface_has_is_inconclusive() -> None:
    """WALL-01 speaks of the secret directory too; a descriptor that leaves it out is not green for it."""
    found = [one for one in judged("WALL-01") if one.surface == "secret-directory"]
    assert [one.ruling for one in found] == [Ruling.INCONCLUSIVE]
    assert "declares no secret-directory" in found[0].reason


def test_a_role_that_is_excused_is_not_applicable_with_its_reason() -> None:
    """The reason stands in the report."""
    found = judged("WALL-01", excused={"WALL-01/secret-directory": "It has none."})
    assert [one.reason for one in found if one.ruling is Ruling.NOT_APPLICABLE] == ["It has none."]


def test_a_gateway_without_an_api_says_so() -> None:
    """Neither control sockets nor a loopback API: both must be excused."""
    found = {one.surface for one in judged("WALL-13") if one.ruling is Ruling.INCONCLUSIVE}
    assert found == {"control-socket", "loopback-api"}


@pytest.mark.parametrize("layout", ["laid", "opened"])
def test_attempts_in_one_layout_alone_are_inconclusive(layout: str) -> None:
    """A closed parent hides a loose file; an open one hides a loose parent."""
    tried = seen(operation="read", object="age-key", account="alpha", vantage="spawned", step="attempt", errno="EACCES")
    state = {"kind": "file", "identity": [1], "mode": "0600"}
    looks = [
        seen(operation="state", object="age-key", step=step, errno="OK", seen=state) for step in ("before", "after")
    ]
    found = judged("WALL-01", *(replaced(one, layout) for one in (tried, *looks)))
    assert Ruling.PASS not in {one.ruling for one in found}


def replaced(one: Observation, layout: str) -> Observation:
    """The same in another layout."""
    return seen(**{name: getattr(one, name) for name in Observation.__slots__} | {"layout": layout})


def test_a_request_that_was_not_taken_is_no_refusal() -> None:
    """404 for a plugin that is not there says nothing of a missing grant."""
    found = judged("DROP-14", job("ungranted", accepted=False, status="", error="the gateway answered 404"))
    assert found[-1].ruling is Ruling.INCONCLUSIVE


def test_a_refusal_of_another_class_is_a_fail() -> None:
    """What the descriptor names is what must come."""
    found = judged("DROP-14", job("ungranted", error="start_failed"))
    assert (found[-1].ruling, "start_failed" in found[-1].reason) == (Ruling.FAIL, True)


def test_jobs_that_were_not_taken_do_not_look_alike() -> None:
    """Two requests that fail for the same outward reason are no failed drop and no start error."""
    drops = [job(f"drop-fails/{step}", accepted=False, status="", error="down") for step in ("uid", "gid", "groups")]
    found = judged("DROP-12", *drops, job("start-error/exec-format", accepted=False, status="", error="down"))
    assert {one.ruling for one in found} == {Ruling.INCONCLUSIVE}


def test_a_storm_in_which_one_account_answers_for_another_is_a_fail() -> None:
    """Four jobs over two accounts: three of one and one of the other is a mix-up, though each looks sound."""
    who = {"uids": [7] * 4, "gids": [7] * 4, "groups": [7], "file_uid": 7, "cwd": "/a", "home": "/a"}
    none = dict.fromkeys(("permitted", "effective", "inheritable", "ambient"), "0")
    shares = ["alpha", "alpha", "alpha", "beta"]
    jobs = [
        seen(kind="storm", operation="storm-job", account=name, vantage="spawned", errno="OK", seen={
            **who, "capabilities": none, "job": str(number), "expected": {"uid": 7, "gid": 7, "directory": "/a"},
        })
        for number, name in enumerate(shares)
    ]  # fmt: skip
    assert {one.ruling for one in judged("DROP-15", *jobs)} == {Ruling.FAIL}


LOOSE: dict[str, Any] = {"modes": ["0600", "0644"], "parents": ["0700"], "first_size": 0, "place": "archive"}
CLOSED: dict[str, Any] = {**LOOSE, "modes": ["0600"]}


@pytest.mark.parametrize(("was", "lost", "ruling"), [
    (CLOSED, False, Ruling.PASS), (CLOSED, True, Ruling.INCONCLUSIVE), (LOOSE, True, Ruling.FAIL),
])  # fmt: skip
def test_a_watch_that_lost_something_passes_nothing(was: dict[str, Any], lost: bool, ruling: Ruling) -> None:
    """What was lost might have been loose; what was seen loose is a failure nevertheless."""
    archive = {"exit": 0, "archive": {"mode": "0600"}}
    watched = [seen(operation="written", kind="backup", object="/a.archive", seen=was)]
    if lost:
        watched.append(seen(operation="written", kind="backup", object="watch", errno="EOVERFLOW"))
    found = judged("BACK-05", *watched, seen(operation="backup", kind="backup", object="db", seen=archive))
    assert ruling in {one.ruling for one in found if one.surface in ("db", "/a.archive")}
    assert not lost or Ruling.PASS not in {one.ruling for one in found}
    every = {name: {"is": "0600", "must": "0600", "acl": []} for name in ("age-key",)}
    moments = [
        seen(operation="modes", kind="modes", object=name, seen={"surfaces": every})
        for name in ("boot", "later", "live")
    ]
    made = [
        seen(operation="made", kind="modes", object=one.object, errno=one.errno or "OK",
             seen={**one.seen, "surfaces": {"age-key": "0600"}} if one.seen else {}) for one in watched
    ]  # fmt: skip
    found = judged("MODE-08", *moments, *made)
    assert [one.ruling for one in found if one.surface == "from-the-first-byte"] == [ruling]
