"""MODE: modes and owners of every surface, after whatever a gateway does, and from whatever it began with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from wallbite.checks import Bench, check
from wallbite.observation import Observation
from wallbite.postures import representative
from wallbite.verdict import Verdict

LATER = (
    "database",
    "database-wal",
    "database-shm",
    "log-file",
    "log-rotated",
    "backup-file",
    "control-socket",
    "pid-file",
)
DAY = ("boot", "reload", "later")
UMASKED = {"000": ("boot", "later"), "022": ("boot-022", "later-022"), "077": ("boot-077", "later-077")}


def moments(bench: Bench, posture: str) -> dict[str, Observation]:
    """What every surface was like, by the moment."""
    return {one.object: one for one in bench.facts.find(posture, "modes", kind="modes")}


def wrong(one: Observation, names: set[str]) -> list[str]:
    """The surfaces that are not as they are declared, and how."""
    found = []
    for name, state in one.seen["surfaces"].items():
        if name in names and (state["is"] != state["must"] or state["acl"]):
            lists = f" with {', '.join(state['acl'])}" if state["acl"] else ""
            found.append(f"{name} is {state['is']}{lists}, declared {state['must']}")
    return found


def problem_of(one: Observation) -> str:
    """Why a moment shows nothing: what was to happen did not."""
    outcome = one.seen.get("outcome", {"accepted": True})
    return (
        ""
        if outcome["accepted"]
        else f"{one.object}: it did not take place: {outcome.get('tail') or outcome.get('problem')}"
    )


def verdict_at(
    bench: Bench, posture: str, seen: list[Observation], names: set[str], control: Observation | None, **scope: str
) -> Verdict:
    """The verdict on some surfaces at some moments; the control is a moment at which the same look found some open."""
    scope["posture"] = posture
    for one in seen:
        if bad := wrong(one, names):
            return bench.failed(f"after {one.object}: {'; '.join(bad[:3])}", [one], **scope)
    if problem := next(filter(None, map(problem_of, seen)), ""):
        return bench.undecided(problem, seen, **scope)
    looked = {name for one in seen for name in one.seen["surfaces"]} & names
    if missing := names - looked:
        return bench.undecided(f"never there: {', '.join(sorted(missing)[:5])}", seen, **scope)
    text = f"{len(looked)} surfaces, each as declared after {', '.join(one.object for one in seen)}"
    return bench.passed(text, seen, control, **scope)


def opened(before: Observation | None, names: set[str]) -> Observation | None:
    """The moment, if the look at it found some of these surfaces open: then it sees differences."""
    return before if before and wrong(before, names) else None


def declared(bench: Bench, *classes: str) -> set[str]:
    """The names of the declared surfaces of some classes, or of all."""
    return {one.name for one in bench.facts.setting.surfaces if not classes or one.surface_class in classes}


@check("MODE-01", needs=("modes",))
def each_surface_as_declared(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        found = moments(bench, posture)
        if not {"laid", "boot", "later"} <= found.keys():
            yield bench.unobserved(posture)
            continue
        seen = [found[name] for name in DAY if name in found]
        control = opened(found["laid"], declared(bench))
        for group in ("gateway", "account", "code", "parent"):
            if names := declared(bench, group):
                yield verdict_at(bench, posture, seen, names, control, surface=group)


def loosened(one: Observation) -> set[str]:
    """The surfaces that the harness opened."""
    return {name for name in one.seen["loosened"] if name != "acl"}


@check("MODE-02", needs=("modes",))
def tightens_what_is_loose(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        found = moments(bench, posture)
        if "laid" not in found or "boot" not in found:
            yield bench.unobserved(posture)
            continue
        names = loosened(found["laid"])
        yield verdict_at(bench, posture, [found["boot"]], names, opened(found["laid"], names), surface="boot")


@check("MODE-07", needs=("modes",))
def no_umask_matters(bench: Bench) -> Iterator[Verdict]:
    posture = representative(bench.postures)
    found = moments(bench, posture)
    names = declared(bench, "gateway", "parent")
    for umask, wanted in UMASKED.items():
        seen = [found[name] for name in wanted if name in found]
        if len(seen) < len(wanted):
            yield bench.unobserved(posture, surface=f"umask {umask}")
            continue
        yield verdict_at(bench, posture, seen, names, opened(found.get("laid"), names), surface=f"umask {umask}")


@check("MODE-08", needs=("modes",))
def the_same_care_later(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        found = moments(bench, posture)
        if not {"boot", "later", "live"} <= found.keys():
            yield bench.unobserved(posture)
            continue
        yield verdict_on_the_made(bench, posture, bench.facts.find(posture, "made"))
        for role in LATER:
            names = {one.name for one in bench.facts.surfaces([role])}
            if names:  # "live" is the moment at which these very files, just opened, were looked at
                control = opened(found["live"], names)
                yield verdict_at(bench, posture, [found["later"]], names, control, surface=role)


def verdict_on_the_made(bench: Bench, posture: str, made: list[Observation]) -> Verdict:
    """The verdict on what each file was like from its first moment on; the control is one that was seen empty."""
    scope = {"posture": posture, "surface": "from-the-first-byte"}
    unwatched = [one for one in made if one.errno != "OK"]
    made = [one for one in made if one.errno == "OK"]
    for one in made:
        if looser := [mode for mode in one.seen["modes"] if looser_than(mode, one.seen["surfaces"].values())]:
            return bench.failed(f"{one.object} had mode {looser[0]} for a moment", [one], **scope)
    if unwatched:
        return bench.undecided(f"openings could not all be watched: {unwatched[0].errno}", unwatched, **scope)
    empty = next((one for one in made if one.seen["first_size"] == 0), None)
    return bench.passed(f"{len(made)} files, none ever looser than declared", made, empty, **scope)


def looser_than(mode: str, declared: Iterable[str]) -> bool:
    """Whether it gives somebody but the owner a right that none of the declared modes gives."""
    given = 0
    for one in declared:
        given |= int(one, 8)
    return bool(int(mode, 8) & ~given & 0o077)


@check("MODE-13", needs=("modes",))
def every_account_reaches_its_directory(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        found = [one for one in moments(bench, posture).values() if one.seen["reached"]]
        closed = bench.facts.first(posture, "unreachable")
        if not found:
            yield bench.unobserved(posture)
        for account in bench.accounts if found else ():
            scope = {"posture": posture, "account": account}
            bad = [one for one in found if one.seen["reached"].get(account) != "OK"]
            if bad:
                text = f"after {bad[0].object} it gets {bad[0].seen['reached'].get(account)} from its own directory"
                yield bench.failed(text, bad, **scope)
            else:
                text = f"it reaches its directory after {', '.join(one.object for one in found)}"
                yield bench.passed(text, found, closed if refused(closed, account) else None, **scope)


def refused(one: Observation | None, account: str) -> bool:
    """Whether the same look failed where it must."""
    return one is not None and one.seen["reached"].get(account) == "EACCES"


@check("MODE-14", needs=("modes",))
def closed_again_at_the_next_look(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        found = moments(bench, posture)
        for before, after, sound in (("live", "reload-of-loose", "reload"), ("dead", "boot-of-loose", "boot")):
            if before not in found or after not in found:
                yield bench.unobserved(posture, surface=after)
                continue
            outcome: dict[str, Any] = found[after].seen["outcome"]
            names = loosened(found[before])
            control = opened(found[before], names)
            if outcome["refused"] and not outcome["accepted"]:  # which says something where it was accepted before
                control = control if sound in found and not problem_of(found[sound]) else None
                yield bench.passed("refused", [found[after]], control, posture=posture, surface=after)
            else:
                yield verdict_at(bench, posture, [found[after]], names, control, surface=after)
