"""WALL: processes, sockets, the loopback API, IPC, scratch places, and what is writable at all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from wallbite.checks import Bench, check
from wallbite.observation import OK, Observation
from wallbite.verdict import Verdict

PROCESS = ("signal", "ptrace", "vm-read", "pidfd-getfd")
PLANTED = ("/run/wallbite",)  # there the harness lays files that everybody may write
LOOPBACK = "loopback-api"
ENTRIES = ("environ", "mem", "maps", "fd", "root", "cwd")


@check("WALL-08", needs=("walls", "spawns"))
def owns_its_directory(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        for account in bench.accounts:
            scope = {"posture": posture, "account": account}
            tries = bench.facts.find(posture, "own", account=account, vantage="spawned")
            bad = [one for one in tries if one.errno != OK]
            if not tries:
                yield bench.unobserved(**scope)
            elif bad:
                yield bench.failed(f"using its own directory gave {bad[0].errno} at {bad[0].step}", bad, **scope)
            else:
                control = next(
                    (one for one in bench.facts.find(posture, "list", account=account) if one.errno == "EACCES"), None
                )
                yield bench.passed(
                    "created, listed, read, renamed, removed in its own directory", tries, control, **scope
                )


@check("WALL-11", needs=("walls",))
def gateway_process_is_out_of_reach(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        for account in bench.accounts:
            for name in processes_of_the_gateway(bench, posture):
                yield process_verdict(bench, posture, account, name)
        yield argv_verdict(bench, posture)


def processes_of_the_gateway(bench: Bench, posture: str) -> list[str]:
    """The gateway's own process, and each child of it that root found and that is no plugin."""
    found = (one.object for one in bench.facts.find(posture, "signal", account="root", step="before"))
    return ["gateway-process", *sorted({name for name in found if name.startswith("gateway-child-")})]


@check("WALL-12", needs=("walls",))
def sibling_process_is_out_of_reach(bench: Bench) -> Iterator[Verdict]:
    if len(bench.accounts) == 1:
        yield bench.inapplicable("the target has one account: there is no sibling")
    for posture in bench.postures:
        for account in bench.accounts:
            for sibling in bench.accounts:
                if sibling != account:
                    yield process_verdict(bench, posture, account, f"process-of:{sibling}")


def process_verdict(bench: Bench, posture: str, account: str, name: str) -> Verdict:
    """The verdict on one account's attempts on one process; the control is root's success at each of them."""
    scope = {"posture": posture, "account": account, "surface": name}
    tries = bench.facts.find(posture, PROCESS, account=account, object=name, vantage="spawned")
    for entry in ENTRIES:
        tries += bench.facts.find(posture, "proc", account=account, object=f"{name}/{entry}", vantage="spawned")
    if len({(one.operation, one.object) for one in tries}) < len(PROCESS) + len(ENTRIES):
        return bench.unobserved(**scope)
    table = bench.facts.tables["errnos"]["operations"]
    got = [one for one in tries if one.errno in table[one.operation]["reached"]]
    if got:
        return bench.failed(f"{got[0].operation} on {got[0].object} succeeded", got, **scope)
    odd = [one for one in tries if one.errno not in table[one.operation]["open"]]
    if odd:
        return bench.undecided(f"{odd[0].operation} on {odd[0].object} gave {odd[0].errno}", odd, **scope)
    for one in tries:
        if not bench.facts.first(posture, one.operation, account="root", object=one.object, step="before", errno=OK):
            return bench.undecided(f"no control for {one.operation} on {one.object}", [one], **scope)
    control = bench.facts.first(posture, "signal", account="root", object=name, step="before", errno=OK)
    return bench.passed(f"{len(tries)} attempts, each refused as the table says", tries, control, **scope)


def argv_verdict(bench: Bench, posture: str) -> Verdict:
    """The verdict on the gateway's command line, which everybody can read."""
    scope = {"posture": posture, "surface": "argv"}
    one = bench.facts.first(posture, "argv", object="gateway-process")
    if one is None or not one.seen["arguments"]:
        return bench.unobserved(**scope)
    if one.seen["secrets"]:
        return bench.failed(f"its argv holds {one.seen['secrets']}", [one], **scope)
    control = bench.facts.first(posture, "secret-search", object="config-file", errno=OK)
    return bench.passed("its argv holds no secret", [one], control, **scope)


@check("WALL-13", needs=("walls",))
def gives_nothing_without_authentication(bench: Bench) -> Iterator[Verdict]:
    from_table = bench.facts.surfaces(bench.requirement.surfaces)
    for posture in bench.postures:
        yield from undeclared(bench, posture)
        for account in bench.accounts:
            for surface in from_table:
                tries = bench.facts.find(posture, "connect", account=account, object=surface.name, vantage="spawned")
                control = bench.facts.first(posture, "connect", account="gateway", object=surface.name, errno=OK)
                yield socket_verdict(
                    bench, tries, control, {"posture": posture, "account": account, "surface": surface.name}
                )
            yield from api_verdicts(bench, posture, account)


def socket_verdict(
    bench: Bench, tries: Sequence[Observation], control: Observation | None, scope: dict[str, str]
) -> Verdict:
    """The verdict on a control socket: connecting is refused by the kernel, in both layouts."""
    if not tries:
        return bench.unobserved(**scope)
    if got := [one for one in tries if one.errno == OK]:
        return bench.failed(f"connect ({got[0].layout}) succeeded", got, **scope)
    if {one.layout for one in tries} != {"laid", "opened"}:
        return bench.undecided("connect was not tried in both layouts", tries, **scope)
    if odd := [one for one in tries if one.errno != "EACCES"]:
        return bench.undecided(f"connect ({odd[0].layout}) gave {odd[0].errno}, expected EACCES", odd, **scope)
    return bench.passed("connect gave EACCES", tries, control, **scope)


def api_verdicts(bench: Bench, posture: str, account: str) -> Iterator[Verdict]:
    """The verdicts on the loopback API: each closed route gives 401 or 403 without credentials."""
    for route in bench.facts.setting.declared.get("loopback", ()):
        scope = {"posture": posture, "account": account, "surface": f"loopback {route}"}
        tries = bench.facts.find(posture, "http", account=account, object=f"loopback:{route}", vantage="spawned")
        if not tries:
            yield bench.unobserved(**scope)
            continue
        status = [one.seen.get("status") for one in tries]
        control = bench.facts.first(posture, "http", step="credentials", object=f"loopback:{route}", errno=OK)
        if any(isinstance(each, int) and 200 <= each < 400 for each in status):
            yield bench.failed(f"{route} answered {status[0]} without credentials", tries, **scope)
        elif any(each not in (401, 403) for each in status):
            yield bench.undecided(f"{route} gave {status[0]} ({tries[0].errno}), expected 401 or 403", tries, **scope)
        elif control is None or control.seen.get("status") in (None, 401, 403):
            yield bench.undecided(f"{route} answers nobody, not even with the token", tries, **scope)
        else:
            yield bench.passed(
                f"{route} gave {status[0]} without credentials, {control.seen['status']} with them",
                tries,
                control,
                **scope,
            )


def undeclared(bench: Bench, posture: str) -> Iterator[Verdict]:
    """For control sockets and the loopback API: where the descriptor has none, it must say why."""
    there = {
        "control-socket": bool(bench.facts.surfaces(["control-socket"])),
        LOOPBACK: bool(bench.facts.setting.declared["loopback"]),
    }
    for role in (role for role, declared in there.items() if not declared):
        scope = {"posture": posture, "surface": role}
        reason = bench.facts.setting.excused.get(f"{bench.requirement.id}/{role}", "")
        yield (
            bench.inapplicable(reason, **scope)
            if reason
            else bench.undecided(
                f"the descriptor declares no {role}; do so, or say under claims.not-applicable why there is none",
                **scope,
            )
        )


@check("WALL-14", needs=("walls",))
def leaves_no_open_ipc(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        for account in bench.accounts:
            yield ipc_verdict(bench, posture, account)


def ipc_verdict(bench: Bench, posture: str, account: str) -> Verdict:
    """The verdict on every IPC object that root lists; the control is the harness's own, which anybody may use."""
    scope = {"posture": posture, "account": account}
    listing = bench.facts.first(posture, "ipc-listing")
    tries = bench.facts.find(posture, ("abstract", "sysv"), account=account, vantage="spawned")
    files = bench.facts.find(posture, "read", account=account, vantage="spawned")
    tries += [one for one in files if one.object.startswith(("planted:", "shared:"))]
    if listing is None or not tries:
        return bench.unobserved(**scope)
    planted = [one for one in tries if one.object.startswith("planted:")]
    foreign = [one for one in tries if not one.object.startswith("planted:")]
    got = [one for one in foreign if one.errno == OK]
    if got:
        return bench.failed(f"{got[0].operation} {got[0].object} is open to it", [listing, *got], **scope)
    if {one.errno for one in planted} != {OK} or len({one.operation for one in planted}) < 3:
        return bench.undecided("the harness's own open IPC objects could not be used", planted, **scope)
    return bench.passed(
        f"{len(foreign)} IPC objects of others, none open to it", [listing, *tries], planted[0], **scope
    )


@check("WALL-17", needs=("walls",))
def neither_leaves_nor_follows_in_scratch_places(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        one = bench.facts.first(posture, "scratch-made")
        two = bench.facts.first(posture, "scratch-planted")
        control = bench.facts.first(posture, "scratch-watch", errno=OK)
        scope = {"posture": posture, "surface": "left behind"}
        if one is None:
            yield bench.unobserved(**scope)
        elif loose := [entry for entry in one.seen["entries"] if entry["readable"]]:
            yield bench.failed(f"{loose[0]['path']} has mode {loose[0]['mode']}", [one], **scope)
        else:
            yield bench.passed(
                f"{len(one.seen['entries'])} files of the gateway's, none readable by others", [one], control, **scope
            )
        scope = {"posture": posture, "surface": "followed"}
        if two is None:
            yield bench.unobserved(**scope)
        elif two.seen["victim_changed"]:
            yield bench.failed(f"it wrote through a planted link at {two.seen['planted']}", [two], **scope)
        elif two.seen["problem"]:
            yield bench.undecided(f"it did not come up over the planted links: {two.seen['problem']}", [two], **scope)
        else:
            yield bench.passed(f"{len(two.seen['planted'])} links planted, none followed", [two], control, **scope)


@check("WALL-18", needs=("verbs",))
def names_shared_accounts(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        for where in ("check", "boot"):
            scope = {"posture": posture, "surface": where}
            shared = bench.facts.first(posture, where, object="shared")
            apart = bench.facts.first(posture, where, object="apart")
            if where == "check" and "check" not in bench.facts.setting.declared.get("verbs", ("check",)):
                yield bench.inapplicable("the target has no `check` verb", **scope)
            elif not shared:
                yield bench.unobserved(**scope)
            elif not all(shared.seen["named"].values()):
                silent = [name for name, said in shared.seen["named"].items() if not said]
                yield bench.failed(f"{where} does not name {silent} as shared", [shared], **scope)
            elif not apart:
                yield bench.unobserved(**scope)
            elif any(apart.seen["named"].values()):
                yield bench.undecided("it names accounts that are not shared, too", [shared, apart], **scope)
            else:
                yield bench.passed("every shared account is named, and no other", [shared], apart, **scope)


@check("WALL-19", needs=("walls",))
def writes_nowhere_else(bench: Bench) -> Iterator[Verdict]:
    allowed = tuple(bench.facts.setting.declared["scratch"])
    for posture in bench.postures:
        for account in bench.accounts:
            yield sweep_verdict(bench, posture, account, allowed)


def sweep_verdict(bench: Bench, posture: str, account: str, allowed: tuple[str, ...]) -> Verdict:
    """The verdict on one account's walk over the whole tree; what the harness planted is the control that it works."""
    scope = {"posture": posture, "account": account}
    walks = bench.facts.find(posture, "sweep", account=account)
    if not any(one.object == "tree:/" for one in walks) or any(one.errno != OK for one in walks):
        return bench.unobserved(**scope)
    own = walks[0].seen["own"]
    writable = sorted({path for one in walks for path in one.seen["writable"]})
    elsewhere = [path for path in writable if not inside(path, (own, *allowed))]
    if elsewhere:
        return bench.failed(f"it may write {', '.join(elsewhere[:5])} ({len(elsewhere)} places)", walks, **scope)
    if any(one.seen["more"] for one in walks):
        return bench.undecided("more is writable than one walk tells", walks, **scope)
    control = next((one for one in walks if any(inside(path, PLANTED) for path in one.seen["writable"])), None)
    looked = sum(one.seen["looked"] for one in walks)
    return bench.passed(
        f"{looked} paths looked at, nothing writable but its own and the scratch places", walks, control, **scope
    )


def inside(path: str, places: tuple[str, ...]) -> bool:
    """Whether ``path`` is one of ``places`` or below one."""
    return any(path == place or path.startswith(place.rstrip("/") + "/") for place in places)
