"""BOX: what a tool's payload reached from where it is confined."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from wallbite.checks import Bench, check
from wallbite.observation import OK, Observation
from wallbite.verdict import Verdict

POSTURE: Final = "unprivileged"
BARE: Final = ("CapEff", "CapPrm")
# What a payload tries, and by which operation. A plain user could not write to `system`, `etc` and `kernel` without a
# sandbox either: they can only fail.
OPERATIONS: Final = {
    "outside": "write",
    "home": "write",
    "secret": "read",
    "stranger": "read",
    "system": "write",
    "etc": "write",
    "kernel": "write",
    "credentials": "read",
    "connect": "connect",
    "abstract": "abstract",
    "transcript-read": "read",
    "transcript-forge": "append",
    "transcript-erase": "remove",
}
BEYOND: Final = ("outside", "home", "secret", "stranger")
SYSTEM: Final = ("system", "etc", "kernel")


def seen_in(bench: Bench, state: str, name: str) -> Observation | None:
    """An observation of the case that ran payloads in a state."""
    return bench.facts.first(POSTURE, "reach", object=name, case=f"reach-{state}@{POSTURE}")


def attempts(one: Observation | None) -> Mapping[str, Any]:
    """What a payload tried; nothing where it did not run."""
    said = one.seen["said"] if one else None
    return said["attempts"] if said else {}


def ran(bench: Bench, state: str) -> Observation | Verdict:
    """What the payload of a state tried; inconclusive where it did not run."""
    one = seen_in(bench, state, "plain")
    if one is None:
        return bench.unobserved(POSTURE, surface=state)
    if attempts(one):
        return one
    told = one.seen["told"]
    why = f"the payload did not run: {told['error']} {told['text']} {told['answer'].get('text', '')}"
    return bench.undecided(why[:300], [one], posture=POSTURE, surface=state)


def reached(one: Observation, names: Iterable[str]) -> list[str]:
    """Which attempts succeeded."""
    return [name for name in names if attempts(one)[name][0] == OK]


def not_walled(bench: Bench, one: Observation, names: Iterable[str], said: str, *bad: str) -> Verdict | None:
    """Failed where an attempt succeeded or something else is bad; undecided where an answer is no wall's; else None."""
    scope, names = {"posture": POSTURE, "surface": one.case.partition("@")[0].rpartition("-")[2]}, list(names)
    open_ = reached(one, names)
    if open_ or bad:
        listed = [f"{said}: {', '.join(open_)}"] if open_ else []
        return bench.failed("; ".join([*listed, *bad]), [one], **scope)
    table = bench.facts.tables["tool_walls"]
    odd = {name: attempts(one)[name][0] for name in names}
    odd = {name: answer for name, answer in odd.items() if answer not in table[OPERATIONS[name]]}
    if odd:
        return bench.undecided(f"no wall answers like this: {odd}", [one], **scope)
    return None


def unconfined(bench: Bench, names: Iterable[str]) -> Observation | None:
    """The control: the same attempts succeeded where the sandbox was opted out of."""
    one = seen_in(bench, "confined", "control")
    return one if one and attempts(one) and set(reached(one, names)) == set(names) else None


@check("BOX-04", needs=("reach",))
def only_the_work_area(bench: Bench) -> Iterator[Verdict]:
    one = ran(bench, "confined")
    if isinstance(one, Verdict):
        yield one
        return
    status, spaces = one.seen["said"]["status"], one.seen["said"]["namespaces"]
    bad = [f"{name} is {status[name]}" for name in BARE if int(status[name] or "1", 16)]
    bad += ["no_new_privs is not set"] if status["NoNewPrivs"] != "1" else []
    bad += [f"the {name} namespace is the host's" for name, own in one.seen["own"].items() if spaces[name] == own]
    scope = {"posture": POSTURE, "surface": "confined"}
    if wrong := not_walled(bench, one, (*BEYOND, *SYSTEM), "it reached", *bad):
        yield wrong
    elif not reached(one, ["inside"]):
        yield bench.undecided("the payload cannot write to its own work area", [one], **scope)
    else:
        text = "only the work area; no capability; namespaces of its own"
        yield bench.passed(text, [one], unconfined(bench, BEYOND), **scope)


@check("BOX-05", needs=("reach",))
def no_network_unless_declared(bench: Bench) -> Iterator[Verdict]:
    one, declared = ran(bench, "confined"), seen_in(bench, "confined", "network")
    if isinstance(one, Verdict):
        yield one
        return
    ways = ("connect", "abstract")
    heard = [f"{name} was heard" for name, count in one.seen["heard"].items() if count]
    if wrong := not_walled(bench, one, ways, "undeclared, it reached", *heard):
        yield wrong
        return
    both = declared is not None and declared.seen["heard"]["stream"] and declared.seen["heard"]["datagram"]
    control = unconfined(bench, ways)
    if declared and not (both and reached(declared, ["connect"])):
        told = f"with network declared it reaches nothing either: {attempts(declared).get('connect')}"
        yield bench.undecided(told, [one, declared], posture=POSTURE, surface="confined")
    else:
        text = "nothing reached the listeners; with network declared, or opted out, the same payload does"
        evidence = [one, declared] if declared else [one]
        yield bench.passed(text, evidence, control if both else None, posture=POSTURE, surface="confined")


@check("BOX-18", needs=("reach",))
def stored_credentials_are_unreachable(bench: Bench) -> Iterator[Verdict]:
    one, names = ran(bench, "confined"), ("credentials",)
    if isinstance(one, Verdict):
        yield one
    elif wrong := not_walled(bench, one, names, "it read what is stored"):
        yield wrong
    else:
        text = f"the attempt ended with {attempts(one)['credentials'][0]}"
        yield bench.passed(text, [one], unconfined(bench, names), posture=POSTURE, surface="confined")


@check("CHAN-13", needs=("reach",))
def the_own_transcript_is_out_of_reach(bench: Bench) -> Iterator[Verdict]:
    one, names = ran(bench, "confined"), ("transcript-read", "transcript-forge", "transcript-erase")
    scope = {"posture": POSTURE, "surface": "confined"}
    if isinstance(one, Verdict):
        yield one
    elif not set(names) <= attempts(one).keys():
        yield bench.undecided("the product wrote no transcript beside this work area", [one], **scope)
    elif wrong := not_walled(bench, one, names, "of its own run's transcript it could do"):
        yield wrong
    else:
        yield bench.passed("it could not be read, forged or erased", [one], unconfined(bench, names), **scope)
