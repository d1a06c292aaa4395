"""Having the gateway spawn a probe under an account, and turning what the probe answers into observations."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from wallbite.cases.scene import Scene
from wallbite.installation.gateway import Gateway
from wallbite.installation.identities import GATEWAY
from wallbite.installation.installation import PRIVATE
from wallbite.installation.talk import ask, job_state, pick
from wallbite.postures import BOTH
from wallbite.probing.answers import Answer, AnswerProblem, parse
from wallbite.probing.inbox import Letter, await_in_file
from wallbite.probing.plan import Attempt, Plan, plan
from wallbite.probing.run_here import run_plan
from wallbite.stages.dropped import as_identity

SLICE: Final = 0.4  # seconds of waiting between two looks at whether the gateway or the job has ended
CANARY: Final = f"{PRIVATE}/canary"  # the setuid-root program


@dataclass(frozen=True)
class Errand:
    """One probe to be spawned: for whom, on which path, and what it is to attempt.

    Attributes:
        account: who must do it.
        step: the spawn path, or the moment within the case.
        attempts: what it is to try.
        settings: further members of the plan, such as ``hold``.
    """

    account: str
    step: str
    attempts: Sequence[Attempt] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)

    def plan(self, scene: Scene) -> Plan:
        """The plan, with a nonce of its own."""
        answer = scene.target.spawn.answer if scene.target.spawn else "inbox"
        return plan(secrets.token_hex(12), self.attempts, answer=answer, **self.settings)


def identity_attempts(scene: Scene, account: str = "") -> list[Attempt]:
    """What every spawned probe tries: to be somebody else, and to use its own directory.

    Without an account, what fits any of them.
    """
    others = [name for name in scene.accounts if name != account][:1] if account else []
    tries = []
    for name in ("root", GATEWAY, *others):
        number = scene.identities.uid(name)
        tries += [Attempt(f"become-{what}", name, arguments={"id": number}) for what in ("uid", "gid", "groups")]
    tries.append(Attempt("raise", "capabilities", arguments={"mask": BOTH}))
    directory = scene.ids(account)["directory"] if account else ""
    return [*tries, Attempt("own", "own-directory", path=directory)] if directory else tries


def spawn(scene: Scene, gateway: Gateway, errand: Errand, plugin: str = "", command: str = "") -> Answer | None:
    """Ask the gateway to run a probe, wait for its answer, and observe both. None where there was no answer."""
    asked = start(scene, errand, plugin, command)
    if isinstance(asked, str):
        return missing(scene, errand, asked)
    plan_, job = asked
    return collect(scene, gateway, errand, plan_, job)


def start(scene: Scene, errand: Errand, plugin: str = "", command: str = "") -> tuple[Plan, str] | str:
    """Ask for the spawn; the plan and the job's name, or why the gateway would not."""
    terms = scene.target.spawn
    assert terms is not None and terms.request is not None
    plan_ = errand.plan(scene)
    path = scene.write_plan(f"{errand.account}-{errand.step}", plan_)
    values = {"account": errand.account, "plan": path}
    values["plugin"] = scene.installation.expanded(plugin or terms.plugin, **values)
    values["command"] = command or terms.command
    try:
        reply = ask(scene.installation, terms.request, values)
    except OSError as error:
        return f"the gateway did not take the request: {error}"
    if terms.request.url and reply.status >= 300:
        return f"the gateway answered {reply.status} to the request: {str(reply.body)[:200]}"
    return plan_, str(pick(reply.body, terms.request.job) or "") if terms.request.job else ""


def collect(scene: Scene, gateway: Gateway, errand: Errand, plan_: Plan, job: str = "", count: int = 1) -> Answer | None:
    """Wait for the answer (the last of ``count``) and observe it."""
    assert scene.target.spawn is not None
    deadline = time.monotonic() + scene.target.spawn.within
    letters = await_letters(scene, gateway, errand, plan_, job, count, deadline)
    if isinstance(letters, str):
        return missing(scene, errand, letters)
    answer = None
    for _, owner, data in letters:
        try:
            answer = parse(data, plan_, owner_uid=owner)
        except AnswerProblem as problem:
            return missing(scene, errand, f"the probe's answer is not one: {problem}")
        observe(scene, errand, answer)
    return answer


def await_letters(
    scene: Scene, gateway: Gateway, errand: Errand, plan_: Plan, job: str, count: int, deadline: float
) -> list[Letter] | str:
    """The answers, or why there are too few: waiting ends early when the gateway or the job has ended."""
    assert scene.target.spawn is not None
    ended = ""
    while True:
        left = min(deadline, time.monotonic() + SLICE)
        if plan_.answer == "stdout":
            path = Path(str(scene.installation.expanded(scene.target.spawn.answer_file, account=errand.account)))
            data = await_in_file(path, plan_, left)
            letters = [("", None, data)] if data else []
        else:
            letters = list(scene.inbox.await_answers(plan_.nonce, count, left))
        if len(letters) >= count:
            return letters  # type: ignore[return-value]  # a log names no owner
        if ended or time.monotonic() >= deadline:
            return ended or f"no answer within {scene.target.spawn.within:g} s"
        ended = end_of(scene, gateway, job)


def end_of(scene: Scene, gateway: Gateway, job: str) -> str:
    """Why no answer can come any more; or nothing."""
    if not gateway.alive:
        return f"the gateway ended with {gateway.exit_status} before the probe answered"
    if job and scene.target.spawn and scene.target.spawn.job:
        try:
            state = job_state(scene.installation, job, 0)
        except OSError:
            return ""
        if state.finished:
            return f"the job ended {state.status!r} {state.error!r} without an answer of the probe"
    return ""


def missing(scene: Scene, errand: Errand, problem: str) -> None:
    """Observe that there was no answer, and why."""
    scene.emit(
        "answer", errand.step, account=errand.account, vantage="spawned", step=errand.step, seen={"problem": problem}
    )


def observe(scene: Scene, errand: Errand, answer: Answer) -> None:
    """One observation for the identity, one for each attempt."""
    who = {
        **answer.who,
        "expected": scene.ids(errand.account),
        "gateway": scene.gateway_ids,
        "file_uid": answer.owner_uid,
        "carrier": dict(answer.carrier),
    }
    scene.emit("identity", "spawned", account=errand.account, vantage="spawned", step=errand.step, errno="OK", seen=who)
    observe_attempts(scene, errand.attempts, answer, errand.account, "spawned", errand.step)


def observe_attempts(
    scene: Scene, attempts: Iterable[Attempt], answer: Answer, account: str, vantage: str, step: str
) -> None:
    """One observation for each attempt of an answer."""
    for attempt, result in zip(attempts, answer.results, strict=True):
        scene.emit(
            attempt.operation, attempt.object, account=account, vantage=vantage, step=step, layout=attempt.layout,
            errno=result.errno, seen={**result.seen, **attempt.arguments.get("note", {})},
        )


# From the harness's own processes: root's controls, and the dropped vantage.


def as_root(scene: Scene, attempts: Sequence[Attempt], step: str) -> None:
    """Have root of the harness attempt it: the control that it can be done at all."""
    answer = run_plan(plan(secrets.token_hex(12), attempts))
    observe_attempts(scene, attempts, answer, "root", "harness", step)


def as_account(scene: Scene, account: str, attempts: Sequence[Attempt], step: str) -> None:
    """Have a process of the harness become the account (or the gateway's uid, without capabilities) and attempt it."""
    plan_ = plan(secrets.token_hex(12), attempts)

    def attempt() -> list[list[Any]]:
        return [[result.errno, dict(result.seen)] for result in run_plan(plan_).results]

    uid, gid = scene.identities.uid(account), scene.identities.gid(account)
    for one, (errno, seen) in zip(attempts, as_identity(uid, gid, (gid,), attempt), strict=True):
        scene.emit(
            one.operation, one.object, account=account, vantage="dropped", step=step, layout=one.layout, errno=errno,
            seen={**seen, **one.arguments.get("note", {})},
        )


def lay_canary() -> None:
    """A setuid-root copy of ``cat``: what it reads of itself tells whether exec gave it root."""
    source = os.path.realpath("/bin/cat")
    Path(CANARY).write_bytes(Path(source).read_bytes())
    os.chown(CANARY, 0, 0)
    Path(CANARY).chmod(0o4755)
