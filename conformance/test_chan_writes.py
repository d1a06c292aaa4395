"""CHAN: what lies on disk after a channel's writer was called, under every umask and over whatever lay there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from wallbite.checks import Bench, check
from wallbite.observation import Observation
from wallbite.verdict import Verdict

UMASKS = ("000", "002", "022", "027", "077")
LOOSE = ("loose-0644", "loose-0664", "loose-0666", "loose-0777", "loose-4755")
Problem = Callable[[Observation, str], str]


def writes(bench: Bench, posture: str, channel: str) -> dict[str, Observation]:
    """What came of each situation of a channel, by its name."""
    found = (one for one in bench.facts.find(posture, "write") if one.seen["channel"] == channel)
    return {one.object.partition(":")[2]: one for one in found}


def mode_of(bench: Bench, channel: str) -> str:
    """The mode that is declared for a channel."""
    return str(bench.facts.setting.declared["channels"][channel]["mode"])


def control_of(found: dict[str, Observation]) -> Observation | None:
    """A write of the same writer that wrote its content to a new file."""
    one = found.get("new-022")
    return one if one and one.seen["ended"] and not one.seen["told"]["error"] and one.seen["after"]["holds"] else None


def judged(
    bench: Bench, names: tuple[str, ...], problem: Problem, text: str, wanted: Problem | None = None
) -> Iterator[Verdict]:
    """A verdict for each posture and channel; ``wanted`` says why a situation shows nothing."""
    for posture in bench.postures:
        for channel in bench.facts.setting.declared["channels"]:
            found = writes(bench, posture, channel)
            yield judge_channel(bench, posture, channel, found, names, problem, text, wanted)


def judge_channel(
    bench: Bench,
    posture: str,
    channel: str,
    found: dict[str, Observation],
    names: tuple[str, ...],
    problem: Problem,
    text: str,
    wanted: Problem | None,
) -> Verdict:
    scope = {"posture": posture, "surface": channel}
    seen = [found[name] for name in names if name in found]
    if bad := [(one, said) for one in seen if (said := problem(one, mode_of(bench, channel)))]:
        told = "; ".join(f"{one.object.partition(':')[2]}: {said}" for one, said in bad)
        return bench.failed(told, [one for one, _ in bad], **scope)
    if len(seen) < len(names):
        return bench.unobserved(**scope)
    if why := next(filter(None, (wanted(one, "") for one in seen)) if wanted else iter(()), ""):
        return bench.undecided(why, seen, **scope)
    return bench.passed(text, seen, control_of(found), **scope)


def unwritten(one: Observation, _: str) -> str:
    """Why a write that had to succeed shows nothing."""
    if not one.seen["ended"]:
        return f"{one.object}: the call did not come to its end: {one.seen['problem']}"
    if one.seen["told"]["error"]:
        return f"{one.object}: the call refused: {one.seen['told']['error']}: {one.seen['told']['text']}"
    return "" if one.seen["after"]["holds"] else f"{one.object}: what was written is not in the file"


def wrong_mode(one: Observation, mode: str) -> str:
    file = one.seen["after"]["file"]
    if not file or not one.seen["after"]["holds"]:
        return ""
    return "" if file["mode"] == mode else f"mode {file['mode']}, declared {mode}"


@check("CHAN-01", needs=("writes",))
def a_new_file_is_as_declared(bench: Bench) -> Iterator[Verdict]:
    names = tuple(f"new-{umask}" for umask in UMASKS)
    yield from judged(bench, names, wrong_mode, "as declared under each of five umasks", unwritten)


def still_open(one: Observation, mode: str) -> str:
    if one.seen["learned"]:
        return "who had the file open before reads the new content"
    return wrong_mode(one, mode)


def unclear(one: Observation, _: str) -> str:
    """A refusal is as good as a write; a call that did not end is neither."""
    if not one.seen["ended"]:
        return f"{one.object}: the call did not come to its end: {one.seen['problem']}"
    wrote = one.seen["after"]["holds"] or one.seen["told"]["error"]
    return "" if wrote else f"{one.object}: neither an error nor the content"


@check("CHAN-02", needs=("writes",))
def a_loose_file_shows_nothing_new(bench: Bench) -> Iterator[Verdict]:
    yield from judged(bench, LOOSE, still_open, "at its mode, and earlier readers learn nothing new", unclear)


def wrote_to_planted(one: Observation, _: str) -> str:
    before, after = one.seen["before"]["file"], one.seen["after"]["file"]
    if one.seen["learned"]:
        return "the content went into the inode that somebody else planted, and who has it open reads it"
    same = bool(after) and after["inode"] == before["inode"]
    if same and one.seen["after"]["holds"]:
        return "the content is in the inode that somebody else planted"
    silent = one.seen["ended"] and not one.seen["told"]["error"] and not one.seen["after"]["holds"]
    return "nothing was written, and the caller hears no error" if silent else ""


@check("CHAN-03", needs=("writes",))
def a_planted_file_is_not_written_to(bench: Bench) -> Iterator[Verdict]:
    yield from judged(bench, ("planted",), wrote_to_planted, "the planted inode holds nothing new", unended)


def unended(one: Observation, _: str) -> str:
    return "" if one.seen["ended"] else f"{one.object}: the call did not come to its end: {one.seen['problem']}"


def victim_changed(one: Observation, _: str) -> str:
    before, after = one.seen["before"].get("victim"), one.seen["after"].get("victim")
    if before == after:
        return ""
    if before is None:
        return "a file came to be at the dangling end"
    if after is None:
        return "the other file is gone"
    parts = [key for key in ("sha256", "mode", "uid", "inode", "size") if before.get(key) != after.get(key)]
    return f"the other file changed: {', '.join(parts)}"


@check("CHAN-04", needs=("writes",))
def a_link_is_not_followed(bench: Bench) -> Iterator[Verdict]:
    names = ("link-outside", "link-inside", "link-dangling")
    yield from judged(bench, names, victim_changed, "what the links point to is as it was", unended)


@check("CHAN-05", needs=("writes",))
def a_hard_link_is_not_written_through(bench: Bench) -> Iterator[Verdict]:
    yield from judged(bench, ("hard-link",), victim_changed, "the other name's file is as it was", unended)


def no_error(one: Observation, _: str) -> str:
    if not one.seen["ended"]:
        return "the call did not come back within eight seconds" if "in time" in one.seen["problem"] else ""
    return "" if one.seen["told"]["error"] else "the caller hears no error"


@check("CHAN-06", needs=("writes",))
def what_is_no_file_is_refused(bench: Bench) -> Iterator[Verdict]:
    yield from judged(bench, ("fifo", "device", "directory"), no_error, "each an error in bounded time", unended)


def got_out(one: Observation, _: str) -> str:
    return f"the content is in {one.seen['outside'][0]}" if one.seen["outside"] else ""


@check("CHAN-07", needs=("writes",))
def a_name_leads_nowhere_else(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        for channel, declared in bench.facts.setting.declared["channels"].items():
            if not declared["named_outside"]:
                why = "the product itself names these files"
                yield bench.inapplicable(why, posture=posture, surface=channel)
                continue
            found = writes(bench, posture, channel)
            names = tuple(name for name in found if name.startswith("name-"))
            if len(names) < 12:
                yield bench.unobserved(posture, surface=channel)
                continue
            text = f"none of {len(names)} names leads out of the directory"
            yield judge_channel(bench, posture, channel, found, names, got_out, text, unended)


BAD_NAMES = ("name-empty", "name-dot", "name-dots", "name-nul", "name-long")


@check("CHAN-08", needs=("writes",))
def a_failed_write_is_told(bench: Bench) -> Iterator[Verdict]:
    text = "each failure is an error to the caller"
    for posture in bench.postures:
        for channel, declared in bench.facts.setting.declared["channels"].items():
            found = writes(bench, posture, channel)
            names = ("fails-read-only", "fails-full", *(BAD_NAMES if declared["named_outside"] else ()))
            yield judge_channel(bench, posture, channel, found, names, no_error_of_failed, text, unfailed)


def written(one: Observation) -> bool:
    """Whether what was to be written is anywhere: a name that cannot be a file's may be made one that can."""
    return bool(one.seen["after"]["holds"] or one.seen["inside"] or one.seen["outside"])


def unfailed(one: Observation, mode: str) -> str:
    """Why a write that had to fail shows nothing."""
    must = "fails-" in one.object
    return unended(one, mode) or (f"{one.object}: it did not fail" if must and written(one) else "")


def no_error_of_failed(one: Observation, mode: str) -> str:
    return "" if written(one) else no_error(one, mode)


def open_directory(one: Observation, _: str) -> str:
    directory: dict[str, Any] | None = one.seen["after"]["directory"]
    if not directory or one.seen["before"]["directory"]:
        return ""
    return f"the directory is {directory['mode']}" if int(directory["mode"], 8) & 0o077 else ""


@check("CHAN-09", needs=("writes",))
def a_directory_gives_others_nothing(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        for channel, declared in bench.facts.setting.declared["channels"].items():
            if not declared["makes_directory"]:
                why = "its writer is given a directory that is there"
                yield bench.inapplicable(why, posture=posture, surface=channel)
                continue
            found = writes(bench, posture, channel)
            names = tuple(f"new-{umask}" for umask in UMASKS)
            text = "closed to group and others under each of five umasks"
            yield judge_channel(bench, posture, channel, found, names, open_directory, text, unwritten)
