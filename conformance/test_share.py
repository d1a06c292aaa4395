"""SHARE: several users on one host: roots of one's own and of a group's, two at once, and what a backup holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from wallbite.checks import Bench, check
from wallbite.verdict import Verdict

POSTURE = "unprivileged"


@check("SHARE-01", needs=("shares",))
def an_own_root_is_closed(bench: Bench) -> Iterator[Verdict]:
    one = bench.facts.first(POSTURE, "own-root")
    if one is None:
        yield bench.unobserved(POSTURE)
        return
    files = one.seen["files"]
    reached = [path for path, _, other, _ in files if other == "OK"]
    odd = [f"{path}: {other}" for path, _, other, _ in files if other not in {"OK", "EACCES"}]
    loose = [path for path, mode, _, owner in files if int(mode, 8) & 0o004 and owner == "OK"]
    if reached or int(one.seen["root"], 8) & 0o077:
        told = f"the root is {one.seen['root']} after a run; somebody else opened {', '.join(reached[:5]) or 'nothing'}"
        yield bench.failed(told, [one], posture=POSTURE)
    elif odd or one.seen["problem"] or one.seen["more"]:
        why = "; ".join(odd[:3]) or one.seen["problem"] or f"{one.seen['more']} files more were not tried"
        yield bench.undecided(why, [one], posture=POSTURE)
    else:
        text = f"EACCES for each of {len(files)} files, {len(loose)} of which their modes open to all"
        yield bench.passed(text, [one], one if loose else None, posture=POSTURE)


@check("SHARE-02.1", needs=("shares",))
def channels_stay_owner_only_in_a_shared_root(bench: Bench) -> Iterator[Verdict]:
    one = bench.facts.first(POSTURE, "group-root")
    if one is None:
        yield bench.unobserved(POSTURE)
        return
    for channel, member, owner, _ in one.seen["files"]:
        scope = {"posture": POSTURE, "surface": channel}
        if member == "OK":
            yield bench.failed("a member of the group opens it", [one], **scope)
        elif member != "EACCES" or owner != "OK":
            why = f"member: {member}, owner: {owner}; {one.seen['problem']}"
            yield bench.undecided(why, [one], **scope)
        else:
            control = one if one.seen["plain"] == "OK" else None
            yield bench.passed("EACCES for a member, whom the root's default list lets in", [one], control, **scope)


WORDS = {"OK": "open", "EACCES": "closed"}
MOMENTS = ("default", "entry", "rewritten")


@check("SHARE-02.2", needs=("shares",))
def access_lists_do_what_is_said(bench: Bench) -> Iterator[Verdict]:
    said = bench.facts.setting.declared["access-lists"]
    if not said:
        yield bench.inapplicable("its documentation says nothing of access lists")
        return
    one = bench.facts.first(POSTURE, "access-lists")
    for channel in bench.facts.setting.declared["channels"]:
        scope = {"posture": POSTURE, "surface": channel}
        seen = next((file for name, *file in one.seen["files"] if name == channel), None) if one else None
        if one is None or seen is None:
            yield bench.unobserved(**scope)
            continue
        found = {moment: seen[number] for number, moment in enumerate(MOMENTS) if moment in said}
        bad = [f"{name} is {WORDS[got]}" for name, got in found.items() if got in WORDS and WORDS[got] != said[name]]
        odd = [f"{name}: {got}" for name, got in found.items() if got not in WORDS]
        if bad:
            yield bench.failed(f"{'; '.join(bad)}: the documentation says otherwise", [one], **scope)
        elif odd:
            yield bench.undecided("; ".join(odd), [one], **scope)
        else:
            control = one if one.seen["plain"] == "OK" and seen[3] == "OK" else None
            told = ", ".join(f"{name} {word}" for name, word in said.items())
            yield bench.passed(f"as the documentation says: {told}", [one], control, **scope)


@check("SHARE-03", needs=("shares",))
def a_backup_holds_the_audit_surfaces(bench: Bench) -> Iterator[Verdict]:
    one = bench.facts.first(POSTURE, "backup")
    for name in ("transcript", "raw-result", "checkpoint", "audit"):
        scope = {"posture": POSTURE, "surface": name}
        if one is None:
            yield bench.unobserved(**scope)
        elif name not in one.seen["laid"]:
            yield bench.undecided("the run left nothing of it that could be kept", [one], **scope)
        elif name not in one.seen["kept"]:
            yield bench.failed("it is not in the backup", [one], **scope)
        else:
            yield bench.passed("its content is in the backup", [one], one, **scope)


@check("SHARE-04.1", needs=("keeping",))
def events_of_a_daemon_are_kept(bench: Bench) -> Iterator[Verdict]:
    one = bench.facts.first(POSTURE, "restart")
    if one is None:
        yield bench.unobserved(POSTURE)
        return
    runs = one.seen.get("runs", [])
    bad = [lost for run in runs if (lost := only_elsewhere(run))]
    if runs and runs[0]["durable"] and not one.seen["kept"]:
        bad.append("what it had logged is gone after a restart")
    if bad:
        yield bench.failed("; ".join(dict.fromkeys(bad)), [one], posture=POSTURE)
    elif one.seen["problem"]:
        yield bench.undecided(one.seen["problem"], [one], posture=POSTURE)
    elif not all(run["durable"] for run in runs):
        yield bench.undecided(
            "its start was seen nowhere, neither in a file nor in what it prints", [one], posture=POSTURE
        )
    else:
        control = one if all(run["lived"] for run in runs) else None
        text = f"each of {len(runs)} starts stands in a file of the root's, the first after the second too"
        yield bench.passed(text, [one], control, posture=POSTURE)


def only_elsewhere(run: dict[str, Any]) -> str:
    """Where a start was told of, if it was not in a file that lasts."""
    if run["durable"]:
        return ""
    if run["fleeting"]:
        return f"its start stands only in {run['fleeting'][0]}, which does not last"
    return "its start stands in no file, only in what it prints" if run["printed"] else ""


@check("SHARE-04.2", needs=("keeping",))
def telemetry_is_kept(bench: Bench) -> Iterator[Verdict]:
    one = bench.facts.first(POSTURE, "telemetry")
    for name, judge in {"restart": over_a_restart, "rotation": over_a_rotation, "backup": in_a_backup}.items():
        scope = {"posture": POSTURE, "surface": name}
        if one is None:
            yield bench.unobserved(**scope)
        elif one.seen["problem"] or not one.seen["before"][1]:
            yield bench.undecided(one.seen["problem"] or "no file holds the record that was made", [one], **scope)
        elif bad := judge(one.seen):
            yield bench.failed(bad, [one], **scope)
        elif name == "backup" and one.seen["backup"]:
            yield bench.undecided(one.seen["backup"], [one], **scope)
        else:
            yield bench.passed("each record is there", [one], one, **scope)


def over_a_restart(seen: Mapping[str, Any]) -> str:
    return "" if seen["before"][0] else "the first record is gone once another process has made a second"


def over_a_rotation(seen: Mapping[str, Any]) -> str:
    before, after = seen["before"], seen["after"]
    if any(there and not still for there, still in zip(before, after, strict=False)):
        return "what was recorded before a rotation is gone after it"
    return "" if after[2] else "after a rotation nothing more is recorded"


def in_a_backup(seen: Mapping[str, Any]) -> str:
    lost = [number for number, held in enumerate(seen["archived"]) if seen["after"][number] and not held]
    words = ("the first record, rotated", "the second record, rotated", "the last record")
    return f"not in the backup: {', '.join(words[number] for number in lost)}" if lost and not seen["backup"] else ""


@check("SHARE-05", needs=("shares",))
def two_users_share_nothing(bench: Bench) -> Iterator[Verdict]:
    one = bench.facts.first(POSTURE, "two-users")
    if one is None:
        yield bench.unobserved(POSTURE)
        return
    served = one.seen["daemons"]
    found = [*one.seen["common"], *one.seen["crossed"]]
    bad = [f"left where both come, or of the other: {', '.join(found[:5])}"] if found else []
    bad += [f"the daemon of {who} is told of in the other's root" for who, seen in served.items() if seen["crossed"]]
    if any(seen["lived"] for seen in served.values()):
        bad += [
            f"the daemon of {who} comes up alone, and not beside the other's"
            for who, up in one.seen["alone"].items()
            if up
        ]
    if bad:
        yield bench.failed("; ".join(bad), [one], posture=POSTURE)
    elif one.seen["problem"]:
        yield bench.undecided(one.seen["problem"], [one], posture=POSTURE)
    elif not served:
        yield bench.undecided("the descriptor has no call `daemon`", [one], posture=POSTURE)
    else:
        each = all(seen["lived"] and seen["own"] for seen in served.values())
        control = one if all(one.seen["own"].values()) and each else None
        text = "two runs and two daemons: nothing in common places, nothing of the other"
        yield bench.passed(text, [one], control, posture=POSTURE)
