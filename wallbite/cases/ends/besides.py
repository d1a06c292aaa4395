"""Case ``beside``: a second instance, unconfined, of a user of its own, and what its plugins reach of the first."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from typing import Any, Final

from wallbite.cases.asking import WITHIN, who_runs
from wallbite.cases.scene import CaseProblem, Scene
from wallbite.cases.spawning import Errand, as_account, as_root, observe
from wallbite.cases.walls import reaching
from wallbite.cases.walls.walls import api_attempts, api_controls, prepare
from wallbite.installation.gateway import Gateway
from wallbite.installation.identities import GATEWAY
from wallbite.installation.talk import ask
from wallbite.postures import POSTURES
from wallbite.probing.answers import AnswerProblem, parse
from wallbite.probing.plan import Attempt
from wallbite.target import Beside

REACH: Final = ("read", "write", "append", "list", "connect", "stat", "create", "remove")
PROCESS: Final = "gateway-process"
NO_JOB: Final = "0"  # a route is closed whether there is such a job or not


def plan(postures: Sequence[str]) -> Iterator[dict[str, Any]]:
    """One case, in the first of these postures that there is: a stranger is a stranger in each of them."""
    for posture in [one for one in ("ambient-caps", "root", "file-caps") if one in postures][:1]:
        yield {"case": f"beside@{posture}", "kind": "beside", "posture": posture, "params": {}}


def run(scene: Scene) -> None:
    """Boot the first, with all its surfaces; then the second beside it, and have its plugin reach for them."""
    beside = scene.target.beside
    if beside is None:
        raise CaseProblem("the descriptor names no second instance")
    account = scene.accounts[0]
    plugin = str(scene.installation.expanded(scene.target.spawn.plugin, account=account)) if scene.target.spawn else ""
    scene.lay_down(plugins={plugin})
    scene.installation.lay_beside(beside)
    first = scene.gateway()
    scene.boot(first)
    prepare(scene, first)
    found = reaching.find(scene, [one for one in scene.target.surfaces if one.class_ in ("gateway", "account")])
    reaching.note_states(scene, found, "before")
    tries = [*reaching.attempts(scene, found, account, REACH), *_process(first.pid), *api_attempts(scene, NO_JOB)]
    as_root(scene, tries, "before")
    for owner in (GATEWAY, *scene.accounts):
        own = [one for one in found if one.surface.owner == owner]
        as_account(scene, owner, reaching.attempts(scene, own, owner, tuple(reaching.PRINCIPAL.values())), "before")
    api_controls(scene, NO_JOB)
    second = scene.gateway(burdened=False, ready=beside.ready)
    second.user, second.posture = beside.identity, POSTURES["unprivileged"]
    second.start([str(part) for part in scene.installation.expanded(list(beside.serve))])
    ended = second.wait(WITHIN)
    reach(scene, beside, second, tries, ended)
    reaching.note_states(scene, found, "after")
    landed = who_runs(scene, first, Errand(account, "beside-first"))
    scene.note("beside", "first", alive=first.alive, uids=landed["uids"], expected=scene.ids(account))
    second.kill()
    first.kill()


def _process(pid: int) -> list[Attempt]:
    """What would reach into the first instance's process."""
    entries = [
        Attempt("proc", f"{PROCESS}/{name}", arguments={"pid": pid, "name": name}) for name in ("environ", "mem")
    ]
    return [
        *entries,
        Attempt("signal", PROCESS, arguments={"pid": pid}),
        Attempt("ptrace", PROCESS, arguments={"pid": pid}),
    ]


def reach(scene: Scene, beside: Beside, second: Gateway, tries: Sequence[Attempt], ended: str) -> None:
    """Have the second instance run the probe, and observe what it came to."""
    errand = Errand(beside.identity, "beside", tries)
    plan_ = errand.plan(scene)
    values = {"plugin": beside.plugin, "command": beside.command, "plan": scene.write_plan("beside", plan_)}
    problem = f"the second instance {ended}: {second.tail()}" if ended != "ready" else ""
    try:
        reply = ask(scene.installation, beside.request, values) if not problem else None
    except OSError as error:
        problem = f"it did not take the request: {error}"
    else:
        problem = problem or ("" if reply and reply.status < 300 else f"it answered {reply}")
    letters = [] if problem else scene.inbox.await_answers(plan_.nonce, 1, time.monotonic() + WITHIN)
    for _, owner, data in letters:
        try:
            observe(scene, Errand(beside.identity, "beside", plan_.attempts), parse(data, plan_, owner_uid=owner))
        except AnswerProblem as wrong:
            problem = str(wrong)
    scene.note(
        "beside",
        "second",
        problem=problem or ("" if letters else "its plugin did not answer"),
        unconfined=second.says("unconfined"),
        uid=os.stat(f"/proc/{second.pid}").st_uid if second.alive else None,
        expected=scene.identities.uid(beside.identity),
        owners=[owner for _, owner, _ in letters],
    )
