"""FPR: what was verified is what runs, and who lost an account reaches nothing of it."""

from __future__ import annotations

from collections.abc import Iterator

from wallbite.checks import Bench, check
from wallbite.observation import OK, Observation
from wallbite.verdict import Verdict

WAYS = ("rename", "symlink", "in-place", "module", "interpreter")
CLOSED = ("file", "directory")
TRIES = 2000  # in all ways together


@check("FPR-07", needs=("code-race", "fingerprints"))
def what_was_verified_is_what_runs(bench: Bench) -> Iterator[Verdict]:
    posture = bench.postures[0]  # the case is run in the first of them
    tries = sum(one.seen["tries"] for one in bench.facts.find(posture, "race"))
    for way in WAYS:
        scope = {"posture": posture, "surface": way}
        one = bench.facts.first(posture, "race", object=way)
        yield race_verdict(bench, one, tries, scope) if one else bench.unobserved(**scope)
    for each in bench.postures:
        yield from place_verdicts(bench, each)


def place_verdicts(bench: Bench, posture: str) -> Iterator[Verdict]:
    """The verdicts on where a running program lies: no account may write or replace it, or what leads there."""
    for account in bench.accounts:
        scope = {"posture": posture, "account": account, "surface": "where it runs from"}
        tries = bench.facts.find(posture, "running-code", account=account)
        reached = [one for one in tries if one.errno in ("OK", "ENOTDIR", "EISDIR", "EBUSY", "ETXTBSY", "ENOTEMPTY")]
        control = bench.facts.first(posture, "running-code", account="root", errno=OK)
        if not tries:
            yield bench.unobserved(**scope)
        elif reached:
            yield bench.failed(f"it may {reached[0].seen['operation']} {reached[0].object}", reached, **scope)
        elif odd := [one for one in tries if one.errno not in ("EACCES", "EPERM", "EROFS")]:
            yield bench.undecided(f"{odd[0].seen['operation']} {odd[0].object} gave {odd[0].errno}", odd, **scope)
        else:
            yield bench.passed(f"{len(tries)} attempts on what runs and what leads there", tries, control, **scope)


def race_verdict(bench: Bench, one: Observation, tries: int, scope: dict[str, str]) -> Verdict:
    """The verdict on one way of swapping a program: its new bytes ran as ``untrusted`` and as nobody else."""
    seen, lower, own = one.seen, one.seen["lowered"].get("uid"), one.seen["expected"]["uid"]
    ran = [*seen["ran"], *seen["quiet"]]
    new = {uid: count for word, uid, count in ran if word == "new"}
    old = {uid: count for word, uid, count in seen["ran"] if word == "old"}
    if strange := sorted(uid for uid in new if uid != lower):
        count = sum(new[uid] for uid in strange)
        reason = f"new bytes ran as uid {strange[0]} in {count} of {seen['spawns']} spawns"
        return bench.failed(f"{reason} ({seen['tries']} swaps)", [one], **scope)
    if strange := sorted(uid for uid in old if uid not in (own, lower)):
        return bench.failed(f"old bytes ran as uid {strange[0]}", [one], **scope)
    lacking = {
        f"{tries} swaps in all, {TRIES} are needed": tries < TRIES,
        "undisturbed, the old program did not run as granted": [word_uid[:2] for word_uid in seen["quiet"]]
        != [["old", own]],
        "the old program never ran as granted while it was swapped": not old.get(own),
        "the new program never ran while it was swapped": not new.get(lower),
    }
    if why := next((text for text, true in lacking.items() if true), ""):
        return bench.undecided(f"{why}; jobs ended: {dict(seen['ends'])}", [one], **scope)
    reason = f"{seen['tries']} swaps, {seen['spawns']} spawns: new bytes ran {new[lower]} times, all as untrusted"
    return bench.passed(reason, [one], bench.facts.first(one.posture, "locked", kind=one.kind), **scope)


@check("FPR-15", needs=("fingerprints",))
def copies_open_nothing(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        for kind in CLOSED:
            scope = {"posture": posture, "surface": f"closed {kind}"}
            one, control = (bench.facts.first(posture, name, object=kind) for name in ("copied", "closed"))
            yield copies_verdict(bench, one, control, scope) if one and control else bench.unobserved(**scope)


def copies_verdict(bench: Bench, one: Observation, control: Observation, scope: dict[str, str]) -> Verdict:
    """The verdict on what a link in a plugin's code leads to: closed before, and closed in every copy."""
    seen = one.seen
    if control.errno != OK:
        why = f"the gateway's user reads what was planted as {control.seen['owner']}, accounts {control.seen['others']}"
        return bench.undecided(why, [control], **scope)
    if seen["opened"]:
        name, path = seen["opened"][0]
        return bench.failed(f"{name} reads in {path} what was closed to it", [one], **scope)
    if seen["odd"]:
        return bench.undecided(f"reading a copy gave {', '.join(seen['odd'])}, expected EACCES", [one], **scope)
    if seen["problem"] or not seen["finished"]:
        return bench.undecided(f"the job of the plugin did not end: {seen['problem']}", [one], **scope)
    return bench.passed(
        f"{seen['copies']} copies, none open; its job ended {seen['status']!r}", [one], control, **scope
    )


@check("FPR-11", needs=("fingerprints",))
def nothing_is_left_of_the_former_account(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        tries = bench.facts.find(posture, "former", step="downgraded", account="untrusted")
        one = bench.facts.first(posture, "downgraded")
        for name in ("directory", "process", "keyring"):
            scope = {"posture": posture, "account": "untrusted", "surface": f"former {name}"}
            found = [each for each in tries if part(each) == name]
            if one is None or not found:
                yield bench.unobserved(**scope)
            else:
                yield former_verdict(bench, one, found, scope)


def part(one: Observation) -> str:
    """What of an account an attempt was made on."""
    if one.seen["operation"].startswith("key-"):
        return "keyring"
    return "process" if one.object.partition(" ")[2].startswith("process-of:") else "directory"


def former_verdict(bench: Bench, who: Observation, tries: list[Observation], scope: dict[str, str]) -> Verdict:
    """The verdict on what a downgraded plugin attempted: each as the table says, and each done by root or the owner."""
    if set(who.seen["uids"]) != {who.seen["lowered"]["uid"]}:
        return bench.failed(f"it was not downgraded: it ran as uids {sorted(set(who.seen['uids']))}", [who], **scope)
    table = bench.facts.tables["errnos"]["operations"]
    reached = [one for one in tries if one.errno in table[one.seen["operation"]]["reached"] and not visible(one)]
    if reached:
        return bench.failed(f"{reached[0].object} ({reached[0].layout}) succeeded", reached, **scope)
    odd = [one for one in tries if one.errno not in expected(bench, one) and not visible(one)]
    if odd:
        return bench.undecided(f"{odd[0].object} ({odd[0].layout}) gave {odd[0].errno}", odd, **scope)
    for one in tries:
        if not controlled(bench, one):
            return bench.undecided(f"no control for {one.object}: nobody was seen to succeed at it", [one], **scope)
    control = next(found for one in tries if (found := controlled(bench, one)))
    return bench.passed(f"{len(tries)} attempts, each refused", [who, *tries], control, **scope)


def visible(one: Observation) -> bool:
    """Metadata is everybody's who may pass through the directories above; that is no wall."""
    return one.seen["operation"] == "stat"


def expected(bench: Bench, one: Observation) -> list[str]:
    """The errnos that mean that the wall bites, wherever the object lies."""
    row = bench.facts.tables["errnos"]["operations"][one.seen["operation"]]
    listed = [row[column] for column in ("closed", "open") if row[column] != "allowed"]
    flat = [each for part in listed for each in (part.values() if isinstance(part, dict) else [part])]
    return [errno for part in flat for errno in part]


def controlled(bench: Bench, one: Observation) -> Observation | None:
    """Root's or the owner's success at the same; possession of a key is shown by its search."""
    reached = bench.facts.tables["errnos"]["operations"][one.seen["operation"]]["reached"]
    found = bench.facts.find(one.posture, "former", step="former-control", layout=one.layout)
    if one.seen["operation"].startswith("key-"):
        return next((each for each in found if each.object == "key-search own-key" and each.errno == OK), None)
    return next((each for each in found if each.object == one.object and each.errno in reached), None)
