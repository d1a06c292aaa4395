"""LIFE: what is spawned ends when it must, with all that it started; and the gateway ends when it is told to."""

from __future__ import annotations

from collections.abc import Iterator

from wallbite.checks import Bench, check
from wallbite.observation import Observation
from wallbite.verdict import Verdict

UNREAD = ("hang", "answer")
MEMORY = 64 << 20  # bytes that a gateway may grow by, in memory and on disk, while a plugin writes far more


@check("LIFE-01", needs=("timeouts",))
def enforces_time_outs(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        one = bench.facts.first(posture, "timed-out")
        answered = job(bench, posture, "answers")
        yield time_out_verdict(bench, one, answered) if one and answered else bench.unobserved(posture)
        for then in UNREAD:
            each = bench.facts.first(posture, "unread", object=then)
            scope = {"posture": posture, "surface": f"unread, then {then}"}
            yield unread_verdict(bench, each, answered, scope) if each and answered else bench.unobserved(**scope)
            if each and not each.seen["refused"] and not each.seen["gone"]:
                break  # it has a worker for itself; nothing else was asked of the gateway


def time_out_verdict(bench: Bench, one: Observation, answered: Observation) -> Verdict:
    """The verdict on a plugin that does not answer: gone, and its job failed, soon after its time-out."""
    scope, seen = {"posture": one.posture}, one.seen
    if not seen["appeared"]:
        return bench.undecided("the plugin that was to hang did not show itself", [one], **scope)
    bound = seen["timeout"] + seen["grace"]
    if not seen["gone"]:
        return bench.failed(
            f"a plugin with a time-out of {seen['timeout']:g} s ran on after {bound:g} s", [one], **scope
        )
    if not answered.seen["finished"] or answered.seen["error"]:
        return bench.undecided("a plugin that answers at once did not finish, either", [one, answered], **scope)
    if not seen["finished"]:
        return bench.failed("the plugin is gone, and its job is not finished", [one], **scope)
    if seen["status"] == answered.seen["status"]:
        return bench.failed(f"the job that timed out ended {seen['status']!r}, as one that answers", [one], **scope)
    if seen["seconds"] < seen["timeout"]:
        return bench.undecided(f"it was gone after {seen['seconds']:g} s, before its time-out", [one], **scope)
    return bench.passed(f"gone after {seen['seconds']:g} s, its job {seen['status']}", [one], answered, **scope)


def unread_verdict(bench: Bench, one: Observation, answered: Observation, scope: dict[str, str]) -> Verdict:
    """The verdict on a plugin that does not read its request: it ends, and its job does."""
    seen = one.seen
    if seen["refused"]:
        return bench.inapplicable(f"no request is taken that is longer than a pipe holds: {seen['refused']}", **scope)
    if not seen["deaf"]:
        return bench.undecided("the plugin that was not to read did not show itself, or has read", [one], **scope)
    if not seen["gone"]:
        return bench.failed(f"a plugin that does not read ran on after {seen['within']:g} s", [one], **scope)
    if not answered.seen["finished"] or answered.seen["error"]:
        return bench.undecided("a plugin that answers at once did not finish, either", [one, answered], **scope)
    if not seen["finished"]:
        return bench.failed("a plugin that does not read is gone, and its job is not finished", [one], **scope)
    return bench.passed(f"gone, its job {seen['status']}", [one], answered, **scope)


def job(bench: Bench, posture: str, name: str) -> Observation | None:
    """How a job of the requirement's case ended."""
    return bench.facts.first(posture, "job", object=name, kind=bench.kinds[0])


@check("LIFE-02", needs=("timeouts",))
def ends_descendants_too(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        left = bench.facts.find(posture, "left")
        sibling = bench.facts.first(posture, "sibling")
        if not left or sibling is None:
            yield bench.unobserved(posture)
            continue
        for one in left:
            yield descendant_verdict(bench, one, sibling)
        yield sibling_verdict(bench, sibling)


def descendant_verdict(bench: Bench, one: Observation, sibling: Observation) -> Verdict:
    """The verdict on one process that a plugin left behind."""
    scope = {"posture": one.posture, "surface": one.object}
    if not one.seen["appeared"]:
        return bench.undecided("it never showed itself", [one], **scope)
    if not one.seen["gone"]:
        why = f"a descendant of a plugin lived on {one.seen['within']:g} s after the plugin"
        return bench.failed(why, [one], **scope)
    return bench.passed("gone with its plugin", [one], sibling if sibling.seen["before"] else None, **scope)


def sibling_verdict(bench: Bench, one: Observation) -> Verdict:
    """The verdict on another job of the same account, which must not end with the first."""
    scope = {"posture": one.posture, "surface": "sibling"}
    if missing := sorted(set(one.seen["all"]) - set(one.seen["before"])):
        return bench.undecided(f"of the other job was not there: {', '.join(missing)}", [one], **scope)
    if ended := sorted(set(one.seen["before"]) - set(one.seen["after"])):
        return bench.failed(f"another job of the account lost {', '.join(ended)} when one ended", [one], **scope)
    control = job(bench, one.posture, "leaves")
    return bench.passed("another job of the account went on, with all that it had started", [one], control, **scope)


@check("LIFE-03", needs=("pipes",))
def is_not_held_by_pipes(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        holders = bench.facts.find(posture, "holder")
        if not holders:
            yield bench.unobserved(posture)
        for one in holders:
            yield holder_verdict(bench, one)


def holder_verdict(bench: Bench, one: Observation) -> Verdict:
    """The verdict on a plugin whose stdout somebody else holds: its job ends, and its worker takes the next."""
    scope = {"posture": one.posture, "surface": one.object}
    held, after = (job(bench, one.posture, f"{what}/{one.object}") for what in ("holds", "next"))
    if held is None or after is None or not one.seen["appeared"] or not one.seen["taken"]:
        return bench.undecided("nobody held the pipes, or more than one worker was free", [one], **scope)
    for each, what in ((held, "the job whose stdout is held"), (after, "the next job of the worker")):
        if not each.seen["finished"]:
            return bench.failed(f"{what} was not finished after {each.seen['seconds']:g} s", [one, each], **scope)
    return bench.passed(
        f"finished after {held.seen['seconds']:g} s, and the next one after {after.seen['seconds']:g} s",
        [one, held, after],
        job(bench, one.posture, "answers"),
        **scope,
    )


@check("LIFE-04", needs=("pipes",))
def bounds_floods(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        floods = bench.facts.find(posture, "flood")
        if not floods:
            yield bench.unobserved(posture)
        for one in floods:
            yield flood_verdict(bench, one)


def flood_verdict(bench: Bench, one: Observation) -> Verdict:
    """The verdict on one stream: the job ends, and neither memory nor disk takes in what was written."""
    scope, seen = {"posture": one.posture, "surface": one.object}, one.seen
    if not seen["appeared"]:
        return bench.undecided("the plugin that was to flood did not show itself", [one], **scope)
    if not seen["alive"]:
        return bench.failed("the gateway ended under a flood of output", [one], **scope)
    for what in ("grew", "written"):
        if seen[what] > MEMORY:
            where = "its memory grew" if what == "grew" else "its files grew"
            return bench.failed(f"{where} by {seen[what] >> 20} MiB under a flood of output", [one], **scope)
    if not seen["finished"] or not seen["gone"]:
        return bench.failed("the job of a plugin that floods its output did not come to an end", [one], **scope)
    if seen["memory_before"] <= 0:
        return bench.undecided("the gateway's memory could not be read", [one], **scope)
    return bench.passed(
        f"of {seen['offered'] >> 20} MiB offered it took {seen['grew'] >> 10} KiB of memory and "
        f"{seen['written'] >> 10} KiB of disk",
        [one],
        job(bench, one.posture, "answers"),
        **scope,
    )


@check("LIFE-05", needs=("stops",))
def takes_its_plugins_along(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        one = bench.facts.first(posture, "died")
        yield died_verdict(bench, one) if one else bench.unobserved(posture)


def died_verdict(bench: Bench, one: Observation) -> Verdict:
    """The verdict on what lives on after the gateway was killed."""
    scope, living = {"posture": one.posture}, one.seen["living"]
    if not one.seen["appeared"] or set(one.seen["all"]) - set(one.seen["before"]):
        return bench.undecided("the plugin that was to outlive it was not all there", [one], **scope)
    control = job(bench, one.posture, "answers")
    if not living["death"]:
        return bench.passed("all of the plugin ended with the gateway", [one], control, **scope)
    if living["start"]:
        who = ", ".join(living["start"])
        return bench.failed(f"after the gateway's death and next start these live on: {who}", [one], **scope)
    return bench.passed("all of the plugin was ended at the next start", [one], control, **scope)


@check("LIFE-06", needs=("stops",))
def stops_in_good_order(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        one = bench.facts.first(posture, "stopped")
        waited, answered = job(bench, posture, "waits"), job(bench, posture, "answers")
        if one is None or waited is None or answered is None:
            yield bench.unobserved(posture)
            continue
        yield ending_verdict(bench, one, answered)
        yield drain_verdict(bench, one, waited, answered)


def ending_verdict(bench: Bench, one: Observation, answered: Observation) -> Verdict:
    """The verdict on the end: in time, although a plugin hangs, which is then gone."""
    scope, seen = {"posture": one.posture, "surface": "end"}, one.seen
    if not seen["appeared"]:
        return bench.undecided("the plugins that were to run did not show themselves", [one], **scope)
    if not seen["ended"]:
        return bench.failed(f"it had not ended {seen['within']:g} s after it was told to stop", [one], **scope)
    if seen["exit"] < 0:
        return bench.failed(f"it ended by signal {-seen['exit']}", [one], **scope)
    if not seen["gone"]:
        return bench.failed("it ended, and the plugin that hangs lives on", [one], **scope)
    return bench.passed(f"ended with {seen['exit']} after {seen['seconds']:g} s", [one], answered, **scope)


def drain_verdict(bench: Bench, one: Observation, waited: Observation, answered: Observation) -> Verdict:
    """The verdict on a job that was about to finish: it could."""
    scope = {"posture": one.posture, "surface": "drain"}
    if not one.seen["appeared"] or not answered.seen["finished"] or answered.seen["error"]:
        return bench.undecided("no job was about to finish when it was told to stop", [one, answered], **scope)
    if one.seen["early"]:
        return bench.failed("it ended at once, without waiting for a job that was about to finish", [one], **scope)
    if one.seen["answered"] > one.seen["drain"] / 2:
        why = f"its plugin ended {one.seen['answered']:g} s after the order to stop: too late to tell"
        return bench.undecided(f"{why} ({one.seen['drain']:g} s are granted)", [one], **scope)
    if not waited.seen["finished"] or waited.seen["status"] != answered.seen["status"]:
        why = f"a job that answered while the gateway stopped is {waited.seen['status']!r} after the next start"
        return bench.failed(why, [one, waited], **scope)
    return bench.passed("a job that answered while the gateway stopped was kept", [one, waited], answered, **scope)


@check("LIFE-07", needs=("stops",))
def refuses_a_second_gateway(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        tries = {one.object: one for one in bench.facts.find(posture, "second-gateway")}
        if not tries:
            yield bench.unobserved(posture)
        for name in ("same", "other"):
            if name in tries:
                yield second_verdict(bench, tries[name], tries.get("apart"))


def second_verdict(bench: Bench, one: Observation, apart: Observation | None) -> Verdict:
    """The verdict on a second gateway; the control is one that shares no state, and comes up."""
    scope, seen = {"posture": one.posture, "surface": one.object}, one.seen
    if not seen["first_alive"]:
        return bench.failed("the first gateway did not outlive the start of a second", [one], **scope)
    if seen["ended"] != "exited":
        return bench.failed("a second gateway runs on the state of the first", [one], **scope)
    if seen["exit"] <= 0:
        return bench.failed(f"a second gateway ended with {seen['exit']}, not as one that refuses", [one], **scope)
    if not seen["refused"]:
        return bench.undecided(f"it ended with {seen['exit']}, and does not say that it refuses", [one], **scope)
    control = apart if apart and apart.seen["ended"] == "ready" else None
    return bench.passed(f"refused with exit status {seen['exit']}", [one], control, **scope)
