"""MODE: what stands in a surface's place, account directories, real homes, other places, mounts, and races."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from wallbite.checks import Bench, check
from wallbite.observation import Observation
from wallbite.postures import representative
from wallbite.verdict import Verdict

FOREIGN = "foreign"
SWAPS = 1000  # fewer are no race
LINK = "link"


def how(one: Observation) -> str:
    """How something that must be refused was not; or nothing."""
    seen: dict[str, Any] = dict(one.seen)
    if seen["accepted"]:
        return "it was accepted"
    if seen.get("timed_out"):
        return "it neither came up nor ended"
    if seen.get("ended"):
        return "the gateway ended on a reload"
    if seen.get("exit") is not None and not seen["refused"]:
        return f"it ended with {seen['exit']} and without a reason: {seen['tail'][-200:]}"
    return (
        f"it was refused, and changed {'; '.join(seen['changed'][:3])}" if seen["refused"] and seen["changed"] else ""
    )


@check("MODE-03", "MODE-04", needs=("planted",))
def refuses_what_stands_in_a_place(bench: Bench) -> Iterator[Verdict]:
    whole = representative(bench.postures)
    for posture in bench.postures:
        control = next((one for one in bench.facts.find(posture, "unplanted") if one.seen["accepted"]), None)
        found = [one for one in bench.facts.find(posture, "planted") if concerns(bench, one)]
        victims = bench.facts.first(posture, "victims")
        if victims is None:
            yield bench.unobserved(posture)
            continue
        for name, kind in victims.seen["kinds"].items():
            own = [one for one in found if one.object == name]
            if posture == whole and (missing := lacking(bench, kind, own)):
                yield bench.undecided(f"never planted: {missing}", own, posture=posture, surface=name)
            if own:
                yield planted_verdict(bench, own, control, {"posture": posture, "surface": name})


def concerns(bench: Bench, one: Observation) -> bool:
    """Whether an observation speaks of this requirement, and of something that could be planted."""
    return (one.seen["plant"] == FOREIGN) == (bench.requirement.id == "MODE-03") and "impossible" not in one.seen


def lacking(bench: Bench, kind: str, own: list[Observation]) -> str:
    """What a surface of this kind must have met, and did not; or nothing."""
    met = {one.seen["plant"] for one in own}
    if bench.requirement.id == "MODE-03":
        return "" if kind == "socket" or met else "another owner"
    return "" if LINK in met and len(met) > 1 else "a link" if LINK not in met else "anything but a link"


def planted_verdict(
    bench: Bench, found: list[Observation], control: Observation | None, scope: dict[str, str]
) -> Verdict:
    """The verdict on one surface; the layout without a plant is accepted."""
    if bad := [(one, text) for one in found if (text := how(one))]:
        one, text = bad[0]
        reason = f"{one.seen['plant']} in its place, at a {one.seen['reader']}: {text}"
        return bench.failed(reason, [each for each, _ in bad], **scope)
    if odd := [one for one in found if not one.seen["refused"]]:
        return bench.undecided(f"{odd[0].seen['plant']}: no answer: {odd[0].seen['problem']}", odd, **scope)
    plants = ", ".join(f"{one.seen['plant']} ({one.seen['reader']})" for one in found)
    return bench.passed(f"refused, and left as it was: {plants}", found, control, **scope)


@check("MODE-05", needs=("places",))
def account_directories_are_exact(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        found = {one.object: one for one in bench.facts.find(posture, "account-directory")}
        if not {"sound", "loose", "absent", FOREIGN} <= found.keys():
            yield bench.unobserved(posture)
        for name, one in found.items():
            yield directory_verdict(bench, one, found.get("sound"), {"posture": posture, "surface": name})


def directory_verdict(bench: Bench, one: Observation, sound: Observation | None, scope: dict[str, str]) -> Verdict:
    """One kind of account directory: put right, or refused and left alone."""
    seen: dict[str, Any] = dict(one.seen)
    inexact = [f"{path} is {after}" for path, (_, after, exact) in seen["spoken"].items() if after != exact]
    touched = [f"{path} is {after}" for path, (before, after, _) in seen["spoken"].items() if after != before]
    if seen["accepted"] and (one.object in (FOREIGN, "one-of-several") or inexact):
        return bench.failed(f"accepted, with {'; '.join(inexact) or 'a directory that was given away'}", [one], **scope)
    if seen["accepted"]:
        if one.object == "sound":
            others = bench.facts.find(one.posture, "account-directory")
            control = next((two for two in others if differs(two)), None)
            return bench.passed("accepted, and each as it must be", [one], control, **scope)
        return bench.passed("put right", [one], sound if sound and sound.seen["accepted"] else None, **scope)
    if one.object == "sound" or (one.object == "absent" and seen["may_give"] and seen["refused"]):
        reason = f"refused where it may give the directory away: {seen['tail'][-200:]}"
        return bench.failed(reason, [one], **scope)
    if not seen["refused"]:
        return bench.failed(f"it ended without a reason, or not at all: {seen['tail'][-200:]}", [one], **scope)
    if touched:
        return bench.failed(f"refused, and {'; '.join(touched)}", [one], **scope)
    return bench.passed(
        "refused, and left as it was", [one], sound if sound and sound.seen["accepted"] else None, **scope
    )


def differs(one: Observation) -> bool:
    """Whether the look at an account's directory found it otherwise than it must be, before a start."""
    return any(before != exact for before, _, exact in one.seen["spoken"].values())


@check("MODE-06", needs=("places", "planted"))
def all_or_nothing(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        found = bench.facts.find(posture, ("account-directory", "mounted"))
        sound = next((one for one in found if one.object == "sound" and one.seen["changed"]), None)
        refusals = [one for one in found if one.object in ("foreign", "one-of-several") or one.operation == "mounted"]
        if not refusals:
            yield bench.unobserved(posture)
        for one in refusals:
            scope = {"posture": posture, "surface": one.object}
            done = [*one.seen["changed"], *(f"{name} (made)" for name in one.seen["made"])]
            if one.seen["ran"]:
                yield bench.failed(f"a plugin ran as uids {one.seen['ran'][0]}", [one], **scope)
            elif one.seen["accepted"]:
                yield bench.failed("it came up although one place of several is wrong", [one], **scope)
            elif done:
                yield bench.failed(f"refused when half was done: {', '.join(done[:5])}", [one], **scope)
            elif not one.seen["refused"]:
                yield bench.undecided(f"it was not refused: {one.seen['tail'][-200:]}", [one], **scope)
            else:
                yield bench.passed("nothing ran, and nothing was changed", [one], sound, **scope)


@check("MODE-09", needs=("places",))
def real_homes_are_left_alone(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        found = bench.facts.find(posture, "home")
        if not found:
            yield bench.unobserved(posture)
        for one in found:
            touched = [f"{at} was {a}, is {b}" for at, (a, b, _) in one.seen["spoken"].items() if a != b]
            if touched:
                yield bench.failed("; ".join(touched), [one], posture=posture)
            elif not one.seen["accepted"]:
                yield bench.undecided(
                    f"a credentialed account is refused: {one.seen['tail'][-200:]}", [one], posture=posture
                )
            else:
                control = one if one.seen["changed"] else None
                yield bench.passed(
                    "a real user's home is as it was; the gateway's own places were tightened",
                    [one],
                    control,
                    posture=posture,
                )


@check("MODE-10", needs=("places",))
def touches_only_its_own(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        found = bench.facts.find(posture, "elsewhere")
        sound = bench.facts.first(posture, "account-directory", object="sound")
        control = sound if sound and sound.seen["changed"] else None
        if not found:
            yield bench.unobserved(posture)
        for one in found:
            scope = {"posture": posture, "surface": one.object}
            if one.seen["changed"]:
                yield bench.failed("; ".join(one.seen["changed"]), [one], **scope)
            elif one.seen["timed_out"] or not (one.seen["accepted"] or one.seen["refused"]):
                yield bench.undecided(f"neither came up nor was refused: {one.seen['tail'][-200:]}", [one], **scope)
            else:
                what = "accepted" if one.seen["accepted"] else "refused"
                yield bench.passed(
                    f"{what}; {len(one.seen['looked'])} directories of the system are as they were",
                    [one],
                    control,
                    **scope,
                )


@check("MODE-11", needs=("raced", "places"))
def no_link_is_followed_between_look_and_act(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        found = bench.facts.find(posture, "raced")
        if not found:
            yield bench.unobserved(posture)
        for one in found:
            yield race_verdict(bench, one, {"posture": posture, "account": one.object})


def race_verdict(bench: Bench, one: Observation, scope: dict[str, str]) -> Verdict:
    """The verdict on one race; the number of tries is in its reason."""
    seen: dict[str, Any] = dict(one.seen)
    tries = f"{seen['looks']} looks during {seen['swaps']} swaps"
    if seen["changed"]:
        return bench.failed(f"changed by way of a link ({tries}): {'; '.join(seen['changed'][:2])}", [one], **scope)
    sound = bench.facts.first(one.posture, "account-directory", object="sound")
    if not seen["took"]:
        if not seen["refused"]:
            return bench.undecided(f"it did not come up: {seen['tail'][-200:]}", [one], **scope)
        return bench.passed("it refuses a directory whose place an account can exchange", [one], sound, **scope)
    if not seen["alive"]:
        return bench.failed(f"the gateway ended ({tries}): {seen['tail'][-200:]}", [one], **scope)
    if seen["swaps"] < SWAPS or seen["accepted"] + seen["refused"] < seen["looks"] or not seen["accepted"]:
        return bench.undecided(
            f"no race: {tries}, {seen['accepted']} accepted, {seen['refused']} refused", [one], **scope
        )
    return bench.passed(
        f"nothing of the gateway's was changed ({tries}, {seen['accepted']} of them to the end)", [one], one, **scope
    )


@check("MODE-12", needs=("places",))
def refuses_what_stays_loose(bench: Bench) -> Iterator[Verdict]:
    posture = representative(bench.postures)
    found = bench.facts.find(posture, "mounted")
    sound = bench.facts.first(posture, "account-directory", object="sound")
    if not found:
        yield bench.unobserved(posture)
    for one in found:
        scope = {"posture": posture, "surface": one.object}
        if one.seen["accepted"]:
            yield bench.failed("it came up, with a surface that stayed open", [one], **scope)
        elif not one.seen["refused"]:
            yield bench.undecided(f"it was not refused: {one.seen['tail'][-200:]}", [one], **scope)
        else:
            yield bench.passed("refused", [one], sound if sound and sound.seen["accepted"] else None, **scope)
