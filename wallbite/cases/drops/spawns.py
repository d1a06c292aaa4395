"""Case ``spawns``: every way to a spawn, for every account; and a plugin without a grant."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Sequence
from typing import Any

from wallbite.cases.scene import CaseProblem, Scene
from wallbite.cases.spawning import (
    CANARY,
    Errand,
    as_account,
    as_root,
    collect,
    collect_all,
    identity_attempts,
    lay_canary,
    missing,
    observe,
    spawn,
    start,
)
from wallbite.installation.gateway import Gateway
from wallbite.installation.talk import ask
from wallbite.postures import ENFORCING
from wallbite.probing.answers import AnswerProblem, parse
from wallbite.probing.plan import Attempt, Plan
from wallbite.target import SpawnPath


def plan(postures: Sequence[str]) -> Iterator[dict[str, Any]]:
    """One case for each enforcing posture."""
    for posture in postures:
        if posture in ENFORCING:
            yield {"case": f"spawns@{posture}", "kind": "spawns", "posture": posture, "params": {}}


def run(scene: Scene) -> None:
    """Plans first, since some paths spawn at boot; then what each account may become, each path, and a restart."""
    scene.lay_down()
    lay_canary()
    terms = scene.target.spawn
    assert terms is not None
    waiting = {path.name: lay_plan(scene, path) for path in terms.paths.values() if path.by in ("boot", "event")}
    gateway = scene.gateway()
    scene.boot(gateway)
    become(scene, gateway)
    for path in terms.paths.values():
        follow(scene, gateway, path, waiting.get(path.name))
    ungranted(scene, gateway)
    for path in terms.paths.values():
        if path.by == "restart":
            restart(scene, gateway, path)
    gateway.kill()


def become(scene: Scene, gateway: Gateway) -> None:
    """Each account tries to be somebody else, by itself and by way of a setuid-root program; root can, by both."""
    first, canary = scene.accounts[0], Attempt("setuid-canary", "setuid-canary", path=CANARY)
    as_root(scene, identity_attempts(scene, first), "before")
    as_account(scene, first, [canary], "before")
    errands = [Errand(account, "attempt", [*identity_attempts(scene, account), canary]) for account in scene.accounts]
    collect_all(scene, gateway, [(errand, start(scene, errand)) for errand in errands])


def lay_plan(scene: Scene, path: SpawnPath) -> Plan:
    """The plan that plugins of a path find in their configuration; one for all accounts."""
    errand = Errand("", path.name, identity_attempts(scene))
    plan_ = errand.plan(scene)
    scene.write_plan(path.name, plan_)
    return plan_


def follow(scene: Scene, gateway: Gateway, path: SpawnPath, laid: Plan | None) -> None:
    """Bring about the spawns of one path for all accounts, and observe them."""
    if path.by == "request":
        errands = [Errand(account, path.name, identity_attempts(scene, account)) for account in scene.accounts]
        collect_all(scene, gateway, [(errand, start(scene, errand, path.plugin, path.command)) for errand in errands])
    elif path.by == "retry":
        for account in scene.accounts:
            retry(scene, gateway, path, account)
    elif laid is not None and laid.answer == "stdout":
        for account in scene.accounts:
            scene.asked[laid.nonce] = time.monotonic()
            plugin = scene.installation.expanded(path.plugin, account=account)
            collect(scene, gateway, Errand(account, path.name), laid, f"{plugin}@0")
    elif laid is not None:
        if path.by == "event":
            send_event(scene, *(str(scene.installation.expanded(path.event, account=name)) for name in scene.accounts))
        answers_of_all(scene, gateway, path, laid)


def answers_of_all(scene: Scene, gateway: Gateway, path: SpawnPath, laid: Plan) -> None:
    """One answer for each account; which is whose stands in the carrier's name, and what it is in the kernel's word."""
    assert scene.target.spawn is not None
    deadline = time.monotonic() + scene.target.spawn.within
    awaited = [account for account in scene.accounts if account not in scene.silent]
    letters = scene.inbox.await_answers(laid.nonce, len(awaited), deadline) if awaited else []
    seen = set()
    for _, owner, data in letters:
        try:
            answer = parse(data, laid, owner_uid=owner)
        except AnswerProblem as problem:
            missing(scene, Errand("", path.name), str(problem))
            continue
        account = next((name for name in scene.accounts if answer.carrier["plugin"].endswith(f"-{name}")), "")
        if account:
            seen.add(account)
            observe(scene, Errand(account, path.name, laid.attempts), answer)
    for account in scene.accounts:
        if account not in seen:
            why = scene.silent.setdefault(account, f"no plugin answered within {scene.target.spawn.within:g} s")
            missing(scene, Errand(account, path.name), f"on path {path.name}: {why}")


def retry(scene: Scene, gateway: Gateway, path: SpawnPath, account: str) -> None:
    """A job whose first run fails: the second run is dropped as well."""
    errand = Errand(account, path.name, identity_attempts(scene, account), {"first": "fail"})
    begun = start(scene, errand, path.plugin, path.command)
    if isinstance(begun, str):
        missing(scene, errand, begun)
    else:
        collect(scene, gateway, errand, *begun, count=2)


def restart(scene: Scene, gateway: Gateway, path: SpawnPath) -> None:
    """Jobs that hang when the gateway is killed: it runs them again after its next start."""
    begun = []
    for account in scene.accounts:
        errand = Errand(account, "first-run", identity_attempts(scene, account), {"first": "hang"})
        asked = start(scene, errand, path.plugin, path.command)
        if isinstance(asked, str):
            missing(scene, errand, asked)
            continue
        collect(scene, gateway, errand, *asked)
        begun.append((errand, asked))
    gateway.kill()
    scene.boot(gateway)
    for errand, (plan_, _) in begun:
        again = Errand(errand.account, path.name, errand.attempts, errand.settings)
        collect(scene, gateway, again, plan_, count=2)


def ungranted(scene: Scene, gateway: Gateway) -> None:
    """A plugin without a grant: it must land on ``default``; where there is none, it is nobody's."""
    account = "default" if "default" in scene.accounts else ""
    if scene.target.spawn and scene.target.spawn.ungranted:
        spawn(
            scene,
            gateway,
            Errand(account, "ungranted", identity_attempts(scene, account)),
            scene.target.spawn.ungranted,
        )


def send_event(scene: Scene, *types: str) -> None:
    """Have a plugin give events, or send them as the descriptor says.

    Raises:
        CaseProblem: the gateway would not take them.
    """
    terms = scene.target.spawn
    assert terms is not None
    if terms.event is not None:
        for name in types:
            ask(scene.installation, terms.event, {"event": name})
        return
    events = [{"type": name, "payload": {}} for name in types]
    asked = start(scene, Errand(scene.accounts[0], f"emit-{secrets.token_hex(4)}", (), {"respond": {"events": events}}))
    if isinstance(asked, str):
        raise CaseProblem(f"no event could be sent: {asked}")
