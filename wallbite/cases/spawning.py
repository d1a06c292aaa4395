"""Having the gateway spawn a probe under an account, and turning what the probe answers into observations."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from wallbite.cases import logs, truth
from wallbite.cases.scene import Scene
from wallbite.installation.gateway import Gateway
from wallbite.installation.identities import GATEWAY
from wallbite.installation.installation import PRIVATE
from wallbite.installation.logged import name_job
from wallbite.installation.talk import ask, job_state, pick
from wallbite.postures import BOTH
from wallbite.probing.answers import Answer, AnswerProblem, parse
from wallbite.probing.inbox import Letter
from wallbite.probing.plan import Attempt, Plan, plan
from wallbite.probing.run_here import run_plan
from wallbite.stages.dropped import as_identity

FIRST_LOOK: Final = 0.02  # seconds; each is twice as long as the one before, up to:
LAST_LOOK: Final = 0.1  # what was answered before a job's end is told has arrived, save what a log still holds back
FEW: Final = 4  # as many errands of one account as may fail, each for a reason of its own
SLICE: Final = 0.4  # seconds of waiting between two looks at whether the gateway or the job has ended
UNTAKEN: Final = "the gateway did not take the request"
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
        """The plan, with a nonce of its own; first comes what shows that the probe speaks the truth."""
        answer = scene.target.spawn.answer if scene.target.spawn else "inbox"
        attempts = [*scene.neighbour.attempts(), *self.attempts]
        return plan(secrets.token_hex(12), attempts, answer=answer, **self.settings)


def identity_attempts(scene: Scene, account: str = "") -> list[Attempt]:
    """What every spawned probe tries: to be somebody else, and to use its own directory.

    Without an account, what fits any of them.
    """
    others = [name for name in scene.accounts if name != account] if account else []
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
        missing(scene, errand, asked)
        return None
    return collect(scene, gateway, errand, *asked)


def start(scene: Scene, errand: Errand, plugin: str = "", command: str = "") -> tuple[Plan, str] | str:
    """Ask for the spawn; the plan and the job's name, or why the gateway would not.

    An account whose probe once let the time run out is not asked again, else a case would take that time over and over.
    """
    terms = scene.target.spawn
    assert terms is not None
    assert terms.request is not None
    if errand.account in scene.silent:
        return scene.silent[errand.account]
    plan_ = errand.plan(scene)
    values = {"account": errand.account, "command": command or terms.command}
    values["plugin"] = str(scene.installation.expanded(plugin or terms.plugin, **values))
    name = f"{errand.account}-{errand.step}" if logs.takes_a_plan(scene) else values["plugin"]
    values["plan"] = scene.write_plan(name, plan_)
    job = name_job(scene.installation, values["plugin"])
    try:
        reply = ask(scene.installation, terms.request, values)
    except OSError as error:
        return f"{UNTAKEN}: {error}"
    if terms.request.url and reply.status >= 300:
        return f"the gateway answered {reply.status} to the request: {str(reply.body)[:200]}"
    scene.asked[plan_.nonce] = time.monotonic()
    if terms.request.command and reply.status:
        scene.refused[plan_.nonce] = f"the request ended with {reply.status}: {str(reply.body)[-200:].strip()}"
    if terms.request.command:
        return plan_, job
    return plan_, str(pick(reply.body, terms.request.job) or "") if terms.request.job else ""


def collect(
    scene: Scene, gateway: Gateway, errand: Errand, plan_: Plan, job: str = "", count: int = 1
) -> Answer | None:
    """Wait for the answer (the last of ``count``) and observe it."""
    assert scene.target.spawn is not None
    began = scene.asked.get(plan_.nonce, time.monotonic()) if count == 1 else time.monotonic()
    deadline = began + scene.target.spawn.within
    letters = await_letters(scene, gateway, errand, plan_, job, count, deadline)
    if isinstance(letters, str):
        missing(scene, errand, letters)
        return None
    answer = None
    for _, owner, data in letters:
        try:
            answer = parse(data, plan_, owner_uid=owner)
        except AnswerProblem as problem:
            missing(scene, errand, f"the probe's answer is not one: {problem}")
            return None
        observe(scene, replace(errand, attempts=plan_.attempts), answer)
    if answer is not None:
        logs.await_reaped(scene, plan_, answer.who["pid"])
    return answer


def collect_all(
    scene: Scene, gateway: Gateway, begun: Iterable[tuple[Errand, tuple[Plan, str] | str]]
) -> list[tuple[Errand, Answer]]:
    """The answers to errands that were all started before, and why there are no others; the times run side by side."""
    found = []
    for errand, asked in begun:
        if isinstance(asked, str):
            missing(scene, errand, asked)
        elif answer := collect(scene, gateway, errand, *asked):
            found.append((errand, answer))
    return found


def await_letters(
    scene: Scene, gateway: Gateway, errand: Errand, plan_: Plan, job: str, count: int, deadline: float
) -> list[Letter] | str:
    """The answers, or why there are too few: waiting ends early when the gateway or the job has ended."""
    assert scene.target.spawn is not None
    ended, look = "", FIRST_LOOK
    while True:
        look = min(SLICE, look * 2) if not ended else LAST_LOOK
        left = min(deadline, time.monotonic() + look)
        if plan_.answer == "stdout":
            letters = logs.letters_in_log(scene, errand.account, plan_, job, count=count, deadline=left)
        else:
            letters = list(scene.inbox.await_answers(plan_.nonce, count, left))
        if len(letters) >= count:
            return letters
        if ended:
            return ended
        if time.monotonic() >= deadline:
            return gave_up(scene, errand, plan_)
        ended = end_of(scene, gateway, job)


def gave_up(scene: Scene, errand: Errand, plan_: Plan) -> str:
    """The time ran out: why, as far as it is known. The account's probe is not waited for again in this case."""
    assert scene.target.spawn is not None
    why = f"no answer within {scene.target.spawn.within:g} s"
    if refused := scene.refused.get(plan_.nonce):
        why = f"{why}; {refused}"
    scene.silent[errand.account] = why
    return why


def end_of(scene: Scene, gateway: Gateway, job: str) -> str:
    """Why no answer can come any more; or nothing."""
    if not gateway.alive:
        return f"the gateway ended with {gateway.exit_status} before the probe answered"
    if job and scene.target.spawn and (scene.target.spawn.job or scene.target.spawn.logged):
        try:
            state = job_state(scene.installation, job, 0)
        except OSError:
            return ""
        if state.finished:
            return f"the job ended {state.status!r} {state.error!r} without an answer of the probe"
    return ""


def missing(scene: Scene, errand: Errand, problem: str) -> None:
    """Observe that there was no answer, and why. After a few the account is not asked for again."""
    scene.unanswered[errand.account] += 1
    if errand.account and scene.unanswered[errand.account] >= FEW:
        scene.silent.setdefault(errand.account, problem)
    scene.emit(
        "answer", errand.step, account=errand.account, vantage="spawned", step=errand.step, seen={"problem": problem}
    )


def observe(scene: Scene, errand: Errand, answer: Answer) -> None:
    """One observation for the neighbour, one for the identity, one for each attempt.

    The errand's attempts are those of its whole plan.
    """
    attempts = [one for one in errand.attempts if one.object != truth.NAME]
    first = len(errand.attempts) - len(attempts)
    errno, problem = scene.neighbour.judge(answer.results[:first])
    scene.emit(
        truth.NAME,
        truth.NAME,
        account=errand.account,
        vantage="spawned",
        step=errand.step,
        errno=errno,
        seen={"problem": problem},
    )
    who = {
        **answer.who,
        "expected": scene.ids(errand.account),
        "gateway": scene.gateway_ids,
        "file_uid": answer.owner_uid,
        "carrier": dict(answer.carrier),
    }
    scene.emit("identity", "spawned", account=errand.account, vantage="spawned", step=errand.step, errno="OK", seen=who)
    results = replace(answer, results=answer.results[first:])
    observe_attempts(scene, attempts, results, errand.account, "spawned", errand.step)


def observe_attempts(
    scene: Scene, attempts: Iterable[Attempt], answer: Answer, account: str, vantage: str, step: str
) -> None:
    """One observation for each attempt of an answer."""
    for attempt, result in zip(attempts, answer.results, strict=True):
        scene.emit(
            attempt.operation,
            attempt.object,
            account=account,
            vantage=vantage,
            step=step,
            layout=attempt.layout,
            errno=result.errno,
            seen={**result.seen, **attempt.arguments.get("note", {})},
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
            one.operation,
            one.object,
            account=account,
            vantage="dropped",
            step=step,
            layout=one.layout,
            errno=errno,
            seen={**seen, **one.arguments.get("note", {})},
        )


def lay_canary() -> None:
    """A setuid-root copy of ``cat``: what it reads of itself tells whether exec gave it root."""
    source = os.path.realpath("/bin/cat")
    Path(CANARY).write_bytes(Path(source).read_bytes())
    os.chown(CANARY, 0, 0)
    Path(CANARY).chmod(0o4755)
