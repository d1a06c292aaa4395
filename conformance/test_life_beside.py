"""LIFE: a second instance, unconfined and another user's, reaches nothing of the first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from wallbite.checks import Bench, check
from wallbite.facts import SurfaceFact
from wallbite.observation import OK, Observation
from wallbite.verdict import Verdict

PRINCIPAL = {"file": "read", "directory": "list", "socket": "connect"}
INTO_PROCESSES = ("proc", "signal", "ptrace")


@check("LIFE-08", needs=("beside",))
def a_second_instance_reaches_nothing(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        second = bench.facts.first(posture, "beside", object="second")
        first = bench.facts.first(posture, "beside", object="first")
        if second is None or first is None:
            if not any(bench.facts.find(other, "beside") for other in bench.postures):
                yield bench.unobserved(posture)
            continue  # one posture of the run shows it
        if problem := unfit(second, first):
            yield bench.undecided(problem, [second, first], posture=posture)
            continue
        for surface in bench.facts.setting.surfaces:
            if surface.surface_class in ("gateway", "account") and tried(bench, posture, surface.name):
                yield surface_verdict(bench, posture, surface)
        yield process_verdict(bench, posture)
        yield from api_verdicts(bench, posture)


def unfit(second: Observation, first: Observation) -> str:
    """Why nothing can be concluded: one of the two did not run as it must; or nothing."""
    if second.seen["problem"]:
        return str(second.seen["problem"])
    if not second.seen["unconfined"] or set(second.seen["owners"]) != {second.seen["expected"]}:
        return "the second instance is not unconfined, or its plugin is not its own user's"
    enforcing = set(first.seen["uids"]) == {first.seen["expected"]["uid"]}
    return "" if enforcing and first.seen["alive"] else "the first instance does not enforce beside the second"


def tried(bench: Bench, posture: str, name: str) -> list[Observation]:
    """What the second instance's plugin attempted on one object."""
    names = bench.facts.tables["errnos"]["operations"]
    return bench.facts.find(posture, names, kind="beside", step="beside", vantage="spawned", object=name)


def surface_verdict(bench: Bench, posture: str, surface: SurfaceFact) -> Verdict:
    """The verdict on one surface: each operation that the table denies came back as the table says."""
    scope = {"posture": posture, "surface": surface.name}
    table = bench.facts.tables["errnos"]
    denied = table["surfaces"][surface.surface_class][surface.kind]["denied"]
    tries = [one for one in tried(bench, posture, surface.name) if one.operation in denied and one.operation != "stat"]
    if verdict := refused(bench, tries, table, scope):
        return verdict
    states = [one for one in bench.facts.find(posture, "state", object=surface.name, kind="beside") if one.errno == OK]
    if len(states) != 2 or states[0].seen["identity"] != states[1].seen["identity"]:
        return bench.undecided("root did not see it before and after, unchanged", states, **scope)
    control = next(
        (
            one
            for one in bench.facts.find(posture, PRINCIPAL[surface.kind], kind="beside", object=surface.name)
            if one.vantage == "dropped" and one.account == surface.owner and one.errno == OK
        ),
        None,
    )
    return bench.passed(f"{len(tries)} operations refused", tries, control, **scope)


def refused(bench: Bench, tries: Sequence[Observation], table: dict[str, Any], scope: dict[str, str]) -> Verdict | None:
    """A fail where the kernel let one through, undecided where another error came; None where all were refused."""
    for one in tries:
        rules = table["operations"][one.operation]
        if one.errno in rules["reached"]:
            why = f"a second instance of another user may {one.operation} it: {one.errno}"
            return bench.failed(why, [one], **scope)
    for one in tries:
        rules = table["operations"][one.operation]
        if one.errno not in (*rules["closed"], *rules["open"]):
            return bench.undecided(f"{one.operation} gave {one.errno}, which decides nothing", [one], **scope)
    return None if tries else bench.undecided("nothing was tried on it", **scope)


def process_verdict(bench: Bench, posture: str) -> Verdict:
    """The verdict on the first gateway's process."""
    scope = {"posture": posture, "surface": "gateway-process"}
    table = bench.facts.tables["errnos"]
    seen = bench.facts.find(posture, INTO_PROCESSES, kind="beside")
    tries = [one for one in seen if one.step == "beside"]
    if verdict := refused(bench, tries, table, scope):
        return verdict
    control = next((one for one in seen if one.account == "root" and one.operation == "proc" and one.errno == OK), None)
    return bench.passed(f"{len(tries)} operations refused", tries, control, **scope)


def api_verdicts(bench: Bench, posture: str) -> Iterator[Verdict]:
    """The verdicts on the first gateway's port: 401 or 403 without its credentials."""
    for route in bench.facts.setting.declared["loopback"]:
        scope = {"posture": posture, "surface": f"loopback:{route}"}
        tries = bench.facts.find(posture, "http", kind="beside", step="beside", object=f"loopback:{route}")
        status = [one.seen.get("status") for one in tries]
        if any(isinstance(each, int) and 200 <= each < 400 for each in status):
            yield bench.failed(f"{route} answered {status[0]} without credentials", tries, **scope)
        elif not tries or any(each not in (401, 403) for each in status):
            yield bench.undecided(f"{route} gave {status}, expected 401 or 403", tries, **scope)
        else:
            given = bench.facts.first(posture, "http", kind="beside", step="credentials", object=f"loopback:{route}")
            control = given if given and given.seen.get("status") not in (None, 401, 403) else None
            yield bench.passed(f"{route} gave {status[0]} without credentials", tries, control, **scope)
