"""BOOT: what a gateway says and does around its gate: reload, warnings, override, installed files, utility verbs."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

from wallbite.checks import Bench, check
from wallbite.observation import OK, Observation
from wallbite.postures import POSTURES
from wallbite.verdict import Verdict

SETID = 0o6000
SETS = ("permitted", "effective", "inheritable", "ambient")
BOOTS = {"complete", "without-default", "without-untrusted", "without-both"}


@check("BOOT-09", needs=("reload",))
def judges_again_on_reload(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        reloads = bench.facts.find(posture, "reload")
        if not reloads:
            yield bench.unobserved(posture)
        for one in reloads:
            yield reload_verdict(bench, one, reloads)


def reload_verdict(bench: Bench, one: Observation, reloads: list[Observation]) -> Verdict:
    """The verdict on one reload: judged as expected, and a plugin lands on its account afterwards."""
    scope = {"posture": one.posture, "surface": one.object}
    before = bench.facts.first(one.posture, "landed", object="before")
    after = bench.facts.first(one.posture, "landed", object=one.object)
    seen = [one, *([after] if after else [])]
    if after and (text := strange(dict(after.seen))):
        return bench.failed(f"after the reload a plugin ran as {text}", seen, **scope)
    if one.seen["expected"] == "refused" and one.seen["accepted"]:
        return bench.failed("a violating configuration was accepted", seen, **scope)
    if one.seen["ended"] or (after and after.seen["ended"]):
        return bench.failed("the gateway ended on a reload; the old configuration must stay in force", seen, **scope)
    if one.seen["expected"] == "accepted" and one.seen["refused"]:
        return bench.failed("a sound configuration was refused", seen, **scope)
    if before and before.seen["uids"] and one.seen["refused"] and after and gave_up(after.seen["problem"]):
        return bench.failed(f"the refused configuration is in force: {after.seen['problem']}", seen, **scope)
    if not (one.seen["accepted"] or one.seen["refused"]) or not after or not after.seen["uids"]:
        return bench.undecided("the reload was not answered, or no plugin ran after it", seen, **scope)
    control = next((other for other in reloads if other.seen["expected"] != one.seen["expected"]), None)
    return bench.passed(
        f"{one.seen['expected']}, and a plugin landed on its account afterwards", seen, control, **scope
    )


def strange(who: dict[str, Any]) -> str:
    """The ids of a plugin that ran, where they are not those of the account that it was to land on; or nothing."""
    expected = who["expected"]
    if not who["uids"] or (
        set(who["uids"]) == {expected["uid"]} and {*who["gids"], *who["groups"]} == {expected["gid"]}
    ):
        return ""
    return f"uids {who['uids']} gids {who['gids']} groups {who['groups']}, expected {expected['uid']}"


def gave_up(problem: str) -> bool:
    """Whether the gateway itself said that it did not run the plugin."""
    return problem.startswith(("the job ended", "the gateway answered"))


@check("BOOT-10", needs=("verbs",))
def check_warns_of_what_would_not_enforce(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        sound = bench.facts.first(posture, "check", object="sound")
        for variant in ("secrets-unconfined", "override-beside-accounts"):
            one = bench.facts.first(posture, "check", object=variant)
            yield (
                warning_verdict(bench, one, sound, variant)
                if one and sound
                else bench.unobserved(posture, surface=variant)
            )


def warning_verdict(bench: Bench, one: Observation, sound: Observation, variant: str) -> Verdict:
    """The verdict on one warning of the ``check`` verb; a sound configuration must not get it."""
    scope = {"posture": one.posture, "surface": variant}
    if one.seen["exit"] != 0:
        return bench.failed(f"check ended with {one.seen['exit']}, expected 0: {one.seen['tail']}", [one], **scope)
    if not one.seen["said"][variant]:
        return bench.failed("check gave no warning", [one], **scope)
    if sound.seen["exit"] != 0 or sound.seen["said"][variant]:
        return bench.undecided("a sound configuration gets the same warning, or is refused", [one, sound], **scope)
    return bench.passed("check warned and ended with 0", [one], sound, **scope)


@check("BOOT-11", needs=("tiers",))
def warns_of_a_missing_tier(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        boots = {one.object: one for one in bench.facts.find(posture, "tiers")}
        if set(boots) < BOOTS:
            yield bench.unobserved(posture)
            continue
        for tier in ("default", "untrusted"):
            yield tier_verdict(bench, posture, tier, boots)


def tier_verdict(bench: Bench, posture: str, tier: str, boots: dict[str, Observation]) -> Verdict:
    """The verdict on one tier: one warning at each boot without it, and none at each with it."""
    scope, seen = {"posture": posture, "surface": tier}, list(boots.values())
    if down := [one for one in seen if not one.seen["came_up"]]:
        return bench.undecided(f"{down[0].object}: it did not come up: {down[0].seen['tail']}", down, **scope)
    for one in seen:
        wanted = int(one.object in ("without-both", f"without-{tier}"))
        if one.seen["warnings"][tier] != wanted:
            return bench.failed(
                f"{one.object}: {one.seen['warnings'][tier]} warnings, expected {wanted}", [one], **scope
            )
    return bench.passed("one warning without it, and none where it exists", seen, boots["complete"], **scope)


@check("BOOT-13", needs=("verbs",))
def carries_no_privilege_as_installed(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        files = bench.facts.find(posture, "installed")
        if not any(one.seen["program"] for one in files):
            yield bench.unobserved(posture)
            continue
        yield installed_verdict(bench, posture, files)


def installed_verdict(bench: Bench, posture: str, files: list[Observation]) -> Verdict:
    """The verdict on mode and ``security.capability`` of every installed file that has some, and of the program."""
    if setid := [one for one in files if int(one.seen["mode"], 8) & SETID]:
        return bench.failed(f"{setid[0].object} has mode {setid[0].seen['mode']}", setid, posture=posture)
    capable = [one for one in files if one.seen["capability"]]
    if stray := [one for one in capable if not POSTURES[posture].file_capabilities or not one.seen["program"]]:
        return bench.failed(
            f"{stray[0].object} carries file capabilities {stray[0].seen['capability']}", stray, posture=posture
        )
    if more := [one for one in capable if granted(one.seen["capability"]) != (POSTURES[posture].permitted, 0)]:
        return bench.failed(
            f"{more[0].object} carries more than it needs: {more[0].seen['capability']}", more, posture=posture
        )
    runs = bench.facts.find(posture, "execute", object="program", vantage="dropped")
    outsiders = [one for one in runs if one.account != "gateway"]
    if capable and [one for one in outsiders if one.errno == OK]:
        return bench.failed("an account may execute the file that carries capabilities", outsiders, posture=posture)
    walled = {one.account for one in outsiders if one.errno == "EACCES"}
    if capable and walled != set(bench.accounts):
        return bench.undecided("whether an account may execute it was not seen", outsiders, posture=posture)
    control = next((one for one in runs if one.account == "gateway" and one.errno == OK), None)
    return bench.passed(
        f"no setuid or setgid, {len(capable)} with file capabilities", [*capable, *files], control, posture=posture
    )


def granted(attribute: str) -> tuple[int, int]:
    """The permitted and the inheritable set of a ``security.capability`` attribute, in hexadecimal."""
    value = bytes.fromhex(attribute).ljust(20, b"\0")
    _, low, low_inheritable, high, high_inheritable = struct.unpack("<5I", value[:20])
    return low | high << 32, low_inheritable | high_inheritable << 32


@check("BOOT-14", needs=("unknown-keys",))
def refuses_unknown_keys_by_name(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        sound = bench.facts.first(posture, "unknown-key", object="none")
        keys = [one for one in bench.facts.find(posture, "unknown-key") if one.object != "none"]
        if not keys:
            yield bench.unobserved(posture)
        for one in keys:
            yield unknown_key_verdict(bench, one, sound)


def unknown_key_verdict(bench: Bench, one: Observation, sound: Observation | None) -> Verdict:
    """The verdict on one unknown key; the same document without it is what comes up."""
    scope = {"posture": one.posture, "surface": one.object}
    if one.seen["came_up"]:
        return bench.failed("it came up with an unknown key", [one], **scope)
    if one.seen["timed_out"] or one.seen["exit"] is None or one.seen["exit"] < 0:
        return bench.undecided("it neither came up nor refused", [one], **scope)
    if one.seen["exit"] == 0:
        return bench.failed("it ended with exit code 0", [one], **scope)
    if not one.seen["names_key"]:
        return bench.failed(f"the refusal does not name the key: {one.seen['tail']}", [one], **scope)
    control = sound if sound and sound.seen["came_up"] else None
    return bench.passed("refused, and the refusal names the key", [one], control, **scope)


@check("BOOT-15", needs=("override",))
def does_nothing_by_halves_under_the_override(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        one = bench.facts.first(posture, "override")
        yield override_verdict(bench, one, posture) if one else bench.unobserved(posture)


def override_verdict(bench: Bench, one: Observation, posture: str) -> Verdict:
    """The verdict on a gateway that was told not to enforce beside accounts that it could enforce."""
    seen: dict[str, Any] = dict(one.seen)
    spawns, own = seen["spawns"], seen["gateway"]
    if not seen["came_up"] or len(spawns) < 2:
        return bench.undecided(f"it did not come up: {seen['tail']}", [one], posture=posture)
    answered = [who for who in spawns if who["uids"]]
    if dropped := [who for who in answered if set(who["uids"]) != {own["uid"]} or set(who["gids"]) != {own["gid"]}]:
        text = f"a plugin ran as uids {dropped[0]['uids']} gids {dropped[0]['gids']}, expected the gateway's"
        return bench.failed(text, [one], posture=posture)
    if seen["changed"]:
        return bench.failed(f"it changed {', '.join(seen['changed'][:5])}", [one], posture=posture)
    if silent := [who for who in answered if who["lines"] < 1]:
        return bench.failed(
            f"{len(silent)} of {len(answered)} spawns were not said to be undropped", [one], posture=posture
        )
    if len(answered) < len(spawns):
        problems = "; ".join(who["problem"] for who in spawns if who["problem"])
        return bench.undecided(f"a plugin did not answer: {problems}", [one], posture=posture)
    control = bench.facts.first(posture, "reconciled", kind="override", errno=OK)
    return bench.passed(
        "plugins ran as the gateway, no mode changed, each spawn was said", [one], control, posture=posture
    )


@check("BOOT-16", needs=("verbs",))
def gives_nothing_to_who_runs_its_verbs(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        runs = bench.facts.find(posture, "verb")
        if {one.account for one in runs} < {"gateway", *bench.accounts[:2]}:
            yield bench.unobserved(posture)
        for one in runs:
            yield own_verdict(bench, one) if one.account == "gateway" else verb_verdict(bench, one)


def own_verdict(bench: Bench, one: Observation) -> Verdict:
    """The verdict on one verb, run by the gateway's own user: what it was started with is given up before its end."""
    scope = {"posture": one.posture, "account": one.account, "surface": one.object}
    ends = [stop for stop in one.seen["stops"] if stop["event"] == "exit"]
    if not ends or not one.seen["complete"] or one.seen["refused"]:
        return bench.undecided(f"the verb was not seen to its end {one.seen['refused']}".strip(), [one], **scope)
    if text := stranger(ends, one.seen["expected"], () if POSTURES[one.posture].root else SETS):
        return bench.failed(text, [one], **scope)
    control = bench.facts.first(one.posture, "read", account="gateway", object="age-key", kind="verbs", errno=OK)
    return bench.passed("it ends with its own ids and without capabilities", [one], control, **scope)


def verb_verdict(bench: Bench, one: Observation) -> Verdict:
    """The verdict on one verb, run by one account under a tracer: ids and sets at each exec and at its end."""
    scope = {"posture": one.posture, "account": one.account, "surface": one.object}
    if not one.seen["stops"] or not one.seen["complete"]:
        return bench.undecided("the verb was never executed, or did not end", [one], **scope)
    if one.seen["refused"] not in ("", "EACCES"):
        return bench.undecided(
            f"executing the program gave {one.seen['refused']}, expected EACCES or success", [one], **scope
        )
    if text := stranger(one.seen["stops"], one.seen["expected"], SETS):
        return bench.failed(text, [one], **scope)
    if one.seen["archive"]:
        return bench.failed(f"it was given an archive of {one.seen['archive']} bytes", [one], **scope)
    key = bench.facts.first(one.posture, "read", account=one.account, object="age-key", kind="verbs")
    if key is None or key.errno != "EACCES":
        got = key.errno if key else "nothing"
        say = bench.failed if key and key.errno == OK else bench.undecided
        return say(f"reading the key gave {got}, expected EACCES", [one, *([key] if key else [])], **scope)
    runs = bench.facts.find(one.posture, "verb", account="gateway", object=one.object)
    control = next((other for other in runs if other.seen["exit"] == 0), None)
    return bench.passed(
        "ids and capabilities are the account's own at every exec and at the end", [one, key], control, **scope
    )


def stranger(stops: list[dict[str, Any]], expected: dict[str, Any], sets: tuple[str, ...]) -> str:
    """How a process had other ids than its caller, or a capability in one of the sets; or nothing."""
    for stop in stops:
        if set(stop["uids"]) != {expected["uid"]} or set(stop["gids"]) != {expected["gid"]}:
            return f"at {stop['event']} its uids were {stop['uids']}, gids {stop['gids']}"
        if held := [f"{name} {stop[name]}" for name in sets if int(stop[name], 16)]:
            return f"at {stop['event']} it held capabilities: {', '.join(held)}"
    return ""
