"""DROP: the identity of what a gateway spawns, as the kernel tells it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from wallbite.checks import Bench, check
from wallbite.observation import OK, Observation
from wallbite.verdict import Verdict

IDENTITY = ("spawns", "walls")
BECOME = ("become-uid", "become-gid", "become-groups", "raise")
SIGNALS_OF_THE_PROBE = 0x1001000  # SIGPIPE and SIGXFSZ: Python ignores them

Complaint = Callable[[dict[str, Any]], str]


def wrong_uids(who: dict[str, Any]) -> str:
    """What is wrong with the four uids, or nothing."""
    expected = who["expected"]["uid"]
    wrong = [uid for uid in (*who["uids"], who["file_uid"]) if uid != expected]
    return f"uids are {who['uids']} (its file's is {who['file_uid']}), expected {expected} five times" if wrong else ""


def wrong_gids(who: dict[str, Any]) -> str:
    """What is wrong with the four gids, or nothing."""
    expected = who["expected"]["gid"]
    return f"gids are {who['gids']}, expected {expected} four times" if set(who["gids"]) != {expected} else ""


def wrong_groups(who: dict[str, Any]) -> str:
    """Which supplementary groups are there besides the account's own."""
    extra = sorted(set(who["groups"]) - {who["expected"]["gid"]})
    return f"supplementary groups {extra} were kept" if extra else ""


def held_capabilities(who: dict[str, Any]) -> str:
    """Which of the four sets that matter are not empty."""
    names = ("permitted", "effective", "inheritable", "ambient")
    held = [f"{name} {who['capabilities'][name]}" for name in names if int(who["capabilities"][name], 16)]
    return f"capability sets are not empty: {', '.join(held)}" if held else ""


def may_gain(who: dict[str, Any]) -> str:
    """Whether executing a file may give it privilege."""
    return "" if who["no_new_privs"] else "NoNewPrivs is 0"


def extra_descriptors(who: dict[str, Any]) -> str:
    """Which descriptors there are besides 0, 1 and 2."""
    extra = [f"{number} ({target})" for number, target in who["descriptors"] if number > 2]
    missing = sorted({0, 1, 2} - {number for number, _ in who["descriptors"]})
    if extra:
        return f"descriptors besides 0, 1, 2: {', '.join(extra)}"
    return f"descriptors {missing} are closed" if missing else ""


def gateways_own(bench: Bench, posture: str) -> Complaint:
    """A complaint of a standard descriptor that is a file which the gateway itself was started with."""
    found = bench.facts.find(posture, "posture", object="gateway")
    held = {target for one in found for _, target in one.seen["descriptors"] if target.startswith("/")} - {"/dev/null"}

    def complaint(who: dict[str, Any]) -> str:
        shared = [f"{number} ({target})" for number, target in who["descriptors"] if target in held]
        return extra_descriptors(who) or (f"descriptors of the gateway's own: {', '.join(shared)}" if shared else "")

    return complaint


def shared_session(who: dict[str, Any]) -> str:
    """Whether session, process group or terminal are somebody else's."""
    if who["terminal"]:
        return f"it has a controlling terminal ({who['terminal']})"
    if who["session"] != who["pid"] or who["process_group"] != who["pid"]:
        return f"session {who['session']} and process group {who['process_group']} are not its own (pid {who['pid']})"
    return ""


def inherited_settings(who: dict[str, Any]) -> str:
    """What was inherited of umask, core limit and signals."""
    found = []
    if int(who["umask"], 8) != 0o077:
        found.append(f"umask is {who['umask']}")
    if list(who["limits"]["core"]) != [0, 0]:
        found.append(f"core limit is {who['limits']['core']}")
    if int(who["signals"]["blocked"], 16):
        found.append(f"blocked signals {who['signals']['blocked']}")
    ignored = int(who["signals"]["ignored"], 16) & ~SIGNALS_OF_THE_PROBE
    if ignored:
        found.append(f"ignored signals {ignored:x}")
    return "; ".join(found)


def identities(bench: Bench, posture: str, account: str) -> list[Observation]:
    """Every identity that this account showed in this posture, on whichever spawn path."""
    return bench.facts.find(posture, "identity", account=account, vantage="spawned")


def each_account(
    bench: Bench, complaint: Complaint, control: Callable[[str], Observation | None], what: str
) -> Iterator[Verdict]:
    """One verdict for each posture and account, over all spawn paths."""
    for posture in bench.postures:
        for account in bench.accounts:
            yield of_identities(bench, complaint, control(posture), what, posture=posture, account=account)


def of_identities(
    bench: Bench, complaint: Complaint, control: Observation | None, what: str, *, posture: str, account: str
) -> Verdict:
    """The verdict over one account's identities."""
    seen = identities(bench, posture, account)
    scope = {"posture": posture, "account": account}
    if not seen:
        return bench.unobserved(**scope)
    wrong = [(one, complaint(dict(one.seen))) for one in seen]
    bad = [(one, text) for one, text in wrong if text]
    if bad:
        return bench.failed(f"on path {bad[0][0].step}: {bad[0][1]}", [one for one, _ in bad], **scope)
    if unseen := sorted({"attempt", *bench.facts.setting.paths} - {one.step for one in seen}):
        return bench.undecided(f"its identity was not seen on: {', '.join(unseen)}", seen, **scope)
    return bench.passed(f"{what}, on {len(seen)} spawns", seen, control, **scope)


def gateway_has(bench: Bench, test: Callable[[dict[str, Any]], bool]) -> Callable[[str], Observation | None]:
    """A control: the gateway's own process, read in the same way, has what its children must not have."""

    def control(posture: str) -> Observation | None:
        found = bench.facts.find(posture, "posture", object="gateway")
        return next((one for one in found if one.kind in IDENTITY and test(dict(one.seen))), None)

    return control


@check("DROP-01", needs=("spawns",), reads=("walls",))
def has_the_uid_of_its_account(bench: Bench) -> Iterator[Verdict]:
    control = gateway_has(bench, lambda seen: len(set(seen["uids"])) == 1)
    yield from each_account(bench, wrong_uids, control, "all four uids and the uid of its file are the account's")


@check("DROP-02", needs=("spawns",), reads=("walls",))
def has_the_gid_of_its_account(bench: Bench) -> Iterator[Verdict]:
    control = gateway_has(bench, lambda seen: len(set(seen["gids"])) == 1)
    yield from each_account(bench, wrong_gids, control, "all four gids are the account's")


@check("DROP-03", needs=("spawns",), reads=("walls",))
def has_no_foreign_group(bench: Bench) -> Iterator[Verdict]:
    control = gateway_has(bench, lambda seen: len(set(seen["groups"]) - set(seen["gids"])) >= 2)
    yield from each_account(bench, wrong_groups, control, "no supplementary group but its own gid")


@check("DROP-04", needs=("spawns",), reads=("walls",))
def holds_no_capability(bench: Bench) -> Iterator[Verdict]:
    control = gateway_has(bench, lambda seen: int(seen["capabilities"]["effective"], 16) != 0)
    yield from each_account(bench, held_capabilities, control, "permitted, effective, inheritable, ambient are empty")


@check("DROP-05", needs=("spawns",), reads=("walls",))
def cannot_become_another(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        for account in bench.accounts:
            yield become(bench, posture, account)


def become(bench: Bench, posture: str, account: str) -> Verdict:
    """The verdict on every attempt of one account to be somebody else: root, the gateway, each sibling."""
    scope = {"posture": posture, "account": account}
    tries = bench.facts.find(posture, BECOME, account=account, vantage="spawned")
    aims = {"root", "gateway", *bench.accounts} - {account}
    wanted = {("raise", "capabilities"), *((operation, aim) for operation in BECOME[:3] for aim in aims)}
    if not wanted <= {(one.operation, one.object) for one in tries}:
        return bench.unobserved(**scope)
    got = [one for one in tries if one.errno == OK]
    if got:
        return bench.failed(f"{got[0].operation} {got[0].object} succeeded on path {got[0].step}", got, **scope)
    odd = [one for one in tries if one.errno != "EPERM"]
    if odd:
        return bench.undecided(f"{odd[0].operation} gave {odd[0].errno}, expected EPERM", odd, **scope)
    controls = [bench.facts.first(posture, operation, account="root", errno=OK) for operation in BECOME]
    return bench.passed(f"{len(tries)} attempts, EPERM each", tries, None if None in controls else controls[0], **scope)


@check("DROP-06", needs=("spawns",), reads=("walls",))
def gains_nothing_by_exec(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        control = bench.facts.first(posture, "setuid-canary", vantage="dropped", errno=OK)
        for account in bench.accounts:
            yield of_identities(bench, may_gain, control, "NoNewPrivs is 1", posture=posture, account=account)
            yield canary(bench, control, posture, account)


def canary(bench: Bench, control: Observation | None, posture: str, account: str) -> Verdict:
    """The verdict on what a setuid-root program gave the account."""
    scope = {"posture": posture, "account": account, "surface": "setuid canary"}
    tries = bench.facts.find(posture, "setuid-canary", account=account, vantage="spawned")
    ran = [one for one in tries if one.errno == OK and "uid" in one.seen]
    if not ran:
        return (
            bench.undecided(f"the canary did not run: {tries[0].errno}", tries, **scope)
            if tries
            else bench.unobserved(**scope)
        )
    rooted = [one for one in ran if one.seen["uid"] == 0]
    if rooted:
        return bench.failed("a setuid-root program made it root", rooted, **scope)
    if control is None or control.seen.get("uid") != 0:
        return bench.undecided("the canary gives root to nobody here, so it shows nothing", ran, **scope)
    return bench.passed(f"the setuid-root program ran as uid {ran[0].seen['uid']}", ran, control, **scope)


@check("DROP-07", needs=("spawns",), reads=("walls",))
def holds_three_descriptors(bench: Bench) -> Iterator[Verdict]:
    control = gateway_has(bench, lambda seen: len([number for number, _ in seen["descriptors"] if number > 2]) >= 3)
    for posture in bench.postures:
        complaint = gateways_own(bench, posture)
        for account in bench.accounts:
            what = "descriptors 0, 1, 2 and no other"
            yield of_identities(bench, complaint, control(posture), what, posture=posture, account=account)


@check("DROP-08", needs=("spawns",), reads=("walls",))
def has_a_session_of_its_own(bench: Bench) -> Iterator[Verdict]:
    control = gateway_has(bench, lambda seen: seen["session"] > 0)
    yield from each_account(bench, shared_session, control, "session and process group are its own, no terminal")


@check("DROP-09", needs=("walls",))
def shares_no_keyring(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        for account in bench.accounts:
            for owner in ("gateway", *bench.accounts):
                if owner != account:
                    for operation in ("key-search", "key-read"):
                        yield of_key(bench, posture, account, owner, operation)


def of_key(bench: Bench, posture: str, account: str, owner: str, operation: str) -> Verdict:
    """The verdict on one account's attempts to reach a key of the gateway's, or of a sibling that is still there."""
    scope = {"posture": posture, "account": account, "surface": f"key-of:{owner}"}
    tries = bench.facts.find(posture, operation, account=account, object=f"key-of:{owner}", vantage="spawned")
    if not tries:
        return bench.unobserved(**scope)
    own = {"object": "key-of:gateway"} if owner == "gateway" else {"object": "own-key"}
    control, one = bench.facts.first(posture, "key-search", account=owner, errno=OK, **own), tries[0]
    if any(each.errno == OK for each in tries):
        return bench.failed(f"{one.operation} found a key that is not its own", tries, **scope)
    expected = {"key-search": {"ENOKEY"}, "key-read": {"EACCES", "ENOKEY"}}[one.operation]
    odd = [each for each in tries if each.errno not in expected]
    if odd:
        return bench.undecided(
            f"{one.operation} gave {odd[0].errno}, expected {' or '.join(sorted(expected))}", odd, **scope
        )
    return bench.passed(f"{one.operation} gave {one.errno}", tries, control, **scope)


@check("DROP-10", needs=("spawns",), reads=("walls",))
def inherits_no_settings(bench: Bench) -> Iterator[Verdict]:
    control = gateway_has(bench, lambda seen: int(seen["signals"]["ignored"], 16) & ~SIGNALS_OF_THE_PROBE != 0)
    yield from each_account(
        bench, inherited_settings, control, "umask 077, core limit 0, default signals, none blocked"
    )
