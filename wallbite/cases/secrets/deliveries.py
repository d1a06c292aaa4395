"""Case ``secrets``: a gateway with a filled vault under a tracer; plugins tell what they got, which is searched for."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from wallbite.cases.asking import answer_of
from wallbite.cases.backups import backups
from wallbite.cases.scene import CaseProblem, Scene
from wallbite.cases.secrets import cores, environments, vaults
from wallbite.cases.secrets.traced import Tracer
from wallbite.cases.secrets.vaults import ROLES, Filled, Role
from wallbite.cases.spawning import Errand, as_root, start
from wallbite.installation.environment import own_environment
from wallbite.installation.gateway import Gateway
from wallbite.installation.installation import OUTPUT, PRIVATE
from wallbite.installation.talk import ask, job_state, pick
from wallbite.postures import ENFORCING
from wallbite.probing.answers import Answer
from wallbite.probing.plan import Attempt, Plan
from wallbite.search import Found, Needle, search_bytes, search_files
from wallbite.target import Request

WITHIN: Final = 10.0
HOLD: Final = f"{PRIVATE}/hold-secrets"
TRACE_MARK: Final = "WALLBITE_MARK"
OUTBURSTS: Final = ("error", "exits", "broken")  # how a plugin that tells its secrets fails
UNCONFINED_ROLES: Final = ("own", "instance-one", "unknown", "without-principal", "revoked")


@dataclass
class Told:
    """What was asked for: the plan and the job of each role, its mark, and what the gateway tells of the jobs."""

    asked: dict[str, tuple[Plan, str]] = field(default_factory=dict)
    marks: dict[str, str] = field(default_factory=dict)
    parts: list[tuple[str, bytes]] = field(default_factory=list)


def plan(postures: Sequence[str]) -> Iterator[dict[str, Any]]:
    """One case where a gateway enforces, one where it does not."""
    for posture in postures:
        if posture in ENFORCING:
            yield {"case": f"secrets@{posture}", "kind": "secrets", "posture": posture, "params": {}}
        if posture == "unprivileged" or posture in environments.OVERRIDDEN:
            kind = "secrets-unconfined"
            yield {"case": f"{kind}@{posture}", "kind": kind, "posture": posture, "params": {}}


def run(scene: Scene) -> None:
    """Every role, then what is left of the secrets."""
    look(scene, scene.installation.config_document(), ROLES)


def run_unconfined(scene: Scene) -> None:
    """Some roles, where nothing is dropped."""
    roles = [role for role in ROLES if role.name in UNCONFINED_ROLES]
    look(scene, environments.unconfined_document(scene), roles)


def look(scene: Scene, document: Mapping[str, Any], roles: Sequence[Role]) -> None:
    """Boot under a tracer, ask for each role, and search for the secrets wherever something is kept."""
    filled, told, mark, roles = Filled.anew(), Told(), new_mark(), apart(scene, roles)
    wanted = {
        str(scene.installation.expanded(vaults.vault_of(scene).plugins[0], account=one)) for one in scene.accounts
    }
    scene.lay_down(plugins=wanted, document=vaults.with_roles(scene, document))
    vaults.fill(scene, filled)
    cores.prepare()
    tracer = Tracer([*filled.needles(), Needle("mark", mark.encode())])
    gateway = scene.gateway()
    environment = {**own_environment(scene.installation), TRACE_MARK: mark}
    gateway.entries = tuple(f"{name}={value}".encode() for name, value in environment.items())
    confined = scene.kind == "secrets"
    try:
        scene.boot(gateway, by=tracer, cwd=cores.PLACE)
        for role in roles:
            ask_for(scene, role, told)
        for role in roles:
            note_delivery(scene, gateway, role, filled, told)
        note_audit(scene, roles, told)
        if confined:
            for way in OUTBURSTS:
                fail_loudly(scene, told, way)
            revoke(scene, gateway, filled, told)
            take_key_away(scene, gateway, filled, told)
            if scene.target.gateway.backup:
                backups.make(scene, str(scene.installation.expanded(scene.target.gateway.backup_to)))
    finally:
        gateway.kill()
    note_trace(scene, tracer)
    if confined:
        look_into(scene, gateway, filled)
    note_search(scene, filled, told)


def look_into(scene: Scene, gateway: Gateway, filled: Filled) -> None:
    """Another boot, without a tracer, which would change what may be traced and how a process ends."""
    scene.boot(gateway, cwd=cores.PLACE)
    pid = hold(scene, gateway)
    read_stdin(scene, gateway, pid)
    cores.note(scene, gateway, pid, filled.needles())
    gateway.kill()


def new_mark() -> str:
    """What stands beside the secrets that a plugin tells: found where these could be."""
    return f"mark{secrets.token_hex(16)}"


def apart(scene: Scene, roles: Sequence[Role]) -> list[Role]:
    """The roles that have a plugin each: where there are few accounts a later one would undo an earlier one's."""
    taken: dict[str, Role] = {}
    for role in roles:
        taken.setdefault(vaults.plugin_of(scene, role), role)
    return list(taken.values())


def account_of(scene: Scene, role: Role) -> str:
    """The account that it runs as."""
    return scene.accounts[role.account % len(scene.accounts)]


def ask_for(scene: Scene, role: Role, told: Told) -> None:
    """Have the gateway run it; it tells what it got, in every way."""
    told.marks[role.name] = new_mark()
    errand = Errand(account_of(scene, role), f"secrets-{role.name}", (), {"echo": told.marks[role.name]})
    asked = start(scene, errand, vaults.plugin_of(scene, role))
    if isinstance(asked, str):
        raise CaseProblem(asked)
    told.asked[role.name] = asked


def note_delivery(scene: Scene, gateway: Gateway, role: Role, filled: Filled, told: Told) -> None:
    """What a role got by its own word, as lengths and digests; or how its job ended without it."""
    plan_, job = told.asked[role.name]
    errand = Errand(account_of(scene, role), f"secrets-{role.name}")
    if scene.target.spawn is None or scene.target.spawn.job is None:
        raise CaseProblem("the descriptor does not say how a job is asked for")
    state = job_state(scene.installation, job, WITHIN)
    letters = scene.inbox.await_answers(plan_.nonce, 1, 0)
    seen: dict[str, Any] = {
        "expected": filled.sealed(role.gets),
        "refuse": role.refused,
        "uid": scene.ids(errand.account)["uid"],
        "plugin": vaults.plugin_of(scene, role),
        "finished": state.finished,
        "status": state.status,
        "error": state.error,
        "attempts": state.attempts,
        "ran": len(letters),
        "refused_as": vaults.vault_of(scene).refused,
        "known": {name: filled.sealed(name) for name in vaults.KNOWN},
    }
    answer: Answer | str = answer_of(scene, gateway, errand, told.asked[role.name]) if letters else ""
    if isinstance(answer, Answer):
        carrier = answer.carrier
        seen |= {"secrets": dict(carrier["secrets"]), "uids": list(answer.who["uids"]), "carrier": carrier["plugin"]}
    vantage, errno = "spawned" if letters else "harness", "OK" if state.finished else None
    scene.emit("delivery", role.name, account=errand.account, step=errand.step, vantage=vantage, errno=errno, seen=seen)
    gather(scene, job, told)


def gather(scene: Scene, job: str, told: Told) -> None:
    """What the gateway tells of a job, as it comes over HTTP."""
    vault = vaults.vault_of(scene)
    for url in vault.told:
        reply = ask(scene.installation, Request("GET", url, vault.headers), {"job": job})
        told.parts.append((url.partition("?")[0], json.dumps(reply.body, ensure_ascii=False).encode()))


def note_audit(scene: Scene, roles: Sequence[Role], told: Told) -> None:
    """The records that name a refused role's plugin: of which type, under which principal."""
    vault = vaults.vault_of(scene)
    if vault.audit is None:
        return
    body = ask(scene.installation, vault.audit, {}).body
    told.parts.append(("events", json.dumps(body, ensure_ascii=False).encode()))
    records = pick(body, vault.record["list"]) or []
    for role in (role for role in roles if role.refused):
        name = vaults.plugin_of(scene, role)
        found = [{key: pick(one, vault.record[key]) for key in ("type", "principal", "plugin")} for one in records]
        mine = [
            one for one in found if name == one["plugin"] or (role.asked_for and one["principal"] == role.asked_for)
        ]
        account = account_of(scene, role)
        seen = {"records": mine, "principal": role.asked_for, "plugin": name, "of": len(records)}
        scene.emit("audit", role.name, account=account, vantage="harness", step="audit", seen=seen)


def fail_loudly(scene: Scene, told: Told, way: str) -> None:
    """A plugin that tells its secrets in its error, in an answer that is none, or before it ends as a failure."""
    role = ROLES[0]
    told.marks[way] = f"{way}{new_mark()}"
    errand = Errand(account_of(scene, role), f"secrets-{way}", (), {"echo": told.marks[way]})
    asked = start(scene, errand, vaults.plugin_of(scene, role))
    if isinstance(asked, str):
        raise CaseProblem(asked)
    plan_, job = asked
    state = job_state(scene.installation, job, WITHIN)
    ran = len(scene.inbox.await_answers(plan_.nonce, 1, 0))
    scene.note("outburst", way, finished=state.finished, status=state.status, ran=ran)
    gather(scene, job, told)


def revoke(scene: Scene, gateway: Gateway, filled: Filled, told: Told) -> None:
    """The principal of a plugin that got its secrets is revoked for once while the gateway runs."""
    vaults.fill(scene, replace(filled, revoked=(*filled.revoked, ROLES[0].gets)), again=True)
    role = replace(ROLES[0], name="revoked-later", refused=True)
    ask_for(scene, role, told)
    note_delivery(scene, gateway, role, filled, told)
    vaults.fill(scene, filled, again=True)


def take_key_away(scene: Scene, gateway: Gateway, filled: Filled, told: Told) -> None:
    """A plugin that got its secrets is asked for once more where the vault can be opened by nobody."""
    key = Path(str(scene.installation.expanded(vaults.vault_of(scene).key)))
    away = key.with_name("wallbite-away")
    key.rename(away)
    role = replace(ROLES[0], name="without-key", refused=True)
    ask_for(scene, role, told)
    note_delivery(scene, gateway, role, filled, told)
    away.rename(key)


def hold(scene: Scene, gateway: Gateway) -> int:
    """The pid of a plugin with secrets, that stays."""
    role = ROLES[0]
    os.mkfifo(HOLD, 0o644)
    os.chmod(HOLD, 0o644)
    errand = Errand(account_of(scene, role), "secrets-held", (), {"hold": HOLD})
    answer = answer_of(scene, gateway, errand, start(scene, errand, vaults.plugin_of(scene, role)))
    if isinstance(answer, str):
        raise CaseProblem(answer)
    return int(answer.who["pid"])


def read_stdin(scene: Scene, gateway: Gateway, pid: int) -> None:
    """Another account's plugin, and root as control, try the stdin of the one that holds secrets."""
    attempts = [
        Attempt("read", "stdin/open", path=f"/proc/{pid}/fd/0"),
        Attempt("pidfd-getfd", "stdin/take", arguments={"pid": pid}),
        Attempt("proc", "stdin/look", arguments={"pid": pid, "name": "fd"}),
    ]
    as_root(scene, attempts, "stdin")
    role = ROLES[1]
    errand = Errand(account_of(scene, role), "secrets-stdin", attempts)
    answer = answer_of(scene, gateway, errand, start(scene, errand, vaults.plugin_of(scene, role)))
    if isinstance(answer, str):
        raise CaseProblem(answer)
    results = answer.results[-len(attempts) :]
    for attempt, result in zip(attempts, results, strict=True):
        where = {"account": errand.account, "step": errand.step, "vantage": "spawned"}
        scene.emit(attempt.operation, attempt.object, errno=result.errno, seen=dict(result.seen), **where)


def note_trace(scene: Scene, tracer: Tracer) -> None:
    """Every process, at its exec and at its end: whose secrets stood in its command line or environment."""
    found = tracer.result()
    looks = [stop for stop in found.stops if stop.seen]
    hits = sorted({(needle, part, stop.exe) for stop in looks for needle, part in stop.seen["hits"]})
    marked = [list(hit) for hit in hits if hit[0] == "mark"]
    seen = {
        "complete": found.complete,
        "execs": sum(stop.event == "exec" for stop in looks),
        "unread": sum(bool(stop.seen["unread"]) for stop in looks if stop.event == "exec"),
        "programs": sorted({stop.exe for stop in looks})[:20],
        "hits": [list(hit) for hit in hits if hit[0] != "mark"][:20],
    }
    scene.note("trace", "processes", errno="OK" if marked else "EINVAL", marks=marked[:5], **seen)


def note_search(scene: Scene, filled: Filled, told: Told) -> None:
    """Where the secrets are found, and where the marks are that stood beside them."""
    needles = filled.needles() + [Needle(f"mark/{name}", value.encode()) for name, value in told.marks.items()]
    note_found(scene, "answers", search_bytes(told.parts, needles))
    places = [
        OUTPUT,
        *(one.path for one in scene.target.surfaces if one.class_ == "gateway" and one.kind == "directory"),
    ]
    places = [place for place in places if not any(place.startswith(f"{top}/") for top in places)]
    note_found(scene, "files", search_files([place for place in places if os.path.exists(place)], needles))


def note_found(scene: Scene, place: str, found: Found) -> None:
    """One observation for all hits at one kind of place."""
    hits = [hit for hit in found.hits if not hit["needle"].startswith("mark/")]
    marks = sorted({(hit["needle"], hit["where"].split(" > ")[0]) for hit in found.hits if hit not in hits})
    seen = {"hits": hits[:20], "unread": found.unread[:20], "files": found.files, "size": found.size}
    scene.note("leak", place, marks=[list(mark) for mark in marks][:60], **seen)
