"""FPR: records that are not whole, code that moved, a new build; and what has no lower place to go to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from wallbite.checks import Bench, check
from wallbite.observation import OK, Observation
from wallbite.verdict import Verdict

SPOILED = ("earlier", "truncated", "missing", "damaged", "forged", "older-schema")
OPTIONAL = {
    "forged": "a record holds nothing beside the fingerprint that could be of another day",
    "older-schema": "the descriptor names no older schema",
}
LOCKED, MOVED = "code-locked", "code-moved"
SAME, CHANGED, FAILS, DOOMED, FREE = "code-same", "code-changed", "code-fails", "code-doomed", "code-free"


def code(bench: Bench, posture: str, name: str, step: str) -> Observation | None:
    """What came of one plugin at one moment."""
    return bench.facts.first(posture, "code", object=name, step=step)


def ran_as(one: Observation | None, ids: Mapping[str, Any]) -> bool:
    """Whether it ran, and every id of it was this."""
    return one is not None and bool(one.seen["ran"]) and all(
        set(who["uids"]) == {ids["uid"]} and set(who["gids"]) == {ids["gid"]} for who in one.seen["ran"]
    )  # fmt: skip


def granted(one: Observation | None) -> Observation | None:
    """The same, where it ran as what it was granted; the control of what must not."""
    return one if one is not None and ran_as(one, one.seen["expected"]) else None


def who(one: Observation) -> str:
    """Who ran, or how the job ended."""
    if one.seen["ran"]:
        return f"it ran as uids {sorted({uid for each in one.seen['ran'] for uid in each['uids']})}"
    return f"it did not run: {one.seen['status']} {one.seen['error']} after {one.seen['attempts']} attempts"


def mismatched(bench: Bench, one: Observation, control: Observation | None, scope: dict[str, str]) -> Verdict:
    """The verdict on a plugin whose record must not count: it is lowered, or it is refused."""
    if one.seen["ran"] and not ran_as(one, one.seen["lowered"]):
        return bench.failed(who(one), [one], **scope)
    if not one.seen["ran"] and not (one.seen["finished"] and one.seen["error"]):
        return bench.undecided(f"{who(one)}; nobody says why", [one], **scope)
    return bench.passed(who(one), [one], control, **scope)


@check("FPR-09", needs=("lock-records",))
def records_that_are_not_whole_are_none(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        control = granted(code(bench, posture, LOCKED, "whole"))
        for name in SPOILED:
            scope = {"posture": posture, "surface": name}
            one, silent = code(bench, posture, LOCKED, name), bench.facts.first(posture, "no-boot", object=name)
            if one is not None:
                yield mismatched(bench, one, control, scope)
            elif silent is not None:
                yield bench.undecided("the gateway does not start with such records", [silent], **scope)
            elif name not in OPTIONAL or control is None:
                yield bench.unobserved(**scope)
            else:
                yield bench.inapplicable(OPTIONAL[name], **scope)


@check("FPR-12", needs=("lock-records",))
def code_that_moved_counts_as_changed(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        one, control = code(bench, posture, MOVED, "whole"), granted(code(bench, posture, MOVED, "locked-there"))
        if one is None:
            yield bench.unobserved(posture)
        elif code(bench, posture, MOVED, "locked-there") is None:
            yield bench.undecided("the descriptor names no other place for code", [one], posture=posture)
        else:
            yield mismatched(bench, one, control, {"posture": posture})


@check("FPR-13", needs=("lock-records",))
def a_new_build_keeps_the_grants(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        one, built = code(bench, posture, LOCKED, "rebuilt"), bench.facts.first(posture, "build")
        if one is None or built is None:
            yield bench.unobserved(posture)
        elif built.errno != OK:
            yield bench.undecided("it is no other build: its version is the same", [built], posture=posture)
        elif not ran_as(one, one.seen["expected"]):
            yield bench.failed(f"after a new build {who(one)}", [built, one], posture=posture)
        else:
            yield bench.passed(f"version {built.seen['after']} gave it what it had", [one], built, posture=posture)


@check("FPR-03", needs=("lock-tiers",))
def without_a_tier_nothing_runs(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        one, control = code(bench, posture, CHANGED, "no-tier"), granted(code(bench, posture, SAME, "no-tier"))
        again = code(bench, posture, FAILS, "no-tier")
        if one is None or again is None:
            yield bench.unobserved(posture)
        elif wrong := run_or_repeated(one):
            yield bench.failed(wrong, [one], posture=posture)
        elif one.seen["attempts"] != 1 or not one.seen["error"]:
            yield bench.undecided(f"{who(one)}: not told as a refusal", [one], posture=posture)
        elif not (isinstance(again.seen["attempts"], int) and again.seen["attempts"] > 1):
            reason = "an ordinary failure was not tried again either, so one attempt says nothing"
            yield bench.undecided(reason, [one, again], posture=posture)
        else:
            yield bench.passed(f"refused with {one.seen['error']!r}, once", [one, again], control, posture=posture)


def run_or_repeated(one: Observation) -> str:
    """How a plugin that has nowhere to go was started or tried again; or nothing."""
    if one.seen["ran"]:
        return who(one)
    more = isinstance(one.seen["attempts"], int) and one.seen["attempts"] > 1
    return f"{one.seen['attempts']} attempts, expected exactly one" if more else ""


@check("FPR-14", needs=("lock-tiers",))
def a_missing_tier_has_its_own_error(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        one, drop = code(bench, posture, CHANGED, "no-tier"), code(bench, posture, DOOMED, "no-tier")
        named = bench.facts.setting.declared["code-refusals"].get("tier", "")
        dropped = bench.facts.setting.declared["refusals"]["drop"]
        if one is None or drop is None:
            yield bench.unobserved(posture)
        elif one.seen["ran"]:
            yield bench.failed(f"it has no error at all: {who(one)}", [one], posture=posture)
        elif one.seen["error"] and one.seen["error"] in (drop.seen["error"], dropped):
            yield bench.failed(f"its error {one.seen['error']!r} is also a failed drop's", [one, drop], posture=posture)
        elif one.seen["error"] and named and one.seen["error"] != named:
            reason = f"its error is {one.seen['error']!r}, the descriptor says {named!r}"
            yield bench.failed(reason, [one], posture=posture)
        elif not one.seen["error"] or not named or drop.seen["error"] != dropped:
            yield bench.undecided(f"{who(one)}; a failed drop: {who(drop)}", [one, drop], posture=posture)
        else:
            reason = f"its error is {one.seen['error']!r}, a failed drop's {dropped!r}"
            yield bench.passed(reason, [one], drop, posture=posture)


@check("FPR-10", needs=("lock-tiers", "fingerprints"))
def a_mismatch_raises_nobody(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        lowest = code(bench, posture, "code-lowest", "after")
        scope = {"posture": posture, "surface": "granted untrusted"}
        if lowest is None:
            yield bench.unobserved(**scope)
        else:
            yield mismatched(bench, lowest, granted(code(bench, posture, "code-lowest", "before")), scope)
        yield from unconfined(bench, posture)


def unconfined(bench: Bench, posture: str) -> Iterator[Verdict]:
    """The verdicts on changed plugins that have no account: none without ``default``, and none under the override."""
    moments: Sequence[tuple[str, str]] = (("no-default", FREE), ("override", CHANGED))
    for moment, name in moments:
        if moment == "no-default" and "default" not in bench.accounts:
            continue
        scope = {
            "posture": posture,
            "surface": "without an account" if moment == "no-default" else "under the override",
        }
        one, same = code(bench, posture, name, moment), code(bench, posture, SAME, moment)
        if one is None or same is None:
            yield bench.unobserved(**scope)
        elif one.seen["ran"]:
            yield bench.failed(who(one), [one], **scope)
        elif not one.seen["finished"]:
            yield bench.undecided(who(one), [one], **scope)
        else:
            yield bench.passed(who(one), [one], same if same.seen["ran"] else None, **scope)
