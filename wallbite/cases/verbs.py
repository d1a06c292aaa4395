"""Case ``verbs``: what is installed, what ``check`` says, and what who runs a utility verb gets from it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any, Final

from wallbite.cases.boots import boot, gate_document
from wallbite.cases.scene import Scene
from wallbite.cases.spawning import as_account
from wallbite.installation.document import Plain, with_value
from wallbite.installation.gateway import Gateway
from wallbite.installation.identities import GATEWAY
from wallbite.installation.layout import state_of
from wallbite.postures import ENFORCING, POSTURES
from wallbite.probing.plan import Attempt
from wallbite.stages.launch import Launch, LaunchError
from wallbite.stages.tracing import TraceStop, trace

WITHIN: Final = 10.0
WARNINGS: Final = ("secrets-unconfined", "override-beside-accounts")


def plan(postures: Sequence[str]) -> Iterator[dict[str, Any]]:
    """One case for each posture."""
    for posture in postures:
        yield {"case": f"verbs@{posture}", "kind": "verbs", "posture": posture, "params": {}}


def run(scene: Scene) -> None:
    """Look at the files, run the verbs, and in enforcing postures boot with shared and with separate accounts."""
    scene.lay_down()
    note_installed(scene)
    full = scene.installation.config_document()
    note_checks(scene, full)
    scene.installation.write_config(full)
    note_verbs(scene)
    if scene.posture.name in ENFORCING:
        note_boots(scene, full)


def note_installed(scene: Scene) -> None:
    """Mode and file capabilities of every installed path; who may execute the one that has some."""
    for path in sorted(set(scene.installation.installed_files())):
        state = state_of(path, content_too=False)
        special = state["kind"] == "file" and (int(state["mode"], 8) & 0o6000 or _capability(path))
        if special or path == scene.installation.values["program"] or state["kind"] != "file":
            scene.note("installed", path, capability=_capability(path), **state)
    program = str(scene.installation.values["program"])
    for name in (GATEWAY, *scene.accounts):
        as_account(scene, name, [Attempt("execute", "program", path=program)], "installed")


def _capability(path: str) -> str:
    try:
        return os.getxattr(path, "security.capability", follow_symlinks=False).hex()
    except OSError:
        return ""


def note_checks(scene: Scene, full: dict[str, Any]) -> None:
    """The ``check`` verb on sound and on doubtful configurations, run by the gateway's own user in its posture."""
    gate = scene.target.gate
    assert gate is not None
    confined = next(iter(scene.accounts))
    apart = gate_document(scene, (confined, "default", "untrusted"))
    secrets = {"secrets": full["secrets"]} if "secrets" in full else {}
    variants = {
        "sound": apart,
        "secrets-unconfined": {**gate_document(scene, ()), **secrets},
        "override-beside-accounts": with_value(apart, gate.override, Plain("true")),
        "shared": full,
        "apart": apart,
    }
    for name, document in variants.items():
        scene.installation.write_config(document)
        gateway = scene.gateway(burdened=False)
        gateway.start([str(part) for part in scene.installation.expanded(list(scene.target.gateway.check))])
        gateway.wait_end(WITHIN)
        seen = {
            "exit": gateway.exit_status,
            "said": {warning: gateway.says(warning) for warning in WARNINGS},
            "named": _named(scene, gateway),
            "tail": gateway.tail(),
        }
        gateway.kill()
        scene.note("check", name, **seen)


def _named(scene: Scene, gateway: Gateway) -> dict[str, bool]:
    return {account: gateway.says("shared-account", account=account) for account in scene.accounts}


def note_boots(scene: Scene, full: dict[str, Any]) -> None:
    """What the gateway says at boot of accounts that several plugins share."""
    apart = gate_document(scene, (next(iter(scene.accounts)), "default", "untrusted"))
    for name, document in {"shared": full, "apart": apart}.items():
        gateway, ended = boot(scene, document)
        named, tail = _named(scene, gateway), gateway.tail()
        gateway.kill()
        if ended == "ready":
            scene.note("boot", name, named=named, tail=tail)


def note_verbs(scene: Scene) -> None:
    """Each verb, run by each account under a tracer; and whether the key is out of the account's reach."""
    verbs = {"check": scene.target.gateway.check, "version": scene.target.gateway.version, "backup": scene.target.gateway.backup}
    for account in scene.accounts[:2]:
        for name, argv in verbs.items():
            if argv:
                note_verb(scene, account, name, [str(part) for part in scene.installation.expanded(list(argv), to=f"/tmp/{account}.tar")])  # noqa: S108
    keys = [surface for surface in scene.target.surfaces if surface.role == "age-key"]
    for key in keys:
        for name in (GATEWAY, *scene.accounts[:2]):
            as_account(scene, name, [Attempt("read", "age-key", path=key.path)], "verbs")


def note_verb(scene: Scene, account: str, name: str, argv: list[str]) -> None:
    """One verb; where the account may not execute the program, with an interpreter that it may execute."""
    try:
        stops, code, by = _traced(scene, account, argv), 0, "program"
    except LaunchError:
        stops, code, by = _traced(scene, account, [scene.installation.interpreter, *argv[1:]]), 0, "interpreter"
    seen = {"expected": scene.ids(account), "by": by, "exit": code, "stops": stops}
    scene.emit("verb", name, account=account, vantage="harness", step="verbs", seen=seen)


def _traced(scene: Scene, account: str, argv: list[str]) -> list[dict[str, Any]]:
    ids = scene.ids(account)
    spec = Launch(
        posture=POSTURES["unprivileged"], uid=ids["uid"], gid=ids["gid"], groups=(ids["gid"],), argv=tuple(argv),
        env={"PATH": "/usr/bin:/bin"}, cwd="/",
    )
    return [_stop(one) for one in trace(spec, WITHIN).stops]


def _stop(one: TraceStop) -> dict[str, Any]:
    found = one.credentials
    return {
        "event": one.event,
        "uids": list(found.uids),
        "gids": list(found.gids),
        "permitted": f"{found.permitted:x}",
        "effective": f"{found.effective:x}",
        "status": one.status,
    }
