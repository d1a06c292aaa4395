"""Case ``fingerprints``: many plugins, each with one change of its code; who runs before, after, and locked."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from wallbite.cases import truth
from wallbite.cases.code import copies
from wallbite.cases.code.changing import (
    CHANGES,
    LOWERED,
    UNCHANGED,
    UNGRANTED,
    WITHIN,
    Listener,
    Subject,
    change,
    document,
    lay_subjects,
    lock,
    lock_commands,
    run_all,
    stock,
    terms_of,
)
from wallbite.cases.drops.drops import ungranted_everywhere
from wallbite.cases.scene import CaseProblem, Scene
from wallbite.cases.spawning import Errand, await_letters, start
from wallbite.cases.walls import neighbours, reaching
from wallbite.installation.command import run_bounded
from wallbite.installation.document import dump, with_value
from wallbite.installation.gateway import Gateway
from wallbite.installation.identities import GATEWAY
from wallbite.postures import ENFORCING
from wallbite.probing.answers import Answer, AnswerProblem, Result, parse
from wallbite.probing.plan import Attempt, Plan
from wallbite.probing.plan import plan as plan_of
from wallbite.probing.run_here import run_plan
from wallbite.stages.dropped import as_identity

RELOCKED: Final = "code-entrypoint"
NEVER: Final = "code-never"
WALKER: Final = "code-walker"
STEADY: Final = "code-steady"


def plan(postures: Sequence[str]) -> Iterator[dict[str, Any]]:
    """One case for each enforcing posture."""
    for posture in postures:
        if posture in ENFORCING:
            yield {"case": f"fingerprints@{posture}", "kind": "fingerprints", "posture": posture, "params": {}}


def subjects_of(scene: Scene) -> list[Subject]:
    """A plugin for each change, and what must stay, lose more, or was never locked."""
    first = scene.accounts[0]
    return [
        *(Subject(f"code-{name}", first, name) for name in CHANGES),
        *(Subject(f"code-same-{name}", name) for name in scene.accounts),
        Subject("code-rewritten", first, UNCHANGED),
        Subject(STEADY, first, program="plugin"),
        Subject(NEVER, first),
        Subject("code-holder", first, "entrypoint", principal=True),
        Subject("code-lowest", LOWERED, "entrypoint"),
        *([Subject("code-free", "", "entrypoint")] if UNGRANTED in scene.accounts else []),
    ]


def run(scene: Scene) -> None:
    """Lock, boot, run all; change, run all; reach back as one that lost its account; lock as others, as the owner."""
    if LOWERED not in scene.accounts:
        raise CaseProblem(f"the target has no account {LOWERED!r}: nothing can be downgraded to it")
    first, subjects, listener = scene.accounts[0], subjects_of(scene), Listener()
    walker = Subject(WALKER, first, "module", program="plugin")
    everything = [*subjects, walker, *copies.subjects(first)]
    scene.lay_down(document(scene, everything), plugins={stock(scene, first)})
    lay_subjects(scene, everything)
    lock(scene, [*(one.name for one in everything if one.name != NEVER), stock(scene, first)], "at-first")
    gateway = scene.gateway()
    scene.boot(gateway)
    run_all(scene, gateway, listener, [one for one in subjects if one.change or one.name == NEVER], "before")
    change(scene, [*subjects, walker])
    run_all(scene, gateway, listener, subjects, "after")
    reach_back(scene, gateway, first)
    copies.run(scene, gateway, first)
    relocked = [one for one in subjects if one.name in (RELOCKED, NEVER)]
    names = [one.name for one in relocked]
    lock_as_others(scene, (first, LOWERED), names)
    run_all(scene, gateway, listener, relocked, "tried")
    lock_as_owner(scene, gateway, names)
    run_all(scene, gateway, listener, relocked, "relocked")
    gateway.kill()


# Who may lock.


def lock_as_others(scene: Scene, accounts: Sequence[str], names: Sequence[str]) -> None:
    """Accounts run the verb: with a configuration of their own, and with the gateway's."""
    assert scene.target.config is not None
    for account in dict.fromkeys(accounts):
        for config in (own_configuration(scene, account), scene.target.config.main.path):
            note_try(scene, account, names, config)


def lock_as_owner(scene: Scene, gateway: Gateway, names: Sequence[str]) -> None:
    """The gateway's own user locks with a configuration as the others had: that is not what they were refused for."""
    config = own_configuration(scene, GATEWAY)
    done = scene.verb()
    done.start(lock_commands(scene, names, config=config)[0])
    worked = done.wait_end(WITHIN) and done.exit_status == 0
    scene.note("lock-control", "gateway", errno="OK" if worked else "EINVAL", said=done.tail())
    done.kill()
    if not worked or "{plugins}" not in terms_of(scene).lock:
        lock(scene, names, "again", gateway)


def own_configuration(scene: Scene, account: str) -> str:
    """A configuration that speaks of the same state and names no accounts, in a directory of the account's own."""
    assert scene.target.config is not None
    assert scene.target.gate is not None
    own, ids = Path("/tmp", f"wallbite-config-{account}"), scene.identities
    top, gate = os.path.dirname(scene.target.config.main.path), scene.target.gate
    text = ungranted_everywhere(document(scene, subjects_of(scene)), gate.grant.rpartition(".")[2])
    for file in scene.target.config.files:
        copy = own / os.path.relpath(file.path, top)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file.path, copy)
    main = own / os.path.relpath(scene.target.config.main.path, top)
    main.write_text(dump(with_value(text, gate.accounts, None)))
    for path in (own, *own.rglob("*")):
        os.chown(path, ids.uid(account), ids.gid(account))
        path.chmod(0o700 if path.is_dir() else 0o600)
    return str(main)


def note_try(scene: Scene, account: str, names: Sequence[str], config: str) -> None:
    """One try; what counts is what root sees of the records, and who runs afterwards."""
    ids, program, before = scene.ids(account), str(scene.installation.values["program"]), digest(scene)
    argv = lock_commands(scene, names, config=config)[0]
    argv = [scene.installation.interpreter if word == program else word for word in argv]
    seen: dict[str, Any] = {"exit": None, "said": "", "before": before}
    try:
        seen["exit"], said = run_bounded(
            argv, WITHIN, user=ids["uid"], group=ids["gid"], extra_groups=[], cwd="/", env={"PATH": "/usr/bin:/bin"}
        )
        seen["said"] = said[-200:]
    except OSError as error:
        seen["said"] = str(error)
    seen["after"] = digest(scene)
    scene.emit("lock-try", config, account=account, vantage="dropped", seen=seen)


def digest(scene: Scene) -> str:
    """What the records hold, as one number; empty where there are none."""
    path = Path(str(scene.installation.expanded(terms_of(scene).records)))
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


# What a downgraded plugin still reaches of the account that it had.


def reach_back(scene: Scene, gateway: Gateway, former: str) -> None:
    """A plugin that lost `former` reaches for its directory, a process that still runs as it, and its keyring."""
    os.mkfifo(neighbours.HOLD, 0o644)
    os.chmod(neighbours.HOLD, 0o644)
    beside = Errand(former, "former", neighbours.own_key(former), {"hold": neighbours.HOLD})
    held = answer_of(scene, gateway, beside, stock(scene, former))
    if held is None:
        return
    plan_, answer = held
    pid = truth.find(answer.who["pid"], answer.owner_uid)
    pairs = zip(plan_.attempts, answer.results, strict=True)
    serials = [result.seen.get("serial") for one, result in pairs if one.operation == "key-add"]
    processes = neighbours.Processes((pid,), {former: pid}, {former: serials[0]} if serials and serials[0] else {}, "")
    note_place(scene, pid)
    tries = former_attempts(scene, former, processes)
    note_attempts(scene, "root", tries, run_plan(plan_of("0", tries)).results, "former-control")
    note_attempts(scene, former, plan_.attempts, answer.results, "former-control")
    errand = Errand(LOWERED, "downgraded", tries)
    found = answer_of(scene, gateway, errand, WALKER)
    if found is not None:
        first = len(found[1].results) - len(tries)
        errno, problem = scene.neighbour.judge(found[1].results[:first])
        at = {"account": LOWERED, "vantage": "spawned", "step": "downgraded"}
        scene.emit(truth.NAME, truth.NAME, **at, errno=errno, seen={"problem": problem})
        uids = [*found[1].who["uids"], found[1].owner_uid]
        scene.emit("downgraded", WALKER, **at, seen={"uids": uids, "lowered": scene.ids(LOWERED)})
        note_attempts(scene, LOWERED, tries, found[1].results[first:], "downgraded")
    neighbours.release()


def note_place(scene: Scene, pid: int) -> None:
    """What a running plugin was executed from, by the kernel's word; every account tries to write or replace it."""
    words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[1:]
    named = {os.fsdecode(word) for word in words if word.startswith(b"/") and os.path.isfile(word)}
    files = sorted({os.path.realpath(path) for path in (*named, f"/proc/{pid}/exe")})
    above = sorted({str(one) for path in files for one in Path(path).parents} - {"/"})
    tries = [Attempt("write", path, path=path) for path in files]
    tries += [Attempt("create", path, path=path) for path in sorted({os.path.dirname(path) for path in files})]
    tries += [Attempt("remove", path, path=path, arguments={"kind": "file"}) for path in files]
    tries += [Attempt("remove", path, path=path, arguments={"kind": "directory"}) for path in above]
    for account in ("root", *scene.accounts):

        def attempt() -> list[list[Any]]:
            return [[one.errno, dict(one.seen)] for one in run_plan(plan_of("0", tries)).results]

        ids = scene.ids(account) if account != "root" else {}
        done = as_identity(ids["uid"], ids["gid"], (ids["gid"],), attempt) if ids else attempt()
        for one, (errno, seen) in zip(tries, done, strict=True):
            vantage, what = "dropped" if ids else "harness", {**seen, "operation": one.operation}
            scene.emit("running-code", one.object, account=account, vantage=vantage, errno=errno, seen=what)


def former_attempts(scene: Scene, former: str, processes: neighbours.Processes) -> list[Attempt]:
    """Everything that the table denies on the account's surfaces, and into its process and its keyring."""
    reaching.lay_own(scene)
    surfaces = reaching.find(scene, [one for one in scene.target.surfaces if one.owner == former])
    denied = scene.tables["errnos"]["surfaces"]["account"]
    files = [
        one
        for surface in [*surfaces, *reaching.opened(surfaces, "former")]
        for one in reaching.attempts(scene, [surface], LOWERED, only=denied[surface.surface.kind]["denied"])
    ]
    others = neighbours.process_attempts(scene, processes, LOWERED)
    into = [one for one in others if one.object.startswith(f"process-of:{former}")]
    keys = neighbours.key_attempts(scene, neighbours.Key(0), processes, LOWERED)
    return [*files, *into, *(one for one in keys if one.object == f"key-of:{former}")]


def answer_of(scene: Scene, gateway: Gateway, errand: Errand, plugin: str) -> tuple[Plan, Answer] | None:
    """A probe's answer, that no other requirement is to judge; or an observation that there is none."""
    begun = start(scene, errand, plugin)
    problem = begun if isinstance(begun, str) else ""
    if not isinstance(begun, str):
        plan_, job = begun
        letters = await_letters(scene, gateway, errand, plan_, job, 1, scene.asked[plan_.nonce] + WITHIN)
        try:
            if not isinstance(letters, str):
                return plan_, parse(letters[0][2], plan_, owner_uid=letters[0][1])
            problem = letters
        except AnswerProblem as malformed:
            problem = str(malformed)
    at = {"account": errand.account, "vantage": "spawned", "step": errand.step}
    scene.emit("answer", errand.step, **at, seen={"problem": problem})
    return None


def note_attempts(scene: Scene, account: str, tries: Sequence[Attempt], results: Sequence[Result], step: str) -> None:
    """One observation for each, under a name of its own: the walls speak of accounts, this of who lost one."""
    vantage = {"root": "harness", LOWERED: "spawned"}.get(account, "dropped")
    for one, result in zip(tries, results, strict=True):
        seen = {**result.seen, "operation": one.operation, **one.arguments.get("note", {})}
        scene.emit("former", f"{one.operation} {one.object}", account=account, vantage=vantage, step=step,
                   layout=one.layout, errno=result.errno, seen=seen)  # fmt: skip
