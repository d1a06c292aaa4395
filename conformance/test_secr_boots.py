"""SECR: keys that others can read, and names that are none, are refused before anything is served."""

from __future__ import annotations

from collections.abc import Iterator

from wallbite.checks import Bench, check
from wallbite.observation import Observation
from wallbite.verdict import Verdict


@check("SECR-09", needs=("secret-boots",))
def an_open_key_is_refused(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        control = came_up(bench, posture)
        found = bench.facts.find(posture, "key-mode")
        if not found:
            yield bench.unobserved(posture=posture)
        for one in found:
            yield refusal(bench, one, control, f"with mode {one.object} it", posture)


@check("SECR-12", needs=("secret-boots",))
def principals_have_proper_names(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        control = came_up(bench, posture)
        found = [one for one in bench.facts.find(posture, "principal") if not one.seen["came_up"] or one != control]
        for one in found:
            yield refusal(bench, one, control, f"with principal {one.object!r} it", posture)
        checks = bench.facts.find(posture, "principal-check")
        sound = next(
            (one for one in checks if one.seen["exit"] == 0 and control and one.object == control.object), None
        )
        for one in (one for one in checks if not control or one.object != control.object):
            scope = {"posture": posture, "surface": f"check: {one.object!r}"}
            if one.seen["exit"] == 0:
                yield bench.failed("check finds no fault with it", [one], **scope)
            elif one.seen["exit"] is None or one.seen["exit"] < 0 or not one.seen["named"]:
                yield bench.undecided(f"check says something else: {one.seen['tail']}", [one], **scope)
            else:
                yield bench.passed("check refuses it", [one], sound, **scope)
        if not found and not checks:
            yield bench.unobserved(posture=posture)


def came_up(bench: Bench, posture: str) -> Observation | None:
    """The same gateway with a closed key and a proper principal: the first that was tried."""
    first = bench.facts.first(posture, "principal")
    return first if first and first.seen["came_up"] else None


def refusal(bench: Bench, one: Observation, control: Observation | None, what: str, posture: str) -> Verdict:
    """The verdict on one start that must be refused, and say why."""
    scope = {"posture": posture, "surface": repr(one.object)}
    if one.seen["came_up"]:
        return bench.failed(f"{what} comes up", [one], **scope)
    if one.seen["timed_out"] or one.seen["exit"] in (None, 0):
        return bench.failed(f"{what} neither comes up nor is refused", [one], **scope)
    if not one.seen["named"]:
        return bench.undecided(f"{what} ended for another reason: {one.seen['tail']}", [one], **scope)
    return bench.passed(f"{what} is refused", [one], control, **scope)
