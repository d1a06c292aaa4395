"""FPR: a grant is bound to the bytes that were locked. Who ran is the kernel's word, why is the gateway's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from wallbite.checks import Bench, check
from wallbite.observation import OK, Observation
from wallbite.verdict import Verdict

MAIN = ("fingerprints",)
RELOCKED, NEVER, HOLDER = "code-entrypoint", "code-never", "code-holder"
KINDS = (
    "manifest",
    "entrypoint",
    "interpreter",
    "interpreter-by-env",
    "module",
    "bytecode",
    "shared-object",
    "link",
    "execute-bit",
    "added",
    "removed",
    "renamed",
)


def strayed(one: Observation, wanted: str) -> str:
    """How what ran was not one process that is wholly the account's (``expected`` or ``lowered``); or nothing."""
    ids = one.seen[wanted]
    if not one.seen["ran"]:
        return f"it did not run: {told(one)}"
    for who in one.seen["ran"]:
        if set(who["uids"]) != {ids["uid"]} or set(who["gids"]) != {ids["gid"]}:
            return f"it ran as uids {sorted(set(who['uids']))}, gids {sorted(set(who['gids']))}, expected {ids['uid']}"
        if set(who["groups"]) - {ids["gid"]} or any(int(each, 16) for each in who.get("caps", ())):
            return f"it ran as {ids['uid']} with groups {who['groups']} or capabilities beside"
    return ""


def told(one: Observation) -> str:
    """What the gateway said of the job."""
    said: dict[str, Any] = dict(one.seen)
    return said.get("problem") or f"{said['status']} {said['error']} after {said['attempts']} attempts"


def unknown(one: Observation) -> str:
    """Why nothing is known of a run that left no trace; or nothing, where the gateway says that it came to an end."""
    if one.seen["ran"] or one.seen["finished"]:
        return ""
    return f"what came of it is not told: {told(one)}"


def code(bench: Bench, posture: str, name: str, step: str) -> Observation | None:
    """What came of one plugin at one moment."""
    return bench.facts.first(posture, "code", object=name, step=step)


def granted(bench: Bench, posture: str, name: str, step: str) -> Observation | None:
    """The same, where it ran as what it was granted."""
    one = code(bench, posture, name, step)
    return one if one is not None and not strayed(one, "expected") else None


def keeps(bench: Bench, one: Observation, control: Observation | None, reason: str, scope: dict[str, str]) -> Verdict:
    """The verdict on a plugin that must run as it was granted."""
    if why := unknown(one):
        return bench.undecided(why, [one], **scope)
    if wrong := strayed(one, "expected"):
        return bench.failed(wrong, [one], **scope)
    return bench.passed(reason, [one], control, **scope)


def lowered(bench: Bench, one: Observation, control: Observation | None, reason: str, scope: dict[str, str]) -> Verdict:
    """The verdict on a plugin that must run as ``untrusted``."""
    if why := unknown(one):
        return bench.undecided(why, [one], **scope)
    if wrong := strayed(one, "lowered"):
        return bench.failed(wrong, [one], **scope)
    return bench.passed(reason, [one], control, **scope)


@check("FPR-01", needs=MAIN)
def unchanged_code_keeps_its_grant(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        control = bench.facts.first(posture, "locked", object="at-first", errno=OK)
        names = [*(f"code-same-{account}" for account in bench.accounts), "code-rewritten", "code-steady"]
        for name in names:
            scope = {"posture": posture, "surface": name.removeprefix("code-")}
            one = code(bench, posture, name, "after")
            if one is None:
                yield bench.unobserved(**scope)
            else:
                yield keeps(bench, one, control, "its bytes are as they were locked, and it ran as granted", scope)


@check("FPR-02", needs=MAIN)
def changed_code_runs_as_untrusted(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        for name in (RELOCKED, *(("code-free",) if "default" in bench.accounts else ())):
            scope = {"posture": posture, "surface": name.removeprefix("code-")}
            one, control = code(bench, posture, name, "after"), granted(bench, posture, name, "before")
            if one is None:
                yield bench.unobserved(**scope)
            elif not strayed(one, "lowered") and not one.seen["said"]["downgraded"]:
                yield bench.failed("no event names the plugin, from which account and to which", [one], **scope)
            else:
                yield lowered(bench, one, control, "it ran as untrusted, and an event names it, from and to", scope)


@check("FPR-04", needs=MAIN)
def a_changed_holder_does_not_run(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        scope = {"posture": posture}
        one, control = code(bench, posture, HOLDER, "after"), granted(bench, posture, HOLDER, "before")
        named = bench.facts.setting.declared["code-refusals"].get("principal", "")
        if one is None:
            yield bench.unobserved(**scope)
        elif not named:
            yield bench.undecided(
                "the descriptor does not say how a plugin with a principal is refused", [one], **scope
            )
        elif wrong := not_refused(one, named):
            yield bench.failed(wrong, [one], **scope)
        elif not one.seen["said"]["code-refused"]:
            yield bench.failed("no security event names the plugin", [one], **scope)
        elif why := unknown(one):
            yield bench.undecided(why, [one], **scope)
        else:
            yield bench.passed(
                "it did not run, so no secret came to it; refused once, and said", [one], control, **scope
            )


def not_refused(one: Observation, error: str) -> str:
    """How a job was not refused for good, with this error class; or nothing."""
    seen = one.seen
    if seen["ran"]:
        return f"it ran, as uids {sorted(set(seen['ran'][0]['uids']))}"
    if isinstance(seen["attempts"], int) and seen["attempts"] > 1:
        return f"{seen['attempts']} attempts, expected exactly one"
    if seen["finished"] and error and seen["error"] != error:
        return f"its error is {seen['error']!r}, the descriptor says {error!r}"
    return ""


@check("FPR-05", needs=MAIN)
def never_locked_counts_as_changed(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        one, control = code(bench, posture, NEVER, "before"), granted(bench, posture, NEVER, "relocked")
        if one is None:
            yield bench.unobserved(posture)
        else:
            yield lowered(bench, one, control, "it ran as untrusted until it was locked", {"posture": posture})


@check("FPR-06", needs=MAIN)
def every_part_of_the_code_counts(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        for kind in KINDS:
            scope, name = {"posture": posture, "surface": kind}, f"code-{kind}"
            one, control = code(bench, posture, name, "after"), granted(bench, posture, name, "before")
            if one is None:
                yield bench.unobserved(**scope)
            else:
                yield lowered(bench, one, control, f"with another {kind} it ran as untrusted", scope)


@check("FPR-08", needs=MAIN)
def only_the_owner_locks(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        yield from tries_of_others(bench, posture)
        for name in (RELOCKED, NEVER):
            scope = {"posture": posture, "surface": f"{name.removeprefix('code-')} locked by the owner"}
            one = code(bench, posture, name, "relocked")
            before = code(bench, posture, name, "tried")
            if one is None:
                yield bench.unobserved(**scope)
            else:
                yield keeps(bench, one, before, "locked again by the owner, it ran as granted", scope)


def tries_of_others(bench: Bench, posture: str) -> Iterator[Verdict]:
    """The verdicts on accounts that ran the verb: the records stayed, and the plugins were not granted anything."""
    tries = bench.facts.find(posture, "lock-try")
    control = bench.facts.first(posture, "lock-control", errno=OK)
    after = [one for name in (RELOCKED, NEVER) if (one := code(bench, posture, name, "tried"))]
    if not tries or len(after) != 2:
        yield bench.unobserved(posture, surface="locked by others")
        return
    for one in tries:
        scope = {"posture": posture, "account": one.account, "surface": f"locks with {one.object}"}
        if one.seen["before"] != one.seen["after"]:
            yield bench.failed("an account that is not the owner changed the lock records", [one], **scope)
        elif raised := [each for each in after if not strayed(each, "expected")]:
            yield bench.failed("after others than the owner locked it, it ran as granted", [one, *raised], **scope)
        elif one.seen["exit"] is None:
            yield bench.undecided(f"the verb could not be run: {one.seen['said']}", [one], **scope)
        else:
            yield bench.passed(
                "the records stayed as they were, and so did the accounts", [one, *after], control, **scope
            )
