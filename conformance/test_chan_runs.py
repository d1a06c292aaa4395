"""CHAN: what a whole run leaves, what a checkpoint keeps, and what several writers do to one file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from typing import Any

from wallbite.checks import Bench, check
from wallbite.observation import Observation
from wallbite.verdict import Verdict

File = tuple[str, str, bool, bool]  # path, mode, whether it holds the prompt, and the tool's result


def files(one: Observation, patterns: Iterable[str] = ("*",)) -> list[File]:
    """The files of a sweep that a pattern names."""
    wanted = tuple(patterns)
    return [tuple(file) for file in one.seen["files"] if any(fnmatchcase(file[0], pattern) for pattern in wanted)]


def is_open(file: File) -> bool:
    """Whether others may read it."""
    return bool(int(file[1], 8) & 0o004)


def incomplete(one: Observation) -> str:
    """Why a sweep shows nothing; a run that broke may still have left files that do."""
    if one.seen["problem"]:
        return f"the run did not come to its end: {one.seen['problem']}"
    return f"it left {one.seen['more']} files more, which were not looked at" if one.seen["more"] else ""


@check("CHAN-14", needs=("product",))
def a_whole_run_keeps_the_modes(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        one = bench.facts.first(posture, "sweep", object="000")
        for channel, declared in bench.facts.setting.declared["channels"].items():
            scope = {"posture": posture, "surface": channel}
            if one is None:
                yield bench.unobserved(**scope)
                continue
            left = files(one, [declared["found"]])
            bad = [f"{path} is {mode}" for path, mode, *_ in left if mode != declared["mode"]]
            if bad:
                yield bench.failed(f"{'; '.join(bad[:3])}, declared {declared['mode']}", [one], **scope)
            elif why := incomplete(one) or ("" if left else "the run left no file of this channel"):
                yield bench.undecided(why, [one], **scope)
            else:
                holds = one if any(file[2] or file[3] for file in left) else None
                yield bench.passed(f"{len(left)} files, each {declared['mode']}", [one], holds, **scope)


def channel_patterns(bench: Bench) -> list[str]:
    """Where the channels' files are found."""
    return [each["found"] for each in bench.facts.setting.declared["channels"].values()]


@check("CHAN-10", needs=("product",))
def what_is_readable_is_listed(bench: Bench) -> Iterator[Verdict]:
    listed = bench.facts.setting.declared["readable"]
    for posture in bench.postures:
        one = bench.facts.first(posture, "sweep", object="022")
        if one is None:
            yield bench.unobserved(posture)
            continue
        found = [file for file in files(one) if is_open(file)]
        loose = [file for file in found if not any(fnmatchcase(file[0], pattern) for pattern in listed)]
        closed = [file for file in files(one) if not is_open(file)]
        if loose:
            told = ", ".join(f"{path} {mode}" for path, mode, *_ in loose[:6])
            more = f" and {len(loose) - 6} more" if len(loose) > 6 else ""
            yield bench.failed(f"readable by others, and on no list: {told}{more}", [one], posture=posture)
        elif why := incomplete(one):
            yield bench.undecided(why, [one], posture=posture)
        else:
            text = f"{len(found)} readable files, all listed; {len(closed)} closed ones"
            yield bench.passed(text, [one], one if closed else None, posture=posture)


@check("CHAN-15", needs=("product",))
def what_is_readable_holds_no_content(bench: Bench) -> Iterator[Verdict]:
    declared = bench.facts.setting.declared
    for posture in bench.postures:
        one = bench.facts.first(posture, "sweep", object="022")
        if one is None:
            yield bench.unobserved(posture)
            continue
        told = {file[0] for file in files(one, declared["telemetry"])}
        meant = {file[0] for file in files(one, declared["readable"])} - told
        looked = [file for file in files(one) if file[0] in told or (is_open(file) and file[0] not in meant)]
        if bad := [file for file in looked if file[2] or file[3]]:
            names = ", ".join(f"{file[0]} ({'prompt' if file[2] else 'tool result'})" for file in bad[:5])
            yield bench.failed(f"readable by others, with content of the run: {names}", [one], posture=posture)
        elif why := incomplete(one) or ("" if told else "the run left no telemetry"):
            yield bench.undecided(why, [one], posture=posture)
        else:
            control = one if any(file[3] for file in files(one, channel_patterns(bench))) else None
            yield bench.passed(f"no content in {len(looked)} files", [one], control, posture=posture)


def redactions(bench: Bench, parts: tuple[str, ...]) -> Iterator[Verdict]:
    """A verdict for each part of a conversation."""
    for posture in bench.postures:
        one = bench.facts.first(posture, "redaction")
        for part in parts:
            scope = {"posture": posture, "surface": part}
            if one is None:
                yield bench.unobserved(**scope)
            elif kept := one.seen["kept"][part]:
                yield bench.failed(f"kept as they were: {', '.join(kept)}", [one], **scope)
            else:
                text = f"none of {len(one.seen['shapes'])} shapes is in the checkpoint"
                yield bench.passed(text, [one], one if one.seen["prose"] == 2 else None, **scope)


@check("CHAN-11.1", needs=("redaction",))
def tools_and_calls_are_masked(bench: Bench) -> Iterator[Verdict]:
    yield from redactions(bench, ("tool-body", "tool-parts", "call-arguments"))


@check("CHAN-11.2", needs=("redaction",))
def secrets_in_prose_are_masked(bench: Bench) -> Iterator[Verdict]:
    yield from redactions(bench, ("assistant", "user"))


def torn(seen: dict[str, Any], *, lines: bool) -> str:
    """What is wrong with a file that two wrote to."""
    if not lines:
        return f"{seen['torn']} of {seen['looks']} looks found a torn file" if seen["torn"] else ""
    if seen["bad"]:
        return f"{seen['bad']} lines are no record"
    lost = seen["records"] != seen["expected"] and not seen["problem"]  # a writer that ended early wrote less
    return f"{seen['records']} records of {seen['expected']}" if lost else ""


def left_torn(seen: dict[str, Any]) -> str:
    """What is wrong with a file whose writer was killed, after one more write."""
    if not seen["sound_then"]:
        return "the killed writer left a torn file"
    if seen["bad"]:
        return f"{seen['bad']} lines are no record after a writer was killed"
    return "" if seen["records"] else "the write after a killed writer is not there"


@check("CHAN-12", needs=("writers",))
def records_stay_whole(bench: Bench) -> Iterator[Verdict]:
    posture = bench.facts.setting.postures[-1]
    for channel, declared in bench.facts.setting.declared["channels"].items():
        scope = {"posture": posture, "surface": channel}
        both = [bench.facts.first(posture, name, object=channel) for name in ("together", "killed")]
        together, killed = both
        if together is None or killed is None:
            yield bench.unobserved(**scope)
            continue
        bad = [torn(dict(together.seen), lines=declared["lines"]), left_torn(dict(killed.seen))]
        if told := "; ".join(filter(None, bad)):
            yield bench.failed(told, [one for one, said in zip(both, bad, strict=True) if said and one], **scope)
        elif problem := together.seen["problem"] or killed.seen["problem"]:
            yield bench.undecided(problem, [together, killed], **scope)
        else:
            several = min(together.seen["by"], default=together.seen["looks"]) > 0 and together.seen["records"]
            text = "whole records of two writers, and after one was killed"
            yield bench.passed(text, [together, killed], together if several else None, **scope)
