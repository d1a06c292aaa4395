"""CONF: the configuration is its owner's: nobody else can write it, and a change since it was sealed is seen."""

from __future__ import annotations

from collections.abc import Iterator

from wallbite.checks import Bench, check
from wallbite.observation import Observation
from wallbite.postures import representative
from wallbite.verdict import Verdict

READABLE = "readable"
CLOSED = 0o077
SEALED = "as-sealed"


@check("CONF-12", needs=("writable",))
def refuses_what_others_can_write(bench: Bench) -> Iterator[Verdict]:
    posture = representative(bench.postures)
    found = bench.facts.find(posture, "writable")
    if not found:
        yield bench.unobserved(posture)
        return
    for one in found:
        control = next(
            (other for other in found if other.object == READABLE and other.seen["reader"] == one.seen["reader"]), None
        )
        scope = {"posture": posture, "surface": f"{one.object}:{one.seen['reader']}"}
        if one.object == READABLE:
            yield readable_verdict(bench, one, found, scope)
        else:
            yield writable_verdict(bench, one, control, scope)


def readable_verdict(bench: Bench, one: Observation, found: list[Observation], scope: dict[str, str]) -> Verdict:
    """A configuration that is merely readable: accepted, and closed by it."""
    if not one.seen["accepted"]:
        return bench.undecided(f"it is refused where it might be tightened: {one.seen['tail']}", [one], **scope)
    if int(one.seen["mode_after"], 8) & CLOSED:
        return bench.failed(f"mode {one.seen['mode_after']} was left on the configuration", [one], **scope)
    control = next((other for other in found if other.seen["refused"]), None)
    return bench.passed("tightened, and accepted", [one], control, **scope)


def writable_verdict(bench: Bench, one: Observation, control: Observation | None, scope: dict[str, str]) -> Verdict:
    """One that somebody else can write, or replace: refused, with its path."""
    if one.seen["accepted"]:
        return bench.failed(f"accepted although others can write {one.seen['path']}", [one], **scope)
    if one.seen.get("ended"):
        return bench.failed("the gateway ended on a reload, and its old configuration with it", [one], **scope)
    if not one.seen["refused"]:
        return bench.undecided(
            f"neither accepted nor refused: {one.seen['problem'] or one.seen['tail']}", [one], **scope
        )
    if not one.seen["named"]:
        return bench.failed(f"the refusal does not name {one.seen['path']}: {one.seen['tail'][-200:]}", [one], **scope)
    return bench.passed(
        "refused, with its path", [one], control if control and control.seen["accepted"] else None, **scope
    )


@check("CONF-15", needs=("sealed",))
def refuses_what_changed_since_it_was_sealed(bench: Bench) -> Iterator[Verdict]:
    posture = representative(bench.postures)
    found = bench.facts.find(posture, "sealed")
    controls = {one.seen["reader"]: one for one in found if one.object == SEALED and one.seen["accepted"]}
    if not any(one.object != SEALED for one in found):
        yield bench.unobserved(posture)
        return
    for one in found:
        scope = {"posture": posture, "surface": f"{one.object}:{one.seen['reader']}"}
        if one.object == SEALED:
            if not one.seen["accepted"]:
                yield bench.failed(f"refused although nothing changed: {one.seen['tail']}", [one], **scope)
        elif one.seen["accepted"]:
            yield bench.failed("accepted although it is not what was sealed", [one], **scope)
        elif one.seen["reader"] == "reload" and one.seen["ended"]:
            yield bench.failed("the gateway ended on a reload, and its old configuration with it", [one], **scope)
        elif not one.seen["refused"]:
            yield bench.undecided(
                f"neither accepted nor refused: {one.seen['problem'] or one.seen['tail']}", [one], **scope
            )
        elif not one.seen["says"]:
            yield bench.failed(f"the refusal does not say why: {one.seen['tail'][-200:]}", [one], **scope)
        else:
            yield bench.passed(
                "refused, since it is not what was sealed", [one], controls.get(one.seen["reader"]), **scope
            )
    yield from owner_verdict(bench, posture)


def owner_verdict(bench: Bench, posture: str) -> Iterator[Verdict]:
    """Only the gateway's own user seals."""
    seals = {one.object: one for one in bench.facts.find(posture, "seal")}
    own = seals.get("gateway")
    for name, one in seals.items():
        scope = {"posture": posture, "surface": "seal", "account": name}
        if one is own:
            continue
        if one.seen["exit"] == 0:
            yield bench.failed("an account sealed the configuration", [one], **scope)
        elif own is None or own.seen["exit"] != 0:
            yield bench.undecided(
                f"the gateway's own user cannot seal: {own.seen['tail'] if own else ''}", [one], **scope
            )
        else:
            yield bench.passed("an account cannot seal", [one], own, **scope)
