"""BACK: how archives are closed, from their first byte on; when they are killed, and when somebody races them."""

from __future__ import annotations

from collections.abc import Iterator

from wallbite.checks import Bench, check
from wallbite.observation import Observation
from wallbite.verdict import Verdict

OTHERS = 0o077
KILLED = -9


def harried(bench: Bench, operation: str) -> Iterator[tuple[str, list[Observation]]]:
    """What was seen in the one posture in which it was looked at; an empty list where in none."""
    found = [(posture, seen) for posture in bench.postures if (seen := bench.facts.find(posture, operation))]
    yield from found or [(posture, []) for posture in bench.postures[:1]]


def is_open(mode: str) -> bool:
    """Whether anybody but the owner has a right."""
    return bool(int(mode, 8) & OTHERS)


@check("BACK-05", needs=("backup", "harried"))
def archives_are_closed_from_the_first_byte(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        yield from written_verdicts(bench, posture)
    for posture, tries in harried(bench, "backup-again"):
        if not tries:
            yield bench.unobserved(posture)
        for one in tries:
            yield again_verdict(bench, one)
    for posture, tries in harried(bench, "backup-loose"):
        if not tries:
            yield bench.unobserved(posture, surface="loose-directory")
        for one in tries:
            yield loose_verdict(bench, one)


def written_verdicts(bench: Bench, posture: str) -> Iterator[Verdict]:
    """The verdict on each file that was written; undecided where none in the archives' directory was seen empty."""
    found = bench.facts.find(posture, "written")
    written, unwatched = [one for one in found if not one.errno], [one for one in found if one.errno]
    made = [one for one in bench.facts.find(posture, "backup", kind="backup") if one.seen["archive"]]
    born = [one for one in written if one.seen["place"] == "archive" and one.seen["first_size"] == 0]
    for one in written:
        scope = {"posture": posture, "surface": one.object}
        if loose := [mode for mode in one.seen["modes"] if is_open(mode)]:
            yield bench.failed(f"while it was written its mode was {loose[0]}", [one], **scope)
        elif one.seen["place"] == "archive" and (open_ := [mode for mode in one.seen["parents"] if is_open(mode)]):
            yield bench.failed(f"while it was written its directory's mode was {open_[0]}", [one], **scope)
    for one in made:
        scope = {"posture": posture, "surface": one.object}
        if is_open(one.seen["archive"]["mode"]):
            yield bench.failed(f"the archive's mode is {one.seen['archive']['mode']}", [one], **scope)
        elif unwatched:
            yield bench.undecided(f"openings could not all be watched: {unwatched[0].errno}", unwatched, **scope)
        elif len(born) < len(made):
            yield bench.undecided("its beginning was not seen", [one, *written], **scope)
        else:
            yield bench.passed("closed from its first byte on", [one, *written], born[0], **scope)
    if not made:
        yield bench.unobserved(posture)


def again_verdict(bench: Bench, one: Observation) -> Verdict:
    """The verdict on a backup to a name that is taken."""
    scope = {"posture": one.posture, "surface": f"taken-by-{one.object}"}
    if not one.seen["before"]:
        return bench.undecided("there was nothing that could be overwritten", [one], **scope)
    if not one.seen["unchanged"]:
        return bench.failed("what was there was overwritten", [one], **scope)
    if one.seen["exit"] == 0:
        return bench.failed("it ended with 0, and wrote nothing", [one], **scope)
    control = bench.facts.first(one.posture, "search", object="control", kind="harried")
    return bench.passed(f"refused with {one.seen['exit']}, and what was there is unchanged", [one], control, **scope)


def loose_verdict(bench: Bench, one: Observation) -> Verdict:
    """The verdict on a backup into a directory that others may enter."""
    scope, seen = {"posture": one.posture, "surface": "loose-directory"}, one.seen
    if opened := [mode for mode in seen["parents"] if is_open(mode)]:
        return bench.failed(f"it wrote into a directory of mode {opened[0]}", [one], **scope)
    if seen["made"] and is_open(seen["mode"]):
        return bench.failed(f"it left its archive in a directory of mode {seen['mode']}", [one], **scope)
    if not seen["made"] and seen["exit"] == 0:
        return bench.failed("it ended with 0, and wrote nothing", [one], **scope)
    if one.errno:
        return bench.undecided(f"openings could not all be watched: {one.errno}", [one], **scope)
    control = bench.facts.first(one.posture, "backup-again", object="archive")
    how = "closed before the first byte" if seen["made"] else f"refused with {seen['exit']}"
    return bench.passed(how, [one], control, **scope)


@check("BACK-07", needs=("harried",))
def a_killed_backup_leaves_nothing_open(bench: Bench) -> Iterator[Verdict]:
    for posture, tries in harried(bench, "backup-killed"):
        if not tries:
            yield bench.unobserved(posture)
        for one in tries:
            yield killed_verdict(bench, one)


def killed_verdict(bench: Bench, one: Observation) -> Verdict:
    """The verdict on what one killed backup left: nothing, or the gateway's own and closed."""
    scope, seen = {"posture": one.posture, "surface": one.object}, one.seen
    if loose := [each for each in seen["left"] if is_open(each["mode"]) and each["kind"] == "file"]:
        return bench.failed(f"killed, it left {loose[0]['path']} with mode {loose[0]['mode']}", [one], **scope)
    if foreign := [each for each in seen["left"] if each["uid"] not in (0, seen["gateway"]["uid"])]:
        return bench.failed(f"killed, it left {foreign[0]['path']} to uid {foreign[0]['uid']}", [one], **scope)
    if one.errno or not seen["happened"] or seen["exit"] != KILLED:
        why = one.errno or f"it ended with {seen['exit']}"
        return bench.undecided(f"it was not killed at that moment: {why}", [one], **scope)
    control = bench.facts.first(one.posture, "backup-again", object="archive")
    return bench.passed(f"killed; {len(seen['left'])} files left, all closed", [one], control, **scope)


@check("BACK-08", needs=("harried",))
def a_race_gains_nothing(bench: Bench) -> Iterator[Verdict]:
    for posture, tries in harried(bench, "backup-raced"):
        if not tries:
            yield bench.unobserved(posture)
        for one in tries:
            yield raced_verdict(bench, one)


def raced_verdict(bench: Bench, one: Observation) -> Verdict:
    """The verdict on all backups of the race; what the account had laid there shows that the race reached them."""
    scope, seen = {"posture": one.posture, "account": one.account, "surface": "raced"}, one.seen
    if won := [name for name in seen["found"] if name != "decoy"]:
        return bench.failed(f"an archive holds {', '.join(won)} after {seen['flips']} exchanges", [one], **scope)
    if seen["unread"]:
        return bench.undecided(f"not all could be searched: {seen['unread'][0]['why']}", [one], **scope)
    if seen["flips"] < seen["tries"] or not seen["made"] or "decoy" not in seen["found"]:
        why = f"{seen['flips']} exchanges, {seen['made']} archives, {' '.join(seen['found']) or 'nothing'} found"
        return bench.undecided(f"the race did not take place: {why}", [one], **scope)
    control = bench.facts.first(one.posture, "search", object="control", kind="harried")
    return bench.passed(
        f"no secret in {seen['made']} archives: {seen['tries']} tries, {seen['flips']} exchanges",
        [one],
        control,
        **scope,
    )
