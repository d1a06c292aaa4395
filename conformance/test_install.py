"""INST: what an installer lays down, what it leaves alone, and whether a start by its unit enforces."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from wallbite.checks import Bench, check
from wallbite.observation import OK, Observation
from wallbite.postures import BOTH
from wallbite.verdict import Verdict

NEEDS = ("install",)
OTHERS_WRITE = 0o022
SETID = 0o6000
MOMENT = "installed"


@check("INST-01", needs=NEEDS)
def leaves_operators_data(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        kept, relaid = bench.facts.first(posture, "kept"), bench.facts.first(posture, "relaid")
        if kept is None or relaid is None:
            yield bench.unobserved(posture)
        elif kept.seen["changed"]:
            told = "; ".join(f"{path}: {how(*states)}" for path, states in list(kept.seen["changed"].items())[:5])
            yield bench.failed(f"the second installation changed {told}", [kept], posture=posture)
        elif relaid.errno != OK:
            yield bench.undecided("the second installation did not bring code back", [kept, relaid], posture=posture)
        else:
            yield bench.passed(f"{len(kept.seen['paths'])} paths as they were", [kept], relaid, posture=posture)


def how(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """What differs of one path."""
    if not after:
        return "gone"
    return ", ".join(f"{key} {before.get(key)} -> {after.get(key)}" for key in after if before.get(key) != after[key])


@check("INST-02", needs=NEEDS)
def unit_confers_two_capabilities(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        unit, started = bench.facts.first(posture, "unit"), bench.facts.first(posture, "started")
        scope = {"posture": posture}
        if unit is None or started is None:
            yield bench.unobserved(posture)
            continue
        seen = [unit, started]
        wrong = [text for text in (of_unit(unit), of_process(started)) if text]
        if wrong:
            yield bench.failed("; ".join(wrong), seen, **scope)
        elif started.errno != OK or not started.seen["enforcing"]:
            yield bench.failed(f"started as the unit would, it does not enforce: {started.seen['tail']}", seen, **scope)
        else:
            yield bench.passed("CAP_SETUID and CAP_SETGID, and no other", seen, started, **scope)


def of_unit(unit: Observation) -> str:
    """What a unit's text confers too much or too little; or nothing."""
    wanted = {"CAP_SETUID", "CAP_SETGID"}
    for key in ("AmbientCapabilities", "CapabilityBoundingSet"):
        named = {name.upper() for value in unit.seen[key] for name in value.split()}
        if named != wanted:
            return f"{key} is {' '.join(unit.seen[key]) or 'not there'}"
    return "" if unit.seen["User"] and unit.seen["User"][-1] not in ("root", "0") else "it names no user but root"


def of_process(started: Observation) -> str:
    """What the kernel says of the process beyond the two; or nothing."""
    sets = {name: int(started.seen["capabilities"][name], 16) for name in ("permitted", "effective", "bounding")}
    odd = [f"{name} set {mask:x}" for name, mask in sets.items() if mask != BOTH]
    return f"the process has {', '.join(odd)}" if odd else ""


@check("INST-03", needs=NEEDS)
def numbers_agree(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        one = bench.facts.first(posture, "declared")
        for account in bench.accounts:
            if one is None:
                yield bench.unobserved(posture, account=account)
            elif wrong := disagreement(one.seen, account):
                yield bench.failed(wrong, [one], posture=posture, account=account)
            else:
                other = bench.facts.first(posture, "install", object="first")
                yield bench.passed("the three say the same", [one], other, posture=posture, account=account)


def disagreement(seen: Mapping[str, Any], account: str) -> str:
    """Where sysusers, tmpfiles and the configuration differ on one account, or from what was asked for; or nothing."""
    expected, entry = seen["expected"][account], seen["accounts"].get(account)
    if entry is None:
        return "the configuration does not have it"
    if (entry["uid"], entry["gid"], entry["directory"]) != (expected["uid"], expected["gid"], expected["directory"]):
        return f"the configuration has {entry}, installed was {expected['uid']} at {expected['directory']}"
    user = next((one for one in seen["users"] if one["home"] == entry["directory"]), None)
    place = next((one for one in seen["directories"] if one["path"] == entry["directory"]), None)
    if user is None or place is None:
        return f"{'sysusers' if user is None else 'tmpfiles'} does not have {entry['directory']}"
    if (user["uid"], user["gid"]) != (str(entry["uid"]), str(entry["gid"])):
        return f"sysusers gives {user['name']} {user['uid']}:{user['gid']}, the configuration {entry['uid']}"
    if (place["user"], place["group"]) != (user["name"], user["name"]) or place["mode"].lstrip("~:").zfill(4) != "0700":
        return f"tmpfiles gives {place['path']} to {place['user']}:{place['group']} with mode {place['mode']}"
    return ""


@check("INST-04", needs=NEEDS)
def tree_is_as_declared(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        one = bench.facts.first(posture, "tree")
        if one is None:
            yield bench.unobserved(posture)
            continue
        made = {each["path"]: each for each in one.seen["made"]}
        wrong = [*differences(bench.facts.setting.declared["tree"], made), *undeclared(bench, made)]
        if wrong:
            yield bench.failed(f"{'; '.join(wrong[:8])} ({len(wrong)} in all)", [one], posture=posture)
        else:
            other = bench.facts.first(posture, "install", object="first")
            yield bench.passed(f"{len(made)} paths, all as declared", [one], other, posture=posture)


def differences(declared: list[dict[str, Any]], made: Mapping[str, dict[str, Any]]) -> Iterator[str]:
    """What is declared and missing, or laid down otherwise."""
    for entry in declared:
        found = made.get(entry["path"])
        if found is None:
            yield f"{entry['path']} is missing"
        elif odd := [key for key in ("kind", "owner", "group", "mode") if found[key] != entry[key]]:
            yield f"{entry['path']}: {', '.join(f'{key} {found[key]}, expected {entry[key]}' for key in odd)}"


def undeclared(bench: Bench, made: Mapping[str, dict[str, Any]]) -> Iterator[str]:
    """What was made besides; below a declared tree, what is not root's alone to write, or carries a setuid bit."""
    declared = bench.facts.setting.declared["tree"]
    named = {entry["path"] for entry in declared}
    trees = tuple(f"{entry['path']}/" for entry in declared if entry["below"])
    for path, found in made.items():
        mode = int(found["mode"], 8)
        if path.startswith(trees):
            if found["owner"] != "root" or mode & (OTHERS_WRITE | SETID) or found["kind"] not in ("file", "directory"):
                yield f"{path}: {found['kind']} of {found['owner']} with mode {found['mode']} among the code"
        elif path.startswith("/home/"):
            yield f"{path} lies under /home"
        elif path not in named and not any(name.startswith(f"{path}/") for name in named):
            yield f"{path} is not declared"


@check("INST-05", needs=NEEDS)
def walls_hold_without_a_step_by_hand(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        started = bench.facts.first(posture, "started")
        for account in bench.accounts:
            scope = {"posture": posture, "account": account}
            if started is None:
                yield bench.unobserved(**scope)
            elif started.errno != OK or not started.seen["enforcing"]:
                yield bench.failed(f"it does not come up enforcing: {started.seen['tail']}", [started], **scope)
            else:
                yield of_account(bench, scope)


def of_account(bench: Bench, scope: dict[str, str]) -> Verdict:
    """The verdict on one account of the installed gateway: it is itself, and every surface is closed to it."""
    of = {"account": scope["account"], "step": MOMENT, "vantage": "spawned"}
    who = bench.facts.find(scope["posture"], "identity", **of)
    reached = bench.facts.find(scope["posture"], ("read", "list", "connect"), **of)
    if not who or not reached:
        return bench.unobserved(**scope)
    expected = who[0].seen["expected"]["uid"]
    if {*who[0].seen["uids"], who[0].seen["file_uid"]} != {expected}:
        return bench.failed(f"its plugin's uids are {who[0].seen['uids']}, expected {expected}", who, **scope)
    if open_ := [one for one in reached if one.errno == OK]:
        return bench.failed(f"{open_[0].operation} of {open_[0].object}: the kernel let it through", open_, **scope)
    for one in reached:
        control = bench.facts.first(scope["posture"], one.operation, object=one.object, account="root", errno=OK)
        if one.errno != "EACCES" or control is None:
            return bench.undecided(f"{one.operation} of {one.object}: {one.errno}, or no control", [one], **scope)
    return bench.passed(f"it is itself, and {len(reached)} surfaces are closed", [*who, *reached], control, **scope)
