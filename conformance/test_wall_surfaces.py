"""WALL: what each account gets when it reaches for each surface, compared with the table of errnos."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wallbite.checks import Bench, check
from wallbite.facts import SurfaceFact
from wallbite.observation import OK, Observation
from wallbite.verdict import Verdict

DETOURS = ("symlink-read", "root-read", "link", "bind", "handle")
PRINCIPAL = {"file": "read", "directory": "list", "socket": "connect"}
LAYOUTS = {"laid", "opened"}
EVENTS = ("reload", "backup", "rotate", "hostile-names")


@dataclass(frozen=True)
class Moment:
    """When accounts reached: the step of their attempts, and those of root's looks before and after."""

    step: str
    before: str
    after: str
    label: str = ""


FIRST = Moment("attempt", "before", "after")
LATER = Moment("later", "before-later", "after-later", " after reload, backup and rotation")
HOSTILE = Moment("hostile", "before-hostile", "after-hostile", " after hostile names")
CRASHED = Moment("crashed", "before-crashed", "after-crashed", " after a crash")
RESTARTED = Moment("restarted", "before-restarted", "after-restarted", " after a restart")


@check("WALL-01", "WALL-02", "WALL-04", "WALL-05", "WALL-06", "WALL-07", "WALL-09", "WALL-10", needs=("walls",))
def surfaces_are_walled(bench: Bench) -> Iterator[Verdict]:
    if bench.requirement.id == "WALL-04" and len(bench.accounts) == 1:
        yield bench.inapplicable("the target has one account: there is no sibling")
    for posture in bench.postures:
        yield from undeclared(bench, posture)
        yield from walled(bench, posture, FIRST)


@check("WALL-03", needs=("walls", "crash"))
def the_state_is_walled_whatever_happens(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        yield from undeclared(bench, posture)
        yield from walled(bench, posture, FIRST, CRASHED, RESTARTED)


def walled(bench: Bench, posture: str, first: Moment, *later: Moment) -> Iterator[Verdict]:
    """The verdicts on each account and surface; on the files of the state at further moments, too."""
    for account in bench.accounts:
        for surface in concerned(bench, account):
            yield surface_verdict(bench, posture, account, surface, first, detours=False)
            if surface.role != "state-directory" and not excuse(bench, surface.role):
                for moment in later:
                    yield surface_verdict(bench, posture, account, surface, moment, detours=False)


def undeclared(bench: Bench, posture: str) -> Iterator[Verdict]:
    """For each role that the requirement names and the descriptor has no surface for: excused by it, or undecided."""
    declared = {surface.role for surface in bench.facts.setting.surfaces}
    for role in bench.requirement.surfaces:
        if role not in declared:
            scope = {"posture": posture, "surface": role}
            reason = excuse(bench, role)
            yield (
                bench.inapplicable(reason, **scope)
                if reason
                else bench.undecided(
                    f"the descriptor declares no {role}; do so, or say under claims.not-applicable why there is none",
                    **scope,
                )
            )


def excuse(bench: Bench, role: str) -> str:
    """Why the target has nothing of this role, as its descriptor says; empty where it does not."""
    return bench.facts.setting.excused.get(f"{bench.requirement.id}/{role}", "")


@check("WALL-15", needs=("walls",))
def detours_end_the_same_way(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        for account in bench.accounts:
            for surface in [one for one in bench.facts.setting.surfaces if one.surface_class in ("gateway", "account")]:
                if surface.owner != account and surface.kind == "file":
                    yield surface_verdict(bench, posture, account, surface, FIRST, detours=True)


@check("WALL-16", needs=("walls",))
def walls_hold_through_a_run(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        for event in EVENTS:
            if event == "backup" and (reason := bench.facts.setting.excused.get("WALL-06")):
                yield bench.inapplicable(reason, posture=posture, surface=event)
                continue
            one = bench.facts.first(posture, "event", object=event)
            if one is None or one.errno != OK:
                yield (
                    bench.unobserved(posture, surface=event)
                    if one is None
                    else bench.undecided(
                        f"the event did not happen: {one.seen.get('problem', '')}",
                        [one],
                        posture=posture,
                        surface=event,
                    )
                )
        for account in bench.accounts:
            for surface in [one for one in bench.facts.setting.surfaces if one.surface_class in ("gateway", "account")]:
                if surface.owner != account:
                    yield surface_verdict(bench, posture, account, surface, LATER, detours=False)
                    yield surface_verdict(bench, posture, account, surface, HOSTILE, detours=False)
        for one in bench.facts.find(posture, "found"):
            yield found_verdict(bench, posture, one)


def found_verdict(bench: Bench, posture: str, one: Observation) -> Verdict:
    """The verdict on a file that appeared while it ran, such as a second backup: nobody but the gateway may use it."""
    scope = {"posture": posture, "surface": one.object}
    tries = bench.facts.find(posture, ("read", "write"), object=one.object, step="found", vantage="dropped")
    readers = [each for each in tries if each.account != "gateway"]
    if got := [each for each in readers if each.errno == OK]:
        what = f"{got[0].account} may {got[0].operation} ({got[0].layout}) a file that appeared later"
        return bench.failed(f"{what}, mode {one.seen['mode']}", [one, *got], **scope)
    wanted = {
        (account, operation, layout)
        for account in bench.accounts
        for operation in ("read", "write")
        for layout in LAYOUTS
    }
    if {(each.account, each.operation, each.layout) for each in readers if each.errno == "EACCES"} != wanted:
        return bench.undecided("what an account gets from it was not seen", [one, *readers], **scope)
    control = next((each for each in tries if each.account == "gateway" and each.errno == OK), None)
    return bench.passed("EACCES for every account, in both layouts", readers, control, **scope)


def concerned(bench: Bench, account: str) -> list[SurfaceFact]:
    """The surfaces that the requirement speaks of for this account: for an account's own directory, its siblings'."""
    return [one for one in bench.facts.surfaces(bench.requirement.surfaces) if one.owner != account]


def surface_verdict(
    bench: Bench, posture: str, account: str, surface: SurfaceFact, moment: Moment, *, detours: bool
) -> Verdict:
    """The verdict on one account and one surface: every attempt, in both layouts, with its controls."""
    scope = {"posture": posture, "account": account, "surface": surface.name + moment.label}
    if reason := excuse(bench, surface.role):
        return bench.inapplicable(reason, **scope)
    tries = attempts(bench, posture, account, surface, moment, detours=detours)
    if not tries:
        return bench.unobserved(**scope)
    complaints = [(one, *rule(bench, one, surface)) for one in tries]
    breaches = [(one, text) for one, kind, text in complaints if kind == "fail"]
    doubts = [(one, text) for one, kind, text in complaints if kind == "doubt"]
    if breaches:
        return bench.failed(breach_reason(breaches), [one for one, _ in breaches], **scope)
    doubts += [(tries[0], text) for text in missing(bench, posture, surface, tries, moment, detours=detours)]
    if doubts:
        return bench.undecided(
            f"{doubts[0][0].operation} {doubts[0][0].layout}: {doubts[0][1]}", [one for one, _ in doubts], **scope
        )
    control = principal_control(bench, posture, surface)
    return bench.passed(f"{len(tries)} attempts, each as the table says", tries, control, **scope)


def breach_reason(breaches: list[tuple[Observation, str]]) -> str:
    """What got through, shortest first: the operations by layout."""
    first, text = breaches[0]
    more = sorted(
        {f"{one.operation} ({one.layout})" for one, _ in breaches[1:]} - {f"{first.operation} ({first.layout})"}
    )
    return f"{first.operation} ({first.layout}): {text}" + (f"; also {', '.join(more[:8])}" if more else "")


def attempts(
    bench: Bench, posture: str, account: str, surface: SurfaceFact, moment: Moment, *, detours: bool
) -> list[Observation]:
    """What the account attempted on the surface at that moment: the direct operations, or the detours."""
    operations = [name for name in bench.facts.tables["errnos"]["operations"] if (name in DETOURS) == detours]
    return bench.facts.find(posture, operations, account=account, object=surface.name, step=moment.step)


def rule(bench: Bench, one: Observation, surface: SurfaceFact) -> tuple[str, str]:
    """``("fail"|"doubt"|"", why)`` for one attempt, by the table."""
    operation = bench.facts.tables["errnos"]["operations"][one.operation]
    policy = policy_of(bench, surface)
    if one.operation in policy["allowed"]:
        return ("", "") if one.errno in operation["reached"] else ("fail", f"got {one.errno}, and it must work")
    if one.operation not in policy["denied"]:
        return "", ""
    expected = expected_errnos(bench, operation, one)
    if one.errno in operation["reached"] and one.errno not in expected:
        return "fail", f"{one.errno}: the kernel let it through"
    if one.errno not in expected:
        return "doubt", f"got {one.errno}, expected {' or '.join(expected)}"
    return "", ""


def policy_of(bench: Bench, surface: SurfaceFact) -> Mapping[str, Sequence[str]]:
    """Which operations the table denies and allows for surfaces of this class and kind."""
    table = bench.facts.tables["errnos"]
    policy: dict[str, list[str]] = dict(table["surfaces"][surface.surface_class][surface.kind])
    for column, operations in table["roles"].get(surface.role, {}).items():
        policy = {name: [each for each in listed if each not in operations] for name, listed in policy.items()}
        policy[column] = [*policy[column], *operations]
    return policy


def expected_errnos(bench: Bench, operation: Mapping[str, Any], one: Observation) -> Sequence[str]:
    """The errnos that count, by whether the account can reach the surface's parent (it could stat the surface)."""
    at = {"account": one.account, "object": one.object, "layout": one.layout, "step": one.step}
    reachable = bench.facts.first(one.posture, "stat", errno=OK, **at) is not None
    expected: Any = operation["open" if reachable or one.layout == "opened" else "closed"]
    if isinstance(expected, Mapping):
        expected = expected["protected-hardlinks" if one.seen.get("protected_hardlinks") else "unprotected-hardlinks"]
    return operation["reached"] if expected == "allowed" else expected  # type: ignore[no-any-return]  # data


def missing(
    bench: Bench, posture: str, surface: SurfaceFact, tries: Sequence[Observation], moment: Moment, *, detours: bool
) -> Iterator[str]:
    """What a pass would need and does not have: the object before and after, every attempt, and their controls."""
    before = {one.layout: one for one in bench.facts.find(posture, "state", object=surface.name, step=moment.before)}
    after = {one.layout: one for one in bench.facts.find(posture, "state", object=surface.name, step=moment.after)}
    for layout in sorted(LAYOUTS):
        if layout not in before or before[layout].errno != OK or before[layout].seen["kind"] != surface.kind:
            yield f"root did not see the {surface.kind} before"
        elif layout not in after or after[layout].seen.get("identity") != before[layout].seen.get("identity"):
            yield "root did not see it unchanged afterwards"
        made = {one.operation for one in tries if one.layout == layout}
        if lacking := sorted(wanted(bench, surface, before.get(layout), moment, detours=detours) - made):
            yield f"{layout}: not attempted: {', '.join(lacking)}"
    denied = policy_of(bench, surface)["denied"]
    if lone := next((one for one in tries if one.operation in denied and not controlled(bench, one, moment)), None):
        yield f"no control for {lone.operation}: nobody was seen to succeed at it"


def wanted(
    bench: Bench, surface: SurfaceFact, before: Observation | None, moment: Moment, *, detours: bool
) -> set[str]:
    """The operations that must have been tried: all of the table at first, later the one that matters most."""
    if moment is not FIRST:
        return {PRINCIPAL[surface.kind]}
    policy = policy_of(bench, surface)
    named = {name for name in (*policy["denied"], *policy["allowed"]) if (name in DETOURS) == detours}
    runs = before is not None and int(str(before.seen.get("mode", "0")), 8) & 0o111
    return named if runs else named - {"execute"}


def controlled(bench: Bench, one: Observation, moment: Moment) -> bool:
    """Whether root or the gateway was let through at the same operation on the same object in the same layout."""
    reached = bench.facts.tables["errnos"]["operations"][one.operation]["reached"]
    found = bench.facts.find(one.posture, one.operation, object=one.object, layout=one.layout, step=moment.before)
    return any(control.errno in reached for control in found if control.account in ("root", "gateway"))


def principal_control(bench: Bench, posture: str, surface: SurfaceFact) -> Observation | None:
    """The observation that its owner can use the surface, in the way that others must not."""
    found = bench.facts.find(posture, PRINCIPAL[surface.kind], object=surface.name, step=FIRST.before, errno=OK)
    owner = "gateway" if surface.owner == "gateway" else "root"
    return next((one for one in found if one.account == owner), None)
