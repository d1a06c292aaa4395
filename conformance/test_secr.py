"""SECR: who gets which secrets, on which way, and that they go no further."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from wallbite.checks import Bench, check
from wallbite.observation import OK, Observation
from wallbite.verdict import Verdict

CASES = ("secrets", "secrets-unconfined")
CONFINED, UNCONFINED = CASES
DENIED = {"stdin/open": ("EACCES", "EPERM"), "stdin/take": ("EPERM",), "stdin/look": ("EACCES", "EPERM")}
OUTBURSTS = ("error", "exits", "broken")  # how a plugin that tells its secrets fails
SURFACES = {CONFINED: "", UNCONFINED: "unconfined"}

Complaint = Callable[[dict[str, Any]], str]


def owners(seen: dict[str, Any], only: str = "") -> list[str]:
    """Whose secrets, by their digests, a plugin got."""
    got = {tuple(value) for value in seen.get("secrets", {}).values()}
    known = seen["known"].items()
    return sorted(name for name, values in known if name != only and got & {tuple(value) for value in values.values()})


def expected_only(seen: dict[str, Any]) -> str:
    """What is wrong with what a plugin got: too little, too much, or another's."""
    got, wanted = seen.get("secrets", {}), seen["expected"]
    own = next((name for name, values in seen["known"].items() if values == wanted), "")
    if others := owners(seen, own):
        return f"it got secrets of {', '.join(others)}"
    if surplus := sorted(name for name in got if name not in wanted or got[name] != wanted[name]):
        return f"it got {', '.join(surplus)}, which are not its principal's"
    missing = sorted(set(wanted) - set(got))
    return f"it did not get {', '.join(missing)}" if missing else ""


def no_run(seen: dict[str, Any]) -> str:
    """What is wrong with a refusal: that it ran, was tried again, or is told as something else."""
    if seen["ran"]:
        return f"it ran, and got secrets of {', '.join(owners(seen)) or 'nobody'}"
    if seen["error"] != seen["refused_as"]:
        return f"its job ended {seen['status']!r} as {seen['error']!r}, expected {seen['refused_as']!r}"
    return f"it was attempted {seen['attempts']} times" if seen["attempts"] not in (None, 1) else ""


def delivered(bench: Bench, posture: str, kind: str = CONFINED) -> Observation | None:
    """A control: a secret of the plugin that must get some arrived."""
    one = bench.facts.first(posture, "delivery", object="own", kind=kind)
    got = one.seen.get("secrets", {}) if one and one.errno == OK else {}
    return one if one and any(got.get(name) == value for name, value in one.seen["expected"].items()) else None


def of_roles(
    bench: Bench, roles: tuple[str, ...], complaint: Complaint, what: str, control: str = "own", kind: str = CONFINED
) -> Iterator[Verdict]:
    """One verdict for each posture and role. Whoever must run must have answered; whoever must not, have ended."""
    for posture in bench.postures:
        for role in roles:
            one = bench.facts.first(posture, "delivery", object=role, kind=kind)
            surface = " ".join(filter(None, (role, SURFACES[kind])))
            scope = {"posture": posture, "account": one.account if one else "", "surface": surface}
            if one is None or one.errno != OK or ("secrets" not in one.seen and not one.seen["refuse"]):
                if one and one.errno == OK and one.seen["error"] == one.seen["refused_as"]:
                    yield bench.failed("it was refused", [one], **scope)
                    continue
                undone = bench.undecided(f"its job ended {one.seen['error']!r}", [one], **scope) if one else None
                yield undone or bench.unobserved(**scope)
                continue
            wrong = complaint(dict(one.seen))
            other = bench.facts.first(posture, "delivery", object=control, kind=kind)
            good = delivered(bench, posture, kind) if control == "own" else other
            yield bench.failed(wrong, [one], **scope) if wrong else bench.passed(what, [one], good, **scope)


def kinds_in(posture: str) -> tuple[str, ...]:
    """The cases that a posture has: confined, overridden or without privilege."""
    if posture == "unprivileged":
        return (UNCONFINED,)
    return CASES if posture in ("root", "ambient-caps") else (CONFINED,)


@check("SECR-01", needs=CASES)
def secrets_arrive_on_stdin(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        for kind in kinds_in(posture):
            one = bench.facts.first(posture, "delivery", object="own", kind=kind)
            others = bench.facts.find(posture, "delivery", kind=kind)
            scope = {"posture": posture, "surface": " ".join(filter(None, ("stdin", SURFACES[kind])))}
            if one is None or one.errno != OK or "secrets" not in one.seen:
                ended = one.seen["error"] if one else ""
                yield (
                    bench.failed(f"its job ended as {ended!r}, and nothing arrived", [one], **scope)
                    if one and one.errno == OK and ended == one.seen["refused_as"]
                    else bench.unobserved(**scope)
                )
                continue
            missing = {name for name, value in one.seen["expected"].items() if one.seen["secrets"].get(name) != value}
            got = one.seen["secrets"]
            control = next((other for other in others if other.seen.get("secrets", got) != got), None)
            text = f"on stdin there was no {', '.join(sorted(missing))}"
            passed = f"all {len(one.seen['expected'])} secrets were in the request on stdin"
            yield (bench.failed(text, [one], **scope) if missing else bench.passed(passed, [one], control, **scope))


@check("SECR-02", needs=CASES)
def no_secret_in_environment_or_arguments(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        for kind in kinds_in(posture):
            one = bench.facts.first(posture, "trace", kind=kind)
            scope = {"posture": posture, "surface": " ".join(filter(None, ("every exec", SURFACES[kind])))}
            if one is None:
                yield bench.unobserved(**scope)
                continue
            if one.seen["hits"]:
                told = "; ".join(f"{needle} in {part} of {exe}" for needle, part, exe in one.seen["hits"][:4])
                yield bench.failed(f"a secret stood in a process's {told}", [one], **scope)
            elif not one.seen["complete"] or one.seen["unread"] or one.seen["execs"] < 2:
                yield bench.undecided("not every process was looked at from its exec to its end", [one], **scope)
            else:
                control = one if one.errno == OK and delivered(bench, posture, kind) else None
                what = f"no secret in the command line or environment of any process at {one.seen['execs']} execs"
                yield bench.passed(f"{what}, and at their ends", [one], control, **scope)


@check("SECR-03", needs=(CONFINED,))
def only_its_own_principals(bench: Bench) -> Iterator[Verdict]:
    yield from of_roles(bench, ("own",), expected_only, "it got its principal's secrets and no others", "instance-one")


@check("SECR-04", needs=(CONFINED,))
def nothing_runs_without_what_it_requires(bench: Bench) -> Iterator[Verdict]:
    yield from of_roles(
        bench, ("without-principal", "unknown-required", "without-key"), no_run, "refused once, and nothing ran"
    )


@check("SECR-05", needs=(CONFINED,))
def mapping_is_of_secrets_only(bench: Bench) -> Iterator[Verdict]:
    def complaint(seen: dict[str, Any]) -> str:
        if set(seen["uids"]) != {seen["uid"]}:
            return f"it ran with uids {seen['uids']}, expected {seen['uid']}"
        if seen["carrier"] != seen["plugin"]:
            return f"it was told to be {seen['carrier']!r}, expected {seen['plugin']!r}"
        return expected_only(seen)

    yield from of_roles(bench, ("mapped",), complaint, "the mapped principal's secrets, its own account and name")


@check("SECR-06", needs=(CONFINED,))
def the_revoked_are_refused(bench: Bench) -> Iterator[Verdict]:
    yield from of_roles(bench, ("revoked", "revoked-later"), no_run, "refused once, and nothing ran")


@check("SECR-07", needs=(CONFINED,))
def secrets_go_no_further(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        for place in ("answers", "files"):
            scope = {"posture": posture, "surface": place}
            one = bench.facts.first(posture, "leak", object=place, kind=CONFINED)
            if one is None:
                yield bench.unobserved(**scope)
                continue
            marks = {name for name, _ in one.seen["marks"]}
            at = sorted({where for _, where in one.seen["marks"]})
            if one.seen["hits"]:
                told = "; ".join(f"{hit['needle']} as {hit['form']} in {hit['where']}" for hit in one.seen["hits"][:4])
                yield bench.failed(f"secrets are kept: {told}", [one], **scope)
            elif one.seen["unread"]:
                first = one.seen["unread"][0]
                yield bench.undecided(f"{first['where']} could not be searched: {first['why']}", [one], **scope)
            else:
                if unseen := failed_otherwise(bench, posture):
                    yield bench.undecided(unseen, [one], **scope)
                    continue
                control = one if {"mark/own", "mark/error"} <= marks and delivered(bench, posture) else None
                what = f"no secret in {one.seen['size']} bytes; what stood beside them is in {', '.join(at[:6])}"
                yield bench.passed(what, [one], control, **scope)


def failed_otherwise(bench: Bench, posture: str) -> str:
    """Which plugin that should have told its secrets, and failed, did not; or nothing."""
    answered = bench.facts.first(posture, "delivery", object="own", kind=CONFINED)
    for way in OUTBURSTS:
        one = bench.facts.first(posture, "outburst", object=way, kind=CONFINED)
        if one is None or not one.seen["ran"] or not one.seen["finished"]:
            return f"the plugin that tells its secrets and fails ({way}) did not come to its end"
        if answered and one.seen["status"] == answered.seen["status"]:
            return f"a plugin that fails ({way}) is {one.seen['status']!r}, as one that does not"
    return ""


@check("SECR-08", needs=(CONFINED,))
def no_core_holds_them(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        control = bench.facts.first(posture, "core", object="control", kind=CONFINED)
        for process in ("gateway", "plugin"):
            scope = {"posture": posture, "surface": process}
            one = bench.facts.first(posture, "core", object=process, kind=CONFINED)
            if one is None or control is None:
                yield bench.unobserved(**scope)
                continue
            seen = one.seen
            dumpable = process == "gateway" and seen["uid"] != 0 and seen["owner"] == seen["uid"]
            if seen["cores"]:
                held = f", with {', '.join(seen['secrets'])} in it" if seen["secrets"] else ""
                yield bench.failed(f"SIGSEGV left a core{held}", [one], **scope)
            elif seen["limit"] != ["0", "0"] or dumpable:
                state = "it can be dumped" if dumpable else f"its core limit is {seen['limit']}"
                yield bench.failed(f"no core was left here, but {state}", [one], **scope)
            elif control.errno != OK and process == "gateway" and seen["uid"] == 0:
                yield bench.undecided(f"no core stays in the stage: core_pattern is {seen['pattern']}", [one], **scope)
            else:
                crashed = "SIGSEGV left no core" if control.errno == OK else f"core_pattern is {seen['pattern']}"
                what = f"{crashed}; its limit is 0"
                good = control if control.errno == OK or control.seen["limit"] != ["0", "0"] else None
                yield bench.passed(what, [one], good, **scope)


@check("SECR-10", needs=(CONFINED,))
def stdin_is_its_own(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        for name, denied in DENIED.items():
            scope = {"posture": posture, "surface": name}
            tries = bench.facts.find(posture, ("read", "pidfd-getfd", "proc"), object=name, kind=CONFINED)
            spawned = [one for one in tries if one.vantage == "spawned"]
            control = next((one for one in tries if one.account == "root" and one.errno == OK), None)
            if not spawned:
                yield bench.unobserved(**scope)
                continue
            one = spawned[0]
            if one.errno == OK:
                yield bench.failed("another plugin's stdin is open to it", [one], **scope)
            elif one.errno in denied:
                yield bench.passed(f"another plugin's stdin gives {one.errno}", [one], control, **scope)
            else:
                yield bench.undecided(f"{one.errno} decides nothing", [one], **scope)


@check("SECR-11", needs=(CONFINED,))
def refusals_are_audited(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        for role in ("revoked", "unknown-required"):
            one = bench.facts.first(posture, "audit", object=role, kind=CONFINED)
            scope = {"posture": posture, "surface": role}
            if one is None:
                yield bench.unobserved(**scope)
                continue
            wanted = (one.seen["principal"], one.seen["plugin"])
            told = [(each["principal"], each["plugin"]) for each in one.seen["records"]]
            if wanted in told:
                control = one if one.seen["of"] > len(told) else None
                yield bench.passed("audited under its principal, with the plugin beside it", [one], control, **scope)
            else:
                said = f"audited as {told}" if told else "not audited"
                yield bench.failed(f"{said}, expected {wanted}", [one], **scope)


@check("SECR-13", needs=(CONFINED,))
def the_unknown_get_nothing(bench: Bench) -> Iterator[Verdict]:
    yield from of_roles(bench, ("unknown",), expected_only, "it ran and got no secret")


@check("SECR-14", needs=(CONFINED,))
def instances_get_their_own(bench: Bench) -> Iterator[Verdict]:
    yield from of_roles(bench, ("instance-one", "instance-two"), expected_only, "it got its own instance's secrets")
