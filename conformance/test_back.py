"""BACK: what no archive holds, what it says of that, what it holds, and that it can be restored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from wallbite.checks import Bench, check
from wallbite.observation import OK, Observation
from wallbite.verdict import Verdict

DIRECTORY = "secret-directory"


@check("BACK-01", needs=("backup", "harried"))
def archives_hold_no_key(bench: Bench) -> Iterator[Verdict]:
    yield from searched(bench, lambda needle: needle == "age-key", "the key")


@check("BACK-02", needs=("backup", "harried"))
def archives_hold_no_other_secret(bench: Bench) -> Iterator[Verdict]:
    yield from searched(bench, lambda needle: needle.startswith(DIRECTORY), "an entry of the secret directory")


def searched(bench: Bench, concerned: Any, what: str) -> Iterator[Verdict]:
    """The verdicts on every archive that was made of a scope, for some of the values that were looked for."""
    for posture in bench.postures:
        archives = [one for one in bench.facts.find(posture, "backup", kind="backup") if "roles" in one.seen]
        if not archives:
            yield bench.unobserved(posture)
        for one in archives:
            control = able(bench, one, concerned)
            yield search_verdict(bench, one, concerned, what, control)


def able(bench: Bench, one: Observation, concerned: Any) -> Observation | None:
    """The search of the same case that found these values where they are, in both disguises."""
    control = bench.facts.first(one.posture, "search", object="control", kind=one.kind)
    wanted = {needle for needle in control.seen["needles"] if concerned(needle)} if control else set()
    found = [set(names) for names in control.seen["found"].values()] if control else []
    return control if wanted and found and all(wanted <= names for names in found) else None


def search_verdict(bench: Bench, one: Observation, concerned: Any, what: str, control: Observation | None) -> Verdict:
    """The verdict on one archive."""
    scope, archive = {"posture": one.posture, "surface": one.object}, one.seen["archive"]
    hits = [hit for hit in archive.get("hits", ()) if concerned(hit["needle"])]
    if hits:
        return bench.failed(f"it holds {what}: {hits[0]['form']} in {hits[0]['where']}", [one], **scope)
    if one.seen["exit"] or not archive:
        return bench.undecided(f"no archive was made: {one.seen['said']}", [one], **scope)
    if archive["unread"]:
        return bench.undecided(f"not all of it could be searched: {archive['unread'][0]['why']}", [one], **scope)
    return bench.passed(f"{archive['size']} bytes, without {what}", [one], control, **scope)


@check("BACK-03", needs=("backup", "harried"))
def detours_lead_nowhere(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        found = bench.facts.find(posture, "backup")
        trapped = [one for one in found if one.seen.get("traps")]
        if not trapped:
            yield bench.unobserved(posture)
        for one in trapped:
            yield search_verdict(bench, one, leaks, "a secret", able(bench, one, leaks))
        if pipe := bench.facts.first(posture, "pipe"):
            yield pipe_verdict(bench, pipe, trapped)
        for one in found:
            if one.kind == "harried":
                yield astray_verdict(bench, one)


def pipe_verdict(bench: Bench, pipe: Observation, trapped: Sequence[Observation]) -> Verdict:
    """The verdict on a pipe among the plugins' code: what waits in it for another reader is there still."""
    scope = {"posture": pipe.posture, "surface": "pipe"}
    if pipe.errno != OK:
        return bench.failed("what was in a pipe among the plugins' code was read", [pipe], **scope)
    of_code = (one for one in trapped if any(role.startswith("plugin-") for role in one.seen["roles"]))
    control = next((one for one in of_code if one.seen["archive"]), None)  # the pipe lies among what it was made of
    return bench.passed("a pipe among the plugins' code holds what it held", [pipe], control, **scope)


def leaks(needle: str) -> bool:
    """Whether a value is a secret."""
    return needle == "age-key" or needle.startswith(DIRECTORY)


def astray_verdict(bench: Bench, one: Observation) -> Verdict:
    """The verdict on a configuration that leads to the secrets: refused, or an archive without them."""
    control = able(bench, one, leaks)
    if one.seen["exit"] and not one.seen["archive"]:
        scope = {"posture": one.posture, "surface": one.object}
        return bench.passed(f"refused with {one.seen['exit']}, and no archive made", [one], control, **scope)
    return search_verdict(bench, one, leaks, "a secret", control)


@check("BACK-04", needs=("backup",))
def the_manifest_says_what_is_missing(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        archives = bench.facts.find(posture, "backup", kind="backup")
        if not archives:
            yield bench.unobserved(posture)
        for one in archives:
            yield manifest_verdict(bench, one, archives)


def manifest_verdict(bench: Bench, one: Observation, archives: Sequence[Observation]) -> Verdict:
    """The verdict on what one archive says was left out of it: the key, and each trap in what it reads."""
    scope, archive = {"posture": one.posture, "surface": one.object}, one.seen["archive"]
    if not archive:
        return bench.undecided(f"no archive was made: {one.seen['said']}", [one], **scope)
    if archive["excluded"] is None:
        return bench.failed("it holds no manifest that says what was left out", [one], **scope)
    listed = dict(archive["excluded"])
    places = [one.seen["secret"]["age-key"], one.seen["secret"][DIRECTORY]]
    if not any(place in listed for place in places if place):
        return bench.failed("it does not say that the key was left out", [one], **scope)
    traps = one.seen["traps"] if any(role.startswith("plugin-") for role in one.seen["roles"]) else []
    if unsaid := [path for path in traps if path not in listed]:
        return bench.failed(f"it does not say that {unsaid[0]} was left out", [one], **scope)
    if bare := [path for path, why in listed.items() if not why.strip()]:
        return bench.failed(f"it does not say why {bare[0]} was left out", [one], **scope)
    control = next((other for other in archives if other.seen["archive"].get("members")), None)
    return bench.passed(f"{len(listed)} paths, each with a reason", [one], control, **scope)


@check("BACK-06", needs=("backup",))
def what_is_not_secret_comes_back(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        archives = [one for one in bench.facts.find(posture, "backup", kind="backup") if "roles" in one.seen]
        restored = bench.facts.first(posture, "restored")
        if not archives or restored is None:
            yield bench.unobserved(posture)
            continue
        for one in archives:
            yield from held_verdicts(bench, one, [role for role in one.seen["roles"] if role != "vault"], restored)
        yield restored_verdict(bench, restored, archives[-1])


def held_verdicts(bench: Bench, one: Observation, roles: Sequence[str], control: Observation) -> Iterator[Verdict]:
    """The verdicts on what a scope must hold: the very bytes; of a database, a job that it knows."""
    archive: Mapping[str, Any] = one.seen["archive"]
    digests = set(archive.get("members", {}).values())
    for role in roles:
        scope = {"posture": one.posture, "surface": f"{one.object}/{role}"}
        if not archive:
            yield bench.failed(f"no archive was made: {one.seen['said']}", [one], **scope)
        elif not archive["members"]:
            yield bench.undecided("its members could not be read", [one], **scope)
        elif role == "database":
            there = any(hit["needle"] == "job" for hit in archive["hits"])
            why = "a job that was done before is not in it"
            yield (
                bench.passed("it knows the job", [one], control, **scope)
                if there
                else bench.failed(why, [one], **scope)
            )
        elif role not in one.seen["digests"]:
            yield bench.undecided(f"there is no {role} to be held", [one], **scope)
        elif one.seen["digests"][role] not in digests:
            yield bench.failed(f"it does not hold the {role} as it is", [one], **scope)
        else:
            yield bench.passed("it holds the very bytes", [one], control, **scope)


def restored_verdict(bench: Bench, one: Observation, archive: Observation) -> Verdict:
    """The verdict on the restore: every file as it was, a gateway that comes up, its job known, its plugin dropped."""
    scope, seen = {"posture": one.posture, "surface": "restore"}, one.seen
    if seen["exit"] is None and not seen["said"]:
        return bench.undecided("nothing was restored: there is no archive, or no command to restore it", [one], **scope)
    if seen["exit"] != 0:
        return bench.failed(f"the restore ended with {seen['exit']}: {seen['said']}", [one], **scope)
    if seen["differs"]:
        return bench.failed(f"{seen['differs'][0]} is not what it was", [one], **scope)
    if seen["booted"] != "ready":
        return bench.failed(f"what was restored does not boot: {seen['booted']}", [one], **scope)
    if seen["asked"] and seen["job"] in ("", "unfinished"):
        return bench.failed("a job that was done before the backup is not known any more", [one], **scope)
    if set(seen["uids"]) != {seen["expected"]["uid"]}:
        return bench.failed(f"a plugin ran as {seen['uids']} afterwards", [one], **scope)
    return bench.passed(f"{seen['compared']} files as they were, and it boots", [one], archive, **scope)


@check("BACK-09", needs=("backup",))
def the_vault_is_kept(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        archives = [one for one in bench.facts.find(posture, "backup", kind="backup") if "roles" in one.seen]
        restored = bench.facts.first(posture, "restored")
        if not archives or restored is None:
            yield bench.unobserved(posture)
            continue
        for one in archives:
            if "config-file" in one.seen["roles"]:
                yield from held_verdicts(bench, one, ["vault"], restored)
