"""Cases ``drop-fails`` and ``no-default``: what the gateway does when it cannot drop, or has nobody to drop to."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from wallbite.cases import logs
from wallbite.cases.scene import Scene
from wallbite.cases.spawning import UNTAKEN, Errand, identity_attempts, spawn, start
from wallbite.installation.document import with_value
from wallbite.installation.gateway import Gateway
from wallbite.installation.talk import job_state
from wallbite.postures import ENFORCING
from wallbite.probing.answers import AnswerProblem, parse
from wallbite.probing.inbox import Letter
from wallbite.probing.plan import Plan
from wallbite.stages import kernel, seccomp
from wallbite.stages.dropped import as_root

STEPS: Final = ("uid", "gid", "groups")
PRIVILEGES: Final = "no-new-privs"
SILENT: Final = tuple(f"silent-{step}" for step in STEPS)  # the kernel says that it was done, and did nothing
BROKEN: Final[dict[str, bytes]] = {
    "missing-interpreter": b"#!/nowhere/at/all\n",
    "exec-format": b"\x7fNOT an executable\n",
}
CLOSED: Final = "unreadable-cwd"
WITHIN: Final = 10.0
SAYING: Final = 0.2  # seconds from the end of a job to the line that speaks of it
TICK: Final = 0.01


def plan(postures: Sequence[str]) -> Iterator[dict[str, Any]]:
    """For each enforcing posture: each step of the drop refused by the kernel, other start errors, no ``default``."""
    for posture in postures:
        if posture not in ENFORCING:
            continue
        for step in (*STEPS, *SILENT, PRIVILEGES, "other"):
            yield {
                "case": f"drop-fails@{posture}/{step}",
                "kind": "drop-fails",
                "posture": posture,
                "params": {"step": step},
            }
        yield {"case": f"no-default@{posture}", "kind": "no-default", "posture": posture, "params": {}}


def run(scene: Scene) -> None:
    """Boot under a filter that refuses one step of one account's drop; or with programs that cannot start."""
    step = scene.params["step"]
    if step == "other":
        run_start_errors(scene)
        return
    doomed, sound = scene.accounts[1], scene.accounts[0]
    scene.lay_down(plugins=of_accounts(scene, sound, doomed))
    number = scene.identities.uid(doomed)
    deny = {
        "uid": lambda: seccomp.deny_uid(number),
        "gid": lambda: seccomp.deny_gid(number),
        "groups": seccomp.deny_groups,
        "silent-uid": lambda: seccomp.deny_uid(number, 0),
        "silent-gid": lambda: seccomp.deny_gid(number, 0),
        "silent-groups": lambda: seccomp.deny_groups(0),
        PRIVILEGES: seccomp.deny_no_new_privileges,
    }
    gateway = scene.gateway(deny=deny[step]())
    scene.boot(gateway)
    note_job(scene, gateway, f"drop-fails/{step}", doomed, retry_plugin(scene))
    note_control(scene, gateway, step, sound)
    gateway.kill()


def of_accounts(scene: Scene, *accounts: str) -> set[str]:
    """The carriers of some accounts, and those that are nobody's."""
    return {step.name for step in scene.target.install if step.kind == "carrier" and step.account in ("", *accounts)}


def retry_plugin(scene: Scene) -> str:
    """A plugin that the gateway would try again after a failure, where the descriptor has one."""
    assert scene.target.spawn is not None
    paths = [path for path in scene.target.spawn.paths.values() if path.by == "retry"]
    return paths[0].plugin if paths else scene.target.spawn.plugin


def note_job(scene: Scene, gateway: Gateway, name: str, account: str, plugin: str) -> None:
    """Ask for a job; observe how it ends, by the gateway's word, and whether anything ran, by the inbox."""
    errand = Errand(account, "refused", ())
    begun = start(scene, errand, plugin)
    if isinstance(begun, str) and (begun.startswith(UNTAKEN) or account in scene.silent):
        scene.emit("answer", name, account=account, vantage="harness", seen={"problem": begun})
        return
    if isinstance(begun, str):
        scene.emit("job", name, account=account, vantage="harness", seen=_unaccepted(begun))
        return
    plan_, job = begun
    try:
        state = job_state(scene.installation, job, max(WITHIN, scene.target.spawn.within if scene.target.spawn else 0))
    except OSError as error:
        scene.emit(
            "answer",
            name,
            account=account,
            vantage="harness",
            seen={"problem": f"the job's state is not told: {error}"},
        )
        return
    letters = scene.inbox.await_answers(plan_.nonce, 1, 0)
    if not state.finished and state.attempts is None and not letters:
        problem = f"nothing is told of the job within {WITHIN:g} s"
        scene.emit("answer", name, account=account, vantage="harness", seen={"problem": problem})
        return
    seen = {
        "accepted": True,
        "status": state.status,
        "attempts": state.attempts,
        "error": state.error,
        "event": _said(gateway, "drop-failed"),
        "answers": len(letters),
        "ran_as": [owner for _, owner, _ in letters],
        **privileges(whole(scene, errand, plan_, job, letters), plan_),
    }
    scene.emit("job", name, account=account, vantage="harness", seen=seen)


def _said(gateway: Gateway, name: str) -> bool:
    """Whether it says something: a job may be told to be over a moment before what became of it is logged."""
    deadline = time.monotonic() + SAYING
    while not (said := gateway.count(name) + gateway.logged(name) > 0) and time.monotonic() < deadline:
        time.sleep(TICK)
    return said


def whole(scene: Scene, errand: Errand, plan_: Plan, job: str, letters: Sequence[Letter]) -> Sequence[Letter]:
    """The answers of probes that ran: in their letters, or in a log, beside letters that are empty."""
    if not letters or plan_.answer != "stdout":
        return letters
    count, until = len(letters), time.monotonic() + WITHIN
    found = logs.letters_in_log(scene, errand.account, plan_, job, count=count, deadline=until)
    return [*found, *letters[len(found) :]]


def privileges(letters: Sequence[Letter], plan_: Plan) -> dict[str, Any]:
    """How many probes that ran could be given privileges by a setuid program, and what is wrong with other answers."""
    privileged, unread = 0, []
    for _, _, data in letters:
        try:
            privileged += not parse(data, plan_).who["no_new_privs"]
        except AnswerProblem as problem:
            unread.append(str(problem))
    return {"privileged": privileged, "unread": unread}


def _unaccepted(why: str) -> dict[str, Any]:
    return {
        "accepted": False,
        "status": "",
        "attempts": 0,
        "error": why,
        "event": False,
        "answers": 0,
        "ran_as": [],
        "privileged": 0,
        "unread": [],
    }


def note_control(scene: Scene, gateway: Gateway, step: str, sound: str) -> None:
    """The same gateway runs another account's job; where the filter hits all, that the filter and only it refuses."""
    name = f"drop-fails/{step}"
    own = {"groups": _filter_bites, "silent-groups": _silent_filter_bites, PRIVILEGES: _privileges_filter_bites}
    if bites := own.get(step):
        scene.note("drop-control", name, errno="OK" if as_root(bites) else "EINVAL")
        return
    answer = spawn(scene, gateway, Errand(sound, "beside", identity_attempts(scene, sound)))
    scene.note("drop-control", name, errno="OK" if answer else "EINVAL")


def _filter_bites() -> bool:
    """In a child: setgroups works, and no longer does below the filter."""
    os.setgroups([])
    seccomp.install(seccomp.deny_groups())
    try:
        os.setgroups([])
    except PermissionError:
        return True
    return False


def _silent_filter_bites() -> bool:
    """In a child: setgroups changes the groups, and below the filter only says so."""
    os.setgroups([0])
    seccomp.install(seccomp.deny_groups(0))
    os.setgroups([])
    return os.getgroups() == [0]


def _privileges_filter_bites() -> bool:
    """In a child: `no_new_privs` can be set, and below the filter no longer."""
    kernel.call("prctl", kernel.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    seccomp.install(seccomp.deny_no_new_privileges())
    try:
        kernel.call("prctl", kernel.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    except PermissionError:
        return True
    return False


def run_start_errors(scene: Scene) -> None:
    """Programs that cannot start for other reasons than a drop."""
    account = scene.accounts[0]
    scene.lay_down(plugins=of_accounts(scene, account))
    if scene.target.spawn and scene.target.spawn.broken:
        run_broken(scene, account, scene.target.spawn.broken)
        return
    carriers = [step for step in scene.target.install if step.kind == "carrier" and step.account == account]
    chosen = [step for step in carriers if step.name.startswith(("hook-", "step-"))] or carriers
    for program, step in zip(BROKEN.values(), chosen, strict=False):
        Path(step.path, "entry").write_bytes(program)
    gateway = scene.gateway()
    scene.boot(gateway)
    for (name, _), step in zip(BROKEN.items(), chosen, strict=False):
        note_job(scene, gateway, f"start-error/{name}", account, step.name)
    directory = scene.ids(account)["directory"]
    os.chmod(directory, 0)
    note_job(
        scene, gateway, "start-error/unreadable-cwd", account, scene.target.spawn.plugin if scene.target.spawn else ""
    )
    gateway.kill()


def run_broken(scene: Scene, account: str, broken: Mapping[str, str]) -> None:
    """The plugins that the descriptor names for it, of which one finds its directory closed."""
    gateway = scene.gateway()
    scene.boot(gateway)
    for name, plugin in broken.items():
        if name == CLOSED:
            os.chmod(scene.ids(account)["directory"], 0)
        note_job(scene, gateway, f"start-error/{name}", account, plugin)
    gateway.kill()


def run_without_default(scene: Scene) -> None:
    """Enforcing, without the account ``default``: a plugin without a grant has nowhere to run."""
    document = without_account(scene, "default") if "default" in scene.accounts else None
    scene.lay_down(document=document)
    gateway = scene.gateway()
    scene.boot(gateway)
    account = scene.accounts[0]
    spawn(scene, gateway, Errand(account, "granted", identity_attempts(scene, account)))
    if scene.target.spawn and scene.target.spawn.ungranted:
        note_job(scene, gateway, "ungranted", account, scene.target.spawn.ungranted)
    gateway.kill()


def without_account(scene: Scene, name: str) -> dict[str, Any]:
    """The configuration without one account; what was granted to it is granted to another."""
    assert scene.target.gate is not None
    document = scene.installation.config_document()
    other = next(account for account in scene.accounts if account != name)
    document = with_value(document, f"{scene.target.gate.accounts}.{name}", None)
    granted: dict[str, Any] = _regranted(document, scene.target.gate.grant.rpartition(".")[2], name, other)
    return granted


def _regranted(value: Any, key: str, name: str, other: str) -> Any:
    if isinstance(value, Mapping):
        return {k: other if k == key and v == name else _regranted(v, key, name, other) for k, v in value.items()}
    return value


def ungranted_everywhere(value: Any, key: str) -> Any:
    """A configuration without any grant."""
    if isinstance(value, Mapping):
        return {k: ungranted_everywhere(v, key) for k, v in value.items() if k != key}
    return value
