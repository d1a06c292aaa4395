"""BOX: what the sandbox is in each setting, proven by what a payload can do, beside what the target says of it."""

from __future__ import annotations

from collections.abc import Iterator

from wallbite.checks import Bench, check
from wallbite.observation import Observation
from wallbite.verdict import Verdict

POSTURE = "unprivileged"
OUT = ("unsafe", "off", "require=1+unsafe", "require=1+off")


def states(bench: Bench) -> dict[tuple[str, str], Observation]:
    """What was seen, by the tool's state and the setting."""
    return {(one.seen["tool"], one.seen["setting"]): one for one in bench.facts.find(POSTURE, "state")}


def wanted(bench: Bench, tool: str, setting: str) -> str:
    """The state that the table expects."""
    return str(bench.facts.tables["sandbox_states"][tool][setting])


def against_table(
    bench: Bench, tools: tuple[str, ...], settings: tuple[str, ...], control: Observation | None
) -> Iterator[Verdict]:
    """A verdict for each setting: with every state of the tool, what the payload saw is what the table says."""
    found = states(bench)
    for setting in settings:
        scope = {"posture": POSTURE, "surface": setting}
        seen = [found[tool, setting] for tool in tools if (tool, setting) in found]
        bad = [one for one in seen if one.seen["proven"] not in {wanted(bench, one.seen["tool"], setting), "unknown"}]
        unknown = [one for one in seen if one.seen["proven"] == "unknown"]
        if bad:
            told = "; ".join(
                f"tool {one.seen['tool']}: {one.seen['proven']}, expected {wanted(bench, one.seen['tool'], setting)}"
                for one in bad
            )
            yield bench.failed(told, bad, **scope)
        elif len(seen) < len(tools):
            yield bench.unobserved(**scope)
        elif unknown:
            yield bench.undecided(
                f"tool {unknown[0].seen['tool']}: the payload did not show the state", unknown, **scope
            )
        else:
            yield bench.passed("as the table says, whatever the tool is", seen, control, **scope)


def ran_confined(bench: Bench) -> Observation | None:
    """A payload that ran, confined."""
    one = states(bench).get(("works", "require=1"))
    return one if one and one.seen["proven"] == "confined" else None


@check("BOX-01", needs=("states",))
def require_fails_closed(bench: Bench) -> Iterator[Verdict]:
    settings, found = ("require=1", "require=true", "require=yes"), states(bench)
    opted_out = [found.get((tool, "unsafe")) for tool in ("absent", "broken")]  # the payload can run there
    ran = all(one is not None and one.seen["proven"] == "degraded" for one in opted_out)
    yield from against_table(bench, ("absent", "broken"), settings, ran_confined(bench) if ran else None)


@check("BOX-02", needs=("states",))
def an_opt_out_is_honoured_and_said(bench: Bench) -> Iterator[Verdict]:
    word = bench.facts.setting.declared["states"].get("degraded", "")
    for verdict in against_table(bench, ("works", "absent", "broken", "elsewhere"), OUT, ran_confined(bench)):
        seen = [one for (_, setting), one in states(bench).items() if setting == verdict.surface]
        silent = [one for one in seen if one.seen["said"] != word]
        if verdict.ruling == "pass" and silent:
            told = f"it does not say so: it calls its state {silent[0].seen['said']!r}"
            yield bench.failed(told, silent, posture=POSTURE, surface=verdict.surface)
        else:
            yield verdict


@check("BOX-03", needs=("states",))
def the_doctor_tells_the_state(bench: Bench) -> Iterator[Verdict]:
    found = states(bench)
    asked = {key: one for key, one in found.items() if one.seen["doctor"] is not None}
    several = {one.seen["doctor"]["state"] for one in asked.values()} - {""}
    for tool in ("works", "absent", "broken", "elsewhere"):
        scope = {"posture": POSTURE, "surface": f"tool {tool}"}
        seen = [one for (name, _), one in asked.items() if name == tool and one.seen["proven"] != "unknown"]
        if not seen:
            yield bench.unobserved(**scope)
            continue
        bad = [one for one in seen if one.seen["doctor"]["state"] not in {"", one.seen["proven"]}]
        mute = [one for one in seen if not one.seen["doctor"]["state"]]
        if bad:
            told = "; ".join(
                f"{one.seen['setting']}: it says {one.seen['doctor']['state']}, the payload saw {one.seen['proven']}"
                for one in bad
            )
            yield bench.failed(told, bad, **scope)
        elif mute:
            yield bench.undecided(
                f"{mute[0].seen['setting']}: what it says is none of the declared words", mute, **scope
            )
        else:
            yield bench.passed("it tells what the payload saw", seen, seen[0] if len(several) > 1 else None, **scope)
