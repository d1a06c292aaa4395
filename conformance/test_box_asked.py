"""BOX: what the library answers without running anything, beside what its documentation prints."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from wallbite.checks import Bench, check
from wallbite.verdict import Verdict

POSTURE = "unprivileged"
DECLARED = ("nothing", "declared")
OF_THE_PAYLOAD = frozenset({"PWD", "OLDPWD", "SHLVL", "_", "LC_CTYPE"})  # what bash and Python themselves put there


@check("BOX-11", needs=("asked",))
def a_call_cannot_widen_its_skill(bench: Bench) -> Iterator[Verdict]:
    found = {one.object: one for one in bench.facts.find(POSTURE, "widened")}
    scope = {"posture": POSTURE}
    if "passive" not in found or "control" not in found:
        yield bench.unobserved(**scope)
    elif found["passive"].seen["ran"]:
        yield bench.failed(
            "a skill that may only look ran a script by asking for another profile", [found["passive"]], **scope
        )
    else:
        control = found["control"] if found["control"].seen["ran"] else None
        yield bench.passed("the call's own argument widened nothing", [found["passive"]], control, **scope)


@check("BOX-13", needs=("asked",))
def internal_addresses_are_refused(bench: Bench) -> Iterator[Verdict]:
    seen = bench.facts.find(POSTURE, "address")
    internal = [one for one in seen if one.seen["kind"] == "internal"]
    scope = {"posture": POSTURE}
    control = next((one for one in seen if one.seen["kind"] == "open" and not one.seen["refused"]), None)
    if bad := [one for one in internal if not one.seen["refused"]]:
        yield bench.failed(f"not refused: {', '.join(one.object for one in bad)}", bad, **scope)
    elif len(internal) < len(bench.facts.tables["addresses"]["internal"]):
        yield bench.unobserved(**scope)
    else:
        yield bench.passed(f"each of {len(internal)} forms is refused", internal, control, **scope)


@check("BOX-14", needs=("asked",))
def printed_steps_run(bench: Bench) -> Iterator[Verdict]:
    for name in bench.facts.setting.declared["printed"]:
        one = bench.facts.first(POSTURE, "printed", object=name)
        scope = {"posture": POSTURE, "surface": name}
        if one is None:
            yield bench.unobserved(**scope)
        elif one.seen["error"] == "none":
            yield bench.undecided(one.seen["text"], [one], **scope)
        elif one.seen["error"]:
            yield bench.failed(f"it ends with {one.seen['error']}: {one.seen['text']}", [one], **scope)
        elif not one.seen["ends"]:
            yield bench.failed("it does not print what the page says", [one], **scope)
        else:
            yield bench.passed("it runs, and ends as it says", [one], one, **scope)
    if not bench.facts.setting.declared["printed"]:
        yield bench.inapplicable("its documentation prints no step")


@check("BOX-16", needs=("asked",))
def shipped_declarations_are_as_printed(bench: Bench) -> Iterator[Verdict]:
    one = bench.facts.first(POSTURE, "declarations")
    wanted = sorted(bench.facts.setting.declared["network-skills"])
    if one is None or one.seen["error"]:
        yield bench.unobserved(POSTURE)
        return
    found, every = sorted(one.seen["answer"]["network"]), one.seen["answer"]["skills"]
    if found != wanted:
        told = f"network is declared by {', '.join(found) or 'none'}; the page says {', '.join(wanted) or 'none'}"
        yield bench.failed(told, [one], posture=POSTURE)
    else:
        control = one if every > len(found) else None
        yield bench.passed(f"{', '.join(found)} of {every} skills", [one], control, posture=POSTURE)


def effect(answer: Mapping[str, Any]) -> dict[str, Any]:
    """What a declaration comes to: what is no variable's name passes nothing."""
    names = [name for name in answer.get("environment", ()) if re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", str(name))]
    return {"network": answer.get("network"), "environment": names}


@check("BOX-17", needs=("asked", "surroundings"))
def a_declaration_has_its_printed_effect(bench: Bench) -> Iterator[Verdict]:
    seen = bench.facts.find(POSTURE, "declared")
    if not seen:
        yield bench.unobserved(POSTURE, surface="declarations")
    several = len({str(one.seen["answer"]) for one in seen}) > 1
    for one in seen:
        scope = {"posture": POSTURE, "surface": one.object}
        if one.seen["error"]:
            yield bench.failed(f"it is refused: {one.seen['error']}: {one.seen['text']}", [one], **scope)
            continue
        wanted, found = one.seen["wanted"], effect(one.seen["answer"])
        bad = [f"{key} is {found[key]!r}, printed {value!r}" for key, value in wanted.items() if found[key] != value]
        if bad:
            yield bench.failed("; ".join(bad), [one], **scope)
        else:
            yield bench.passed("as it is printed", [one], one if several else None, **scope)
    yield from undeclared(bench)


def undeclared(bench: Bench) -> Iterator[Verdict]:
    """Whether a tool whose skill declares nothing has the environment that is stated."""
    stated = bench.facts.setting.declared["bare-environment"]
    if not stated:
        yield bench.inapplicable("its documentation states no environment of a skill that declares nothing")
        return
    for state in ("confined", "degraded"):
        scope = {"posture": POSTURE, "surface": f"nothing declared, {state}"}
        case = f"surroundings-{state}@{POSTURE}"
        bare, full = (bench.facts.first(POSTURE, "surroundings", object=name, case=case) for name in DECLARED)
        if bare is None or bare.seen["names"] is None:
            yield bench.unobserved(**scope)
        elif more := sorted(set(bare.seen["names"]) - set(stated) - OF_THE_PAYLOAD):
            rest = f" and {len(more) - 8} more" if len(more) > 8 else ""
            yield bench.failed(f"stated nowhere, and there: {', '.join(more[:8])}{rest}", [bare], **scope)
        else:
            control = (
                full if full and full.seen["names"] and set(full.seen["names"]) - set(bare.seen["names"]) else None
            )
            yield bench.passed(f"nothing but {', '.join(stated)}", [bare], control, **scope)
