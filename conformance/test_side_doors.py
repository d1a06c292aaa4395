"""SIDE: what an account's operating system user could reach besides, and whether the gateway tells it at its start."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from wallbite.checks import Bench, check
from wallbite.observation import Observation
from wallbite.verdict import Verdict

DOORS: Mapping[str, tuple[str, ...]] = {
    "SIDE-01": ("group",),
    "SIDE-02": ("sudo",),
    "SIDE-03": ("path",),
    "SIDE-04": ("setuid",),
    "SIDE-05": ("cron", "unit", "polkit", "capability"),
}
BLIND = ("group", "sudo", "cron")
CODE = ("code", "code-directory", "code-file", "code-link")


def boots(bench: Bench, posture: str) -> dict[str, Observation]:
    """The starts of the case, by their names."""
    return {one.object: one for one in bench.facts.find(posture, "side-doors")}


@check(*DOORS, needs=("side-doors",))
def tells_of_a_door(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        found = boots(bench, posture)
        for kind in DOORS[bench.requirement.id]:
            planted = [one for name, one in found.items() if name.startswith("doors-") and kind in one.seen["holders"]]
            if "none" not in found or not planted:
                yield bench.unobserved(posture, surface=kind)
                continue
            for one in planted:
                yield of_door(bench, found["none"], one, kind)
        if bench.requirement.id == "SIDE-05":
            for kind in CODE:
                if kind in found and "none" in found:
                    yield of_code(bench, found["none"], found[kind])


def of_door(bench: Bench, clean: Observation, open_: Observation, kind: str) -> Verdict:
    """The verdict on one kind of door: told of the account that has it, and of no other; never told without it."""
    holder, form = open_.seen["holders"][kind], int(open_.object.removeprefix("doors-"))
    surface = f"{kind} {form + 1}" if form else kind
    scope = {"posture": open_.posture, "account": holder, "surface": surface}
    seen = [open_, clean]
    for one in (clean, open_):
        if one.seen["timed_out"] or not one.seen["came_up"]:
            return bench.undecided(f"the gateway did not come up: {one.seen['tail']}", [one], **scope)
    if kind not in open_.seen["told"][holder]:
        return bench.failed(f"the door was open, and nothing was told of {holder} and it", seen, **scope)
    if kind in clean.seen["told"][holder]:
        return bench.failed("it is told of where there is no such door", seen, **scope)
    others = [account for account, kinds in open_.seen["told"].items() if account != holder and kind in kinds]
    if others:
        return bench.failed(f"it is told of {', '.join(others)} too, where there is no such door", seen, **scope)
    return bench.passed("told of the account that has it, and of no other", [open_], clean, **scope)


def of_code(bench: Bench, clean: Observation, open_: Observation) -> Verdict:
    """The verdict on code that an account can write: named, in a warning or in a refusal."""
    scope = {"posture": open_.posture, "surface": open_.object}
    if open_.seen["timed_out"] or not clean.seen["came_up"]:
        return bench.undecided("the gateway did not come up without a door, or hung with it", [open_, clean], **scope)
    if not open_.seen["names"]:
        return bench.failed("an account can write some of the plugins' code, and nothing is told", [open_], **scope)
    if open_.object in clean.seen["code"]:
        return bench.undecided("it names that path where nobody can write it, too", [open_, clean], **scope)
    how = "warned of" if open_.seen["came_up"] else "refused"
    return bench.passed(f"{how}, by its path", [open_], clean, **scope)


@check("SIDE-06", needs=("side-doors",))
def says_what_it_could_not_look_at(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        found = boots(bench, posture)
        for kind in BLIND:
            one, clean = found.get(f"blind-{kind}"), found.get("none")
            yield of_blindness(bench, one, clean, kind) if one and clean else bench.unobserved(posture, surface=kind)


def of_blindness(bench: Bench, one: Observation, clean: Observation, kind: str) -> Verdict:
    """The verdict on a look that cannot succeed: said of every account, or the start is refused because of it."""
    scope = {"posture": one.posture, "surface": kind}
    if one.seen["timed_out"] or not clean.seen["came_up"]:
        return bench.undecided("the gateway hung, or does not come up at all", [one, clean], **scope)
    silent = [account for account, kinds in one.seen["unknown"].items() if kind not in kinds]
    if one.seen["came_up"] and silent:
        return bench.failed(f"it could not look, and said nothing of {', '.join(silent)}", [one, clean], **scope)
    if len(silent) == len(one.seen["unknown"]):
        return bench.undecided(f"it did not come up, and does not say why: {one.seen['tail']}", [one], **scope)
    if any(kind in kinds for kinds in clean.seen["unknown"].values()):
        return bench.undecided("it says so where it can look, too", [one, clean], **scope)
    how = "said of every account" if one.seen["came_up"] else "refused"
    return bench.passed(how, [one], clean, **scope)


@check("SIDE-07", needs=("side-doors",))
def refuses_where_it_is_told_to(bench: Bench) -> Iterator[Verdict]:
    kinds = [*(kind for named in DOORS.values() for kind in named), *(f"blind-{kind}" for kind in BLIND)]
    for posture in bench.postures:
        found = boots(bench, posture)
        for kind in kinds:
            one, clean, lenient = (found.get(name) for name in (f"strict-{kind}", "strict-none", "none"))
            if one is None or clean is None or lenient is None:
                yield bench.unobserved(posture, surface=kind)
            else:
                yield of_refusal(bench, one, clean, lenient, kind)


def of_refusal(bench: Bench, one: Observation, clean: Observation, lenient: Observation, kind: str) -> Verdict:
    """The verdict on a start with a door, or with a look that fails, where that is to be a refusal."""
    scope = {"posture": one.posture, "surface": kind}
    if one.seen["came_up"]:
        return bench.failed("it came up", [one], **scope)
    if one.seen["timed_out"] or one.seen["exit"] in (None, 0):
        return bench.failed(f"it ended with {one.seen['exit']}, not with a refusal", [one], **scope)
    told = one.seen["unknown"] if kind.startswith("blind-") else one.seen["told"]
    if not any(kind.removeprefix("blind-") in kinds for kinds in told.values()):
        return bench.failed(f"the refusal does not name the door: {one.seen['tail']}", [one], **scope)
    if not clean.seen["came_up"]:
        if any(clean.seen["unknown"].values()) or any(clean.seen["told"].values()):
            return bench.undecided("this machine gives it a door already: " + clean.seen["tail"], [one, clean], **scope)
        return bench.failed("it refuses without a door, too", [clean, lenient], **scope)
    return bench.passed(f"refused with {one.seen['exit']}, by name", [one], clean, **scope)
