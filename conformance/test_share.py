"""SHARE: several users on one host: roots of one's own and of a group's, two at once, and what a backup holds."""

from __future__ import annotations

from collections.abc import Iterator

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
    elif odd or one.seen["problem"]:
        yield bench.undecided("; ".join(odd[:3]) or one.seen["problem"], [one], posture=POSTURE)
    else:
        text = f"EACCES for each of {len(files)} files, {len(loose)} of which their modes open to all"
        yield bench.passed(text, [one], one if loose else None, posture=POSTURE)


@check("SHARE-02", needs=("shares",))
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


@check("SHARE-05", needs=("shares",))
def two_users_share_nothing(bench: Bench) -> Iterator[Verdict]:
    one = bench.facts.first(POSTURE, "two-users")
    if one is None:
        yield bench.unobserved(POSTURE)
    elif found := [*one.seen["common"], *one.seen["crossed"]]:
        yield bench.failed(f"left where both come, or of the other: {', '.join(found[:5])}", [one], posture=POSTURE)
    elif one.seen["problem"]:
        yield bench.undecided(one.seen["problem"], [one], posture=POSTURE)
    else:
        control = one if all(one.seen["own"].values()) else None
        yield bench.passed("nothing in common places, nothing of the other", [one], control, posture=POSTURE)
