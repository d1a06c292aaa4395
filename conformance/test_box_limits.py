"""BOX: what a tool's payload is given of memory and of room in files: by its limits, and when it takes it."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from typing import Any, Final

from wallbite.checks import Bench, check
from wallbite.observation import OK, Observation
from wallbite.verdict import Verdict

POSTURE: Final = "unprivileged"
STATES: Final = ("confined", "degraded")
REFUSED: Final = {"RLIMIT_AS": "ENOMEM", "RLIMIT_FSIZE": "EFBIG"}  # what the kernel says to who takes more


def taken(bench: Bench, state: str, name: str) -> Observation | None:
    """What came of a payload in the case of a state."""
    return bench.facts.first(POSTURE, "taken", object=name, case=f"limits-{state}@{POSTURE}")


def silent(bench: Bench, one: Observation, what: str, scope: Mapping[str, str]) -> Verdict:
    """Inconclusive: the payload did not come so far."""
    told = one.seen["told"]
    return bench.undecided(f"{what}: {told['error']} {told['text']} {told['answer']}"[:300], [one], **scope)


def beyond(said: Mapping[str, Any], most: Mapping[str, int]) -> list[str]:
    """What it is given beyond its limits."""
    limits = {name: said["limits"][name][1] for name in most}
    bad = [f"{name} is {limits[name]}, at most {top}" for name, top in most.items() if not 0 <= limits[name] <= top]
    bad += [f"{name} could be raised" for name, came in said["raised"].items() if came == OK]
    return bad + [f"it got more than {name} allows" for name, came in said["more"].items() if came == OK]


def odd(said: Mapping[str, Any], walled: Container[str]) -> list[str]:
    """What came of an attempt, and is neither what it should be nor a limit that does not hold."""
    found = [f"half of {name}: {came}" for name, came in said["half"].items() if came != OK]
    found += [f"{name}, raised: {came}" for name, came in said["raised"].items() if came != OK and came not in walled]
    return found + [f"more than {name}: {came}" for name, came in said["more"].items() if came != REFUSED[name]]


@check("BOX-07.1", needs=("limits",))
def limits_hold(bench: Bench) -> Iterator[Verdict]:
    declared = bench.facts.setting.declared["limits"]
    most = {"RLIMIT_AS": declared["address-space"], "RLIMIT_FSIZE": declared["file-size"], "RLIMIT_CORE": 0}
    walled = bench.facts.tables["tool_walls"]["raise"]
    for state in STATES:
        one = taken(bench, state, "alone")
        scope = {"posture": POSTURE, "surface": state}
        if one is None:
            yield bench.unobserved(**scope)
        elif not one.seen["said"]:
            yield silent(bench, one, "the payload did not run", scope)
        elif bad := beyond(one.seen["said"], most):
            yield bench.failed("; ".join(bad), [one], **scope)
        elif strange := odd(one.seen["said"], walled):
            yield bench.undecided("; ".join(strange), [one], **scope)
        else:
            yield bench.passed("half of each is given, no more than it is, and none can be raised", [one], one, **scope)


@check("BOX-07.2", needs=("limits",))
def limits_hold_in_sum(bench: Bench) -> Iterator[Verdict]:
    for state in STATES:
        one, many = taken(bench, state, "by-1"), taken(bench, state, "by-2")
        scope = {"posture": POSTURE, "surface": state}
        if one is None or many is None:
            yield bench.unobserved(**scope)
        elif many.seen["held"]:
            told = f"{many.seen['count']} processes kept {many.seen['each']} bytes each for {many.seen['hold']} s"
            yield bench.failed(f"{told}: nothing bounds what they take together", [many], **scope)
        elif not many.seen["began"]:
            yield silent(bench, many, "the processes did not take their parts", scope)
        elif not many.seen["returned"]:
            yield silent(bench, many, "the call did not return", scope)
        elif many.seen["told"]["seconds"] >= many.seen["time"]:
            yield silent(bench, many, "the tool's own time was over", scope)
        else:
            yield bench.passed("ended before its time", [many], one if one.seen["held"] else None, **scope)
