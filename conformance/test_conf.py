"""CONF: configurations that cannot mean what they say are refused, by name, within bounds, by whatever reads them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from wallbite.checks import Bench, check
from wallbite.observation import Observation
from wallbite.postures import representative
from wallbite.verdict import Verdict

READS = ("read-check", "read-boot", "read-reload")
WALL_CLOCK = 5.0  # seconds until a reader must have ended, however busy the machine is
SOUND = "sound"
REFUSED = tuple(f"CONF-{number:02d}" for number in (1, 2, 3, 4, 5, 6, 7, 8, 10, 11))


@check(*REFUSED, needs=("documents",))
def refuses_by_name(bench: Bench) -> Iterator[Verdict]:
    posture = representative(bench.postures)
    documents = [
        one for one in bench.facts.find(posture, READS) if one.seen["requirement"] in (bench.requirement.id, SOUND)
    ]
    if not any(one.seen["requirement"] != SOUND for one in documents):
        yield bench.unobserved(posture)
        return
    table = bench.facts.tables["documents"]["documents"]
    wanted = {name for name, edit in table.items() if edit["requirement"] == bench.requirement.id}
    if absent := sorted(wanted - {one.object for one in documents}):
        yield bench.undecided(
            f"{len(absent)} documents were not read, first {absent[0]}: {why(bench, posture, absent[0])}",
            posture=posture,
        )
    for read in READS:
        found = [one for one in documents if one.operation == read]
        if any(one.seen["requirement"] != SOUND for one in found):
            yield reader_verdict(bench, posture, read, found)


def why(bench: Bench, posture: str, name: str) -> str:
    """Why a document was not written."""
    found = bench.facts.first(posture, "unwritten", object=name)
    return (
        f"the descriptor does not say {found.seen['missing']}" if found else bench.facts.trouble(posture, bench.kinds)
    )


def reader_verdict(bench: Bench, posture: str, read: str, documents: list[Observation]) -> Verdict:
    """The verdict on what one reader made of a requirement's documents; what is sound it must accept."""
    scope = {"posture": posture, "surface": read.removeprefix("read-")}
    wrong = [one for one in documents if one.seen["requirement"] != SOUND]
    control = next((one for one in documents if one.seen["requirement"] == SOUND and one.seen["accepted"]), None)
    bound = bench.facts.tables["documents"]["within"]
    bad = [(one, text) for one in wrong if (text := not_refused(dict(one.seen)) or beyond(dict(one.seen), bound))]
    if bad:
        first = f"first {bad[0][0].object}: {bad[0][1]}"
        return bench.failed(f"{len(bad)} of {len(wrong)} documents, {first}", [one for one, _ in bad], **scope)
    if odd := [one for one in wrong if not one.seen["refused"]]:
        text = odd[0].seen.get("problem") or odd[0].seen["tail"]
        return bench.undecided(f"{odd[0].object}: neither accepted nor refused: {text}", odd, **scope)
    if unsound := [one for one in documents if one.seen["requirement"] == SOUND and not one.seen["accepted"]]:
        text = f"a sound document is refused too ({unsound[0].object}): {unsound[0].seen['tail']}"
        return bench.undecided(text, unsound, **scope)
    return bench.passed(f"{len(wrong)} documents, each refused by name", wrong, control, **scope)


def not_refused(seen: dict[str, Any]) -> str:
    """How a wrong document was not refused as it must be; or nothing."""
    if seen["accepted"]:
        return "it was accepted"
    if seen.get("ended") and "exit" not in seen:
        return "the gateway ended on a reload, and its old configuration with it"
    if seen.get("timed_out"):
        return "it was not refused in time"
    if seen.get("exit") is not None and seen["exit"] < 0:
        return f"what read it was killed by signal {-seen['exit']}"
    if seen.get("exit") == 0:
        return "it ended with exit code 0"
    if seen.get("exit") is not None and not seen["refused"]:
        return f"it ended without a reason: {seen['tail']}"
    if seen["refused"] and seen["unnamed"]:
        return f"the refusal does not name {', '.join(seen['unnamed'])}: {seen['tail']}"
    if seen.get("changed") or seen.get("left"):
        return f"the refusal left {', '.join([*seen['changed'], *seen['left']][:3])}"
    return ""


def beyond(seen: dict[str, Any], bound: dict[str, Any]) -> str:
    """Which bound was passed; or nothing. A reload's cost is the gateway's, and not told apart."""
    if "processor" not in seen:
        return ""
    if seen["processor"] > bound["seconds"] or seen["seconds"] > WALL_CLOCK:
        return f"it took {seen['processor']} s of processor time and {seen['seconds']} s, over {bound['seconds']} s"
    if seen["peak"] > bound["kilobytes"]:
        return f"it took {seen['peak'] >> 10} MiB, over {bound['kilobytes'] >> 10} MiB"
    return ""


@check("CONF-14", needs=("documents",))
def check_and_boot_agree(bench: Bench) -> Iterator[Verdict]:
    posture = representative(bench.postures)
    pairs = both_read(bench, posture)
    groups: dict[str, list[tuple[Observation, Observation]]] = {}
    for first, second in pairs:
        kind = first.seen["requirement"]
        groups.setdefault(kind if kind in (SOUND, "typed") else "wrong", []).append((first, second))
    for kind in (SOUND, "wrong", "typed"):
        if kind not in groups:
            yield bench.unobserved(posture, surface=kind)
    for kind, found in groups.items():
        yield agreement(bench, posture, kind, found, pairs)


def both_read(bench: Bench, posture: str) -> list[tuple[Observation, Observation]]:
    """The documents that were given to both, with what each made of them."""
    boots = {one.object: one for one in bench.facts.find(posture, "read-boot")}
    return [(one, boots[one.object]) for one in bench.facts.find(posture, "read-check") if one.object in boots]


def agreement(
    bench: Bench,
    posture: str,
    kind: str,
    found: list[tuple[Observation, Observation]],
    everything: list[tuple[Observation, Observation]],
) -> Verdict:
    """The verdict on some documents; the control is one that both judge otherwise than the first of these."""
    scope = {"posture": posture, "surface": kind}
    for first, second in found:
        words = ["accepts" if one.seen["accepted"] else "refuses" for one in (first, second)]
        if first.seen["timed_out"] or second.seen["timed_out"]:
            return bench.undecided(f"{first.object}: one of them did not end", [first, second], **scope)
        if words[0] != words[1]:
            reason = f"{first.object}: check {words[0]} it, a boot {words[1]} it: {second.seen['tail'][-200:]}"
            return bench.failed(reason, [first, second], **scope)
    told = found[0][0].seen["accepted"]
    control = next((one for one, other in everything if one.seen["accepted"] == other.seen["accepted"] != told), None)
    evidence = [one for pair in found for one in pair]
    return bench.passed(f"{len(found)} documents, on each of which they agree", evidence, control, **scope)


@check("CONF-09", needs=("map",))
def takes_no_account_from_a_manifest(bench: Bench) -> Iterator[Verdict]:
    posture = representative(bench.postures)
    found = bench.facts.find(posture, "manifest")
    silent = next((one for one in found if one.object == "silent" and landed(one)), None)
    if not found:
        yield bench.unobserved(posture)
    for one in found:
        scope = {"posture": posture, "surface": one.object}
        if one.object == "silent":
            continue
        if any({*who["uids"], *who["gids"]} - {one.seen["expected"]} for who in one.seen["found"]):
            who = one.seen["found"][0]
            text = f"its plugin ran as uids {who['uids']} gids {who['gids']}, granted {one.seen['expected']}"
            yield bench.failed(text, [one], **scope)
        elif problem := next((who["problem"] for who in one.seen["found"] if "problem" in who), ""):
            yield bench.undecided(problem, [one], **scope)
        else:
            text = "its plugin ran as its grant says" if one.seen["found"] else "its plugin did not run"
            yield bench.passed(text, [one], silent, **scope)


def landed(one: Observation) -> bool:
    """Whether a plugin ran, and each as the account of its grant."""
    expected = [one.seen["expected"]]
    return bool(one.seen["found"]) and all(who["uids"] == who["gids"] == expected for who in one.seen["found"])


@check("CONF-13", needs=("map",))
def any_number_of_accounts(bench: Bench) -> Iterator[Verdict]:
    posture = representative(bench.postures)
    found = bench.facts.find(posture, "open-map")
    if not found:
        yield bench.unobserved(posture)
    for one in found:
        scope = {"posture": posture, "surface": f"{one.object} accounts"}
        expected = set(one.seen["expected"])
        ran = {number for who in one.seen["found"] for number in who["uids"]}
        mixed = [who for who in one.seen["found"] if who["uids"] != who["gids"] or len(who["uids"]) != 1]
        control = next((other for other in found if other is not one and other.seen["found"]), None)
        if not one.seen["came_up"]:
            yield bench.failed(f"it does not come up: {one.seen['tail']}", [one], **scope)
        elif ran - expected or mixed:
            yield bench.failed(f"a plugin ran as {sorted(ran - expected) or mixed[0]}", [one], **scope)
        elif expected - ran:
            text = f"nothing ran under {len(expected - ran)} of {len(expected)} accounts: {one.seen['tail'][-200:]}"
            yield bench.failed(text, [one], **scope)
        else:
            yield bench.passed("a plugin ran under each, by configuration alone", [one], control, **scope)
