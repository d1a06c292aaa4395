"""BOOT: what a gateway says and does around its gate: reload, warnings, override, installed files, utility verbs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from wallbite.checks import Bench, check
from wallbite.observation import OK, Observation
from wallbite.postures import POSTURES
from wallbite.verdict import Verdict

SETID = 0o6000


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
    after = bench.facts.find(one.posture, "identity", kind="reload", step=f"after-{one.object}")
    foreign = [who for who in after if {*who.seen["uids"], who.seen["file_uid"]} != {who.seen["expected"]["uid"]}]
    if foreign:
        return bench.failed(f"after the reload a plugin ran as uids {foreign[0].seen['uids']}", [one, *foreign], **scope)
    if one.seen["expected"] == "refused" and one.seen["accepted"]:
        return bench.failed("a violating configuration was accepted", [one], **scope)
    if one.seen["ended"]:
        return bench.failed("the gateway ended on a reload; the old configuration must stay in force", [one], **scope)
    if one.seen["expected"] == "accepted" and one.seen["refused"]:
        return bench.failed("a sound configuration was refused", [one], **scope)
    if not (one.seen["accepted"] or one.seen["refused"]) or not after:
        return bench.undecided("the reload was not answered, or no plugin ran after it", [one], **scope)
    control = next((other for other in reloads if other.seen["expected"] != one.seen["expected"]), None)
    return bench.passed(f"{one.seen['expected']}, and a plugin landed on its account afterwards", [one, *after], control, **scope)


@check("BOOT-10", needs=("verbs",))
def check_warns_of_what_would_not_enforce(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        sound = bench.facts.first(posture, "check", object="sound")
        for variant in ("secrets-unconfined", "override-beside-accounts"):
            one = bench.facts.first(posture, "check", object=variant)
            yield warning_verdict(bench, one, sound, variant) if one and sound else bench.unobserved(posture, surface=variant)


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
        complete = bench.facts.first(posture, "tiers", object="complete")
        for tier in ("default", "untrusted"):
            scope = {"posture": posture, "surface": tier}
            one = bench.facts.first(posture, "tiers", object=f"without-{tier}")
            if not one or not complete:
                yield bench.unobserved(**scope)
            elif not one.seen["came_up"]:
                yield bench.undecided(f"it did not come up: {one.seen['tail']}", [one], **scope)
            elif one.seen["warnings"][tier] != 1:
                yield bench.failed(f"{one.seen['warnings'][tier]} warnings, expected one", [one], **scope)
            elif any(complete.seen["warnings"].values()):
                yield bench.undecided("it warns also where both tiers exist", [one, complete], **scope)
            else:
                yield bench.passed("one warning, and none where the tier exists", [one], complete, **scope)


@check("BOOT-13", needs=("verbs",))
def carries_no_privilege_as_installed(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        files = bench.facts.find(posture, "installed")
        if not files:
            yield bench.unobserved(posture)
            continue
        yield installed_verdict(bench, posture, files)


def installed_verdict(bench: Bench, posture: str, files: list[Observation]) -> Verdict:
    """The verdict on mode and ``security.capability`` of every installed file."""
    program = bench.facts.setting.declared["program"]
    setid = [one for one in files if one.seen["kind"] == "file" and int(one.seen["mode"], 8) & SETID]
    if setid:
        return bench.failed(f"{setid[0].object} has mode {setid[0].seen['mode']}", setid, posture=posture)
    capable = [one for one in files if one.seen["capability"]]
    stray = [one for one in capable if not POSTURES[posture].file_capabilities or one.object != program]
    if stray:
        return bench.failed(f"{stray[0].object} carries file capabilities {stray[0].seen['capability']}", stray, posture=posture)
    runs = bench.facts.find(posture, "execute", object="program", vantage="dropped")
    outsiders = [one for one in runs if one.account != "gateway"]
    if capable and [one for one in outsiders if one.errno == OK]:
        return bench.failed("an account may execute the file that carries capabilities", outsiders, posture=posture)
    if capable and (not outsiders or any(one.errno != "EACCES" for one in outsiders)):
        return bench.undecided("whether an account may execute it was not seen", outsiders, posture=posture)
    control = next((one for one in runs if one.account == "gateway" and one.errno == OK), None)
    return bench.passed(f"{len(files)} files: no setuid or setgid, {len(capable)} with file capabilities", [*capable, *files], control, posture=posture)


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
    if one.seen["exit"] == 0 or not one.seen["names_key"]:
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
    if not seen["came_up"] or not seen["witness"]:
        return bench.undecided(f"it did not come up, or its plugin did not answer: {seen['tail']}", [one], posture=posture)
    dropped = [who["uids"] for who in seen["witness"] if set(who["uids"]) != {seen["gateway"]["uid"]}]
    if dropped:
        return bench.failed(f"a plugin ran as uids {dropped[0]}, expected the gateway's", [one], posture=posture)
    if seen["changed"]:
        return bench.failed(f"it changed {', '.join(seen['changed'][:5])}", [one], posture=posture)
    if seen["undropped_lines"] < len(seen["witness"]):
        return bench.failed(
            f"{seen['undropped_lines']} lines say that a spawn was not dropped, for {len(seen['witness'])} spawns", [one], posture=posture
        )
    control = bench.facts.first(posture, "reconciled", kind="override", errno=OK)
    return bench.passed("plugins ran as the gateway, no mode changed, each spawn was said", [one], control, posture=posture)


@check("BOOT-16", needs=("verbs",))
def gives_nothing_to_who_runs_its_verbs(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        runs = bench.facts.find(posture, "verb")
        if not runs:
            yield bench.unobserved(posture)
        for one in runs:
            yield verb_verdict(bench, one)


def verb_verdict(bench: Bench, one: Observation) -> Verdict:
    """The verdict on one verb, run by one account under a tracer: ids and sets at each exec and at its end."""
    scope = {"posture": one.posture, "account": one.account, "surface": one.object}
    if not one.seen["stops"]:
        return bench.undecided("the verb was never executed", [one], **scope)
    for stop in one.seen["stops"]:
        uid = one.seen["expected"]["uid"]
        if set(stop["uids"]) != {uid} or set(stop["gids"]) != {uid}:
            return bench.failed(f"at {stop['event']} its uids were {stop['uids']}, gids {stop['gids']}", [one], **scope)
        if int(stop["permitted"], 16) or int(stop["effective"], 16):
            return bench.failed(f"at {stop['event']} it held capabilities {stop['permitted']}", [one], **scope)
    key = bench.facts.first(one.posture, "read", account=one.account, object="age-key", kind="verbs")
    if key is None or key.errno != "EACCES":
        got = key.errno if key else "nothing"
        say = bench.failed if key and key.errno == OK else bench.undecided
        return say(f"reading the key gave {got}, expected EACCES", [one, *([key] if key else [])], **scope)
    control = bench.facts.first(one.posture, "read", account="gateway", object="age-key", kind="verbs", errno=OK)
    return bench.passed("ids and capabilities are the account's own at every exec and at the end", [one, key], control, **scope)
