"""BOX: what surrounded a tool's payload, what outlived it, and what was refused before it ran."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from wallbite.checks import Bench, check
from wallbite.observation import Observation
from wallbite.verdict import Verdict

POSTURE: Final = "unprivileged"
STATES: Final = ("confined", "degraded")
KINDS: Final = {
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
