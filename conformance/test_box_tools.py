"""BOX: what a tool's payload reached, what surrounded it, what outlived it, and what was refused before it ran."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from wallbite.checks import Bench, check
from wallbite.observation import OK, Observation
from wallbite.verdict import Verdict

POSTURE: Final = "unprivileged"
STATES: Final = ("confined", "degraded")
WALLED: Final = ("outside", "home", "system", "etc", "kernel", "secret", "stranger")
BARE: Final = ("CapEff", "CapPrm")
KINDS: Final = {
    "reach": "reach",
    "surroundings": "surroundings",
    "runaways": "runaways",
    "flood": "commands",
    "command": "commands",
}
FENCED: Final = ("outside", "parent", "through-link", "through-proc")
FORBIDDEN: Final = (
    "separator",
    "substitution",
    "back-quotes",
    "redirect",
    "conjunction",
    "unlisted",
    "interpreter",
    *FENCED,
    "glob",
)


def seen_in(bench: Bench, state: str, operation: str, name: str) -> Observation | None:
    """An observation of the case that ran tools in a state."""
    return bench.facts.first(POSTURE, operation, object=name, case=f"{KINDS[operation]}-{state}@{POSTURE}")


def attempts(one: Observation | None) -> Mapping[str, Any]:
    """What a payload tried; nothing where it did not run."""
    said = one.seen["said"] if one else None
    return said["attempts"] if said else {}


def silent(bench: Bench, state: str, one: Observation | None) -> Verdict:
    """Inconclusive: the payload did not run."""
    if one is None:
        return bench.unobserved(POSTURE, surface=state)
    told = one.seen["told"]
    why = f"the payload did not run: {told['error']} {told['text']} {told['answer'].get('text', '')}"
    return bench.undecided(why[:300], [one], posture=POSTURE, surface=state)


def unconfined(bench: Bench, names: tuple[str, ...]) -> Observation | None:
    """The control: the same attempts succeeded where the sandbox was opted out of."""
    one = seen_in(bench, "confined", "reach", "control")
    tried = attempts(one)
    return one if tried and all(tried[name][0] == OK for name in names) else None


@check("BOX-04", needs=("reach",))
def only_the_work_area(bench: Bench) -> Iterator[Verdict]:
    one = seen_in(bench, "confined", "reach", "plain")
    tried = attempts(one)
    if one is None or not tried:
        yield silent(bench, "confined", one)
        return
    scope = {"posture": POSTURE, "surface": "confined"}
    bad = [f"{name} could be reached" for name in WALLED if tried[name][0] == OK]
    status, spaces = one.seen["said"]["status"], one.seen["said"]["namespaces"]
    bad += [f"{name} is {status[name]}" for name in BARE if int(status[name] or "1", 16)]
    bad += ["no_new_privs is not set"] if status["NoNewPrivs"] != "1" else []
    bad += [f"the {name} namespace is the host's" for name, own in one.seen["own"].items() if spaces[name] == own]
    if bad:
        yield bench.failed("; ".join(bad), [one], **scope)
    elif tried["inside"][0] != OK:
        yield bench.undecided("the payload cannot write to its own work area", [one], **scope)
    else:
        control = unconfined(bench, ("outside", "home", "secret", "stranger"))
        yield bench.passed("only the work area; no capability; namespaces of its own", [one], control, **scope)


@check("BOX-05", needs=("reach",))
def no_network_unless_declared(bench: Bench) -> Iterator[Verdict]:
    plain, declared = (seen_in(bench, "confined", "reach", name) for name in ("plain", "network"))
    if plain is None or not attempts(plain):
        yield silent(bench, "confined", plain)
        return
    scope = {"posture": POSTURE, "surface": "confined"}
    heard = [name for name, count in plain.seen["heard"].items() if count]
    open_ = [name for name in ("connect", "abstract") if attempts(plain)[name][0] == OK]
    if heard or open_:
        yield bench.failed(f"undeclared, and reached: {', '.join([*open_, *heard])}", [plain], **scope)
        return
    control = (
        declared if declared and declared.seen["heard"]["stream"] and attempts(declared)["connect"][0] == OK else None
    )
    yield bench.passed(
        "nothing reached the listeners; with network declared the same payload does", [plain], control, **scope
    )


@check("BOX-18", needs=("reach",))
def stored_credentials_are_unreachable(bench: Bench) -> Iterator[Verdict]:
    one = seen_in(bench, "confined", "reach", "plain")
    tried = attempts(one)
    if one is None or not tried:
        yield silent(bench, "confined", one)
        return
    scope = {"posture": POSTURE, "surface": "confined"}
    if tried["credentials"][0] == OK:
        yield bench.failed("the payload read a stored credential", [one], **scope)
    else:
        text = f"the attempt ended with {tried['credentials'][0]}"
        yield bench.passed(text, [one], unconfined(bench, ("credentials",)), **scope)


@check("CHAN-13", needs=("reach",))
def the_own_transcript_is_out_of_reach(bench: Bench) -> Iterator[Verdict]:
    one = seen_in(bench, "confined", "reach", "plain")
    tried = attempts(one)
    if one is None or not tried:
        yield silent(bench, "confined", one)
        return
    scope = {"posture": POSTURE, "surface": "confined"}
    ways = {"read": "transcript-read", "forge": "transcript-forge", "erase": "transcript-erase"}
    if not set(ways.values()) <= tried.keys():
        yield bench.undecided("the product wrote no transcript beside this work area", [one], **scope)
        return
    if bad := [way for way, name in ways.items() if tried[name][0] == OK]:
        yield bench.failed(f"confined code could {', '.join(bad)} the transcript of its own run", [one], **scope)
    else:
        yield bench.passed(
            "it could not be read, forged or erased", [one], unconfined(bench, ("transcript-read",)), **scope
        )


@check("BOX-06.1", needs=("surroundings",))
def secrets_never_pass(bench: Bench) -> Iterator[Verdict]:
    table = bench.facts.tables["tool_environment"]
    for state in STATES:
        one = seen_in(bench, state, "surroundings", "declared")
        scope = {"posture": POSTURE, "surface": state}
        if one is None or one.seen["names"] is None:
            yield bench.unobserved(**scope)
            continue
        there = set(one.seen["names"])
        missed = {name: sorted(there & set(table["classes"][name])) for name in table["strip"]}
        kept = [name for group in table["pass"] for name in table["classes"][group]]
        if bad := [f"{name}: {', '.join(found)}" for name, found in missed.items() if found]:
            count = sum(map(len, missed.values()))
            yield bench.failed(f"{count} names reached the tool: {'; '.join(bad)}", [one], **scope)
        else:
            text = f"none of {sum(len(table['classes'][name]) for name in table['strip'])} names reached the tool"
            yield bench.passed(text, [one], one if there & set(kept) else None, **scope)


@check("BOX-06.2", needs=("surroundings",))
def configuration_passes_when_declared(bench: Bench) -> Iterator[Verdict]:
    table = bench.facts.tables["tool_environment"]
    kept = {name for group in table["pass"] for name in table["classes"][group]}
    for state in STATES:
        one, bare = (seen_in(bench, state, "surroundings", name) for name in ("declared", "nothing"))
        scope = {"posture": POSTURE, "surface": state}
        if one is None or bare is None or one.seen["names"] is None or bare.seen["names"] is None:
            yield bench.unobserved(**scope)
            continue
        lost, undeclared = kept - set(one.seen["names"]), kept & set(bare.seen["names"])
        if undeclared:
            told = (
                f"{len(undeclared)} names that nothing declared reached the tool: {', '.join(sorted(undeclared)[:5])}"
            )
            yield bench.failed(told, [bare], **scope)
        elif lost:
            yield bench.failed(f"declared, and not there: {', '.join(sorted(lost)[:8])}", [one], **scope)
        else:
            yield bench.passed(f"{len(kept)} names, there when declared and not else", [one, bare], one, **scope)


@check("BOX-07", needs=("reach",))
def limits_hold(bench: Bench) -> Iterator[Verdict]:
    for state in STATES:
        one = seen_in(bench, state, "reach", "plain")
        tried = attempts(one)
        if one is None or not tried:
            yield silent(bench, state, one)
            continue
        scope = {"posture": POSTURE, "surface": state}
        limits = one.seen["said"]["limits"]
        declared = bench.facts.setting.declared["limits"]
        most = {"RLIMIT_AS": declared["address-space"], "RLIMIT_FSIZE": declared["file-size"], "RLIMIT_CORE": 0}
        bad = [
            f"{name} is {limits[name][1]}, at most {top}"
            for name, top in most.items()
            if not 0 <= limits[name][1] <= top
        ]
        bad += [f"{name} could be raised" for name in ("raise-space", "raise-size") if tried[name][0] == OK]
        if bad:
            yield bench.failed("; ".join(bad), [one], **scope)
        else:
            yield bench.passed("hard limits, which cannot be raised", [one], one, **scope)


def outlived(bench: Bench, name: str, *, timed: bool) -> Iterator[Verdict]:
    """Whether anything outlived a time-out, or its library."""
    for state in STATES:
        one = seen_in(bench, state, "runaways", name)
        scope = {"posture": POSTURE, "surface": state}
        if one is None:
            yield bench.unobserved(**scope)
            continue
        late = timed and one.seen["seconds"] > one.seen["brief"] + 3
        bad = [f"{', '.join(one.seen['left'])} outlived it"] if one.seen["left"] else []
        bad += [f"the call returned after {one.seen['seconds']} s of {one.seen['brief']}"] if late else []
        if bad:
            yield bench.failed("; ".join(bad), [one], **scope)
        elif len(one.seen["alive"]) < 6:
            yield bench.undecided(f"only these came to life: {', '.join(one.seen['alive'])}", [one], **scope)
        elif one.seen["problem"]:
            yield bench.undecided(one.seen["problem"], [one], **scope)
        else:
            yield bench.passed(f"all {len(one.seen['alive'])} were alive, and none is left", [one], one, **scope)


@check("BOX-08", needs=("runaways",))
def a_time_out_reaps_everything(bench: Bench) -> Iterator[Verdict]:
    yield from outlived(bench, "time-out", timed=True)


@check("BOX-09", needs=("runaways",))
def nothing_outlives_its_library(bench: Bench) -> Iterator[Verdict]:
    yield from outlived(bench, "parent", timed=False)


@check("BOX-10", needs=("commands",))
def output_is_bounded(bench: Bench) -> Iterator[Verdict]:
    most = bench.facts.setting.declared["limits"]["output"]
    for state in STATES:
        one = seen_in(bench, state, "flood", "output")
        scope = {"posture": POSTURE, "surface": state}
        if one is None:
            yield bench.unobserved(**scope)
        elif one.seen["length"] > most:
            yield bench.failed(f"{one.seen['length']} characters came back, at most {most}", [one], **scope)
        elif not one.seen["began"]:
            yield bench.undecided(one.seen["problem"] or "the beginning of the output is not there", [one], **scope)
        else:
            text = f"{one.seen['length']} characters of {one.seen['printed']} bytes"
            yield bench.passed(text, [one], one, **scope)


def commands(bench: Bench, state: str, names: tuple[str, ...]) -> Verdict:
    """Whether commands had an effect that no tool may have."""
    scope = {"posture": POSTURE, "surface": state}
    found = [seen_in(bench, state, "command", name) for name in names]
    seen = [one for one in found if one is not None]
    bad = [one for one in seen if one.seen["marked"] or one.seen["leaked"]]
    bad += [one for one in seen if one.object == "glob" and one.seen["inner"] and one not in bad]
    if bad:
        told = "; ".join(f"{one.object} ({one.seen['command']})" for one in bad)
        return bench.failed(f"had its effect: {told}", bad, **scope)
    if len(seen) < len(names):
        return bench.unobserved(**scope)
    control = seen_in(bench, state, "command", "control")
    return bench.passed(
        f"none of {len(names)} commands had its effect",
        seen,
        control if control and control.seen["inner"] else None,
        **scope,
    )


@check("BOX-15", needs=("commands",))
def the_degraded_state_keeps_its_rules(bench: Bench) -> Iterator[Verdict]:
    yield commands(bench, "degraded", FORBIDDEN)


@check("BOX-12", needs=("commands", "asked"))
def files_stay_under_the_root(bench: Bench) -> Iterator[Verdict]:
    for state in STATES:
        yield commands(bench, state, FENCED)
    scope = {"posture": POSTURE, "surface": "file tool"}
    seen = bench.facts.find(POSTURE, "file")
    control = next((one for one in seen if one.object == "control" and one.seen["inner"]), None)
    if bad := [one for one in seen if one.seen["leaked"]]:
        yield bench.failed("; ".join(f"{one.object} ({one.seen['path']})" for one in bad), bad, **scope)
    elif len(seen) < 12:
        yield bench.unobserved(**scope)
    else:
        yield bench.passed(f"none of {len(seen) - 1} paths leads out", seen, control, **scope)
