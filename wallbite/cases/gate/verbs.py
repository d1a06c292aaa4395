"""Case ``verbs``: what is installed, what ``check`` says, and what who runs a utility verb gets from it."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from wallbite.cases.backups.backups import whole
from wallbite.cases.drops.drops import ungranted_everywhere
from wallbite.cases.gate.boots import boot, gate_document
from wallbite.cases.scene import Scene
from wallbite.cases.spawning import as_account
from wallbite.installation.document import Plain, with_value
from wallbite.installation.gateway import Gateway
from wallbite.installation.identities import GATEWAY
from wallbite.installation.layout import state_of
from wallbite.postures import BOTH, ENFORCING, POSTURES
from wallbite.probing.plan import Attempt
from wallbite.stages.launch import Launch, LaunchError
from wallbite.stages.tracing import Trace, TraceStop, trace
from wallbite.target import names_account

WITHIN: Final = 10.0
# Without privilege, and with what any user's bounding set lets a program's file confer.
OUTSIDER: Final = replace(POSTURES["unprivileged"], bounding=BOTH)
WARNINGS: Final = ("secrets-unconfined", "override-beside-accounts")


def plan(postures: Sequence[str]) -> Iterator[dict[str, Any]]:
    """One case for each posture."""
    for posture in postures:
        yield {"case": f"verbs@{posture}", "kind": "verbs", "posture": posture, "params": {}}


def run(scene: Scene) -> None:
    """Look at the files, run the verbs, and in enforcing postures boot with shared and with separate accounts."""
    scene.lay_down()
    note_installed(scene)
    if scene.target.gate is None:
        note_ungated(scene)
        return
    full = scene.installation.config_document()
    note_checks(scene, full)
    make_state(scene)
    scene.installation.write_config(full)
    note_verbs(scene)
    if scene.posture.name in ENFORCING:
        note_boots(scene, full)


def note_installed(scene: Scene) -> None:
    """Mode and file capabilities of every installed path and of what is started; who may execute the program."""
    program = os.path.realpath(str(scene.installation.values["program"]))
    started = [str(part) for part in scene.installation.expanded(list(scene.target.gateway.serve))]
    named = {os.path.realpath(part) for part in started if os.path.isabs(part) and os.path.isfile(part)}
    for path in sorted({*scene.installation.installed_files(), *named, program}):
        state = state_of(path, content_too=False)
        if state["kind"] == "file" and (path == program or int(state["mode"], 8) & 0o6000 or _capability(path)):
            scene.note("installed", path, capability=_capability(path), program=path == program, **state)
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
    bare = ungranted_everywhere(full, gate.grant.rpartition(".")[2])
    variants = {
        "sound": full,
        "secrets-unconfined": with_value(bare, gate.accounts, None),
        "override-beside-accounts": with_value(apart, gate.override, Plain("true")),
        "apart": apart,
    }
    for name, document in variants.items():
        scene.installation.write_config(document)
        gateway = scene.verb()
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
        if name == "sound":  # which is also the one where plugins share accounts
            scene.note("check", "shared", **seen)


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


def make_state(scene: Scene) -> None:
    """Boot once, in a way that every posture allows, so that there is something to back up."""
    gateway, _ = boot(scene, gate_document(scene, (), Plain("true")))
    gateway.stop(WITHIN)


def note_ungated(scene: Scene) -> None:
    """A target whose configuration nobody here can edit: its verbs, and what it says at boot where plugins share."""
    note_verbs(scene)
    templates = scene.target.spawn.plugins if scene.target.spawn else ()
    if scene.posture.name in ENFORCING and sum(names_account(one) for one in templates) > 1:
        gateway = scene.gateway()
        scene.boot(gateway)
        scene.note("boot", "shared", named=_named(scene, gateway), tail=gateway.tail())
        gateway.kill()


def note_verbs(scene: Scene) -> None:
    """Each verb, run under a tracer by the gateway's own user and by accounts; and who can reach the key."""
    verbs = {
        "check": scene.target.gateway.check,
        "version": scene.target.gateway.version,
        "backup": scene.target.gateway.backup,
    }
    for account in (GATEWAY, *scene.accounts[:2]):
        for name, argv in verbs.items():
            if argv:
                note_verb(scene, account, name, list(argv))
    keys = [surface for surface in scene.target.surfaces if surface.role == "age-key"]
    for key in keys:
        for name in (GATEWAY, *scene.accounts[:2]):
            as_account(scene, name, [Attempt("read", "age-key", path=key.path)], "verbs")


def note_verb(scene: Scene, account: str, name: str, template: list[Any]) -> None:
    """One verb; where the account may not execute the program, with an interpreter that it may execute."""
    archive = _archive(scene, account)
    argv = [str(part) for part in scene.installation.expanded(template, to=archive, scope=whole(scene))]
    refused, by = "", "program"
    try:
        done = _traced(scene, account, argv)
    except LaunchError as error:
        refused, by = errno.errorcode.get(error.errno or 0, str(error)), "interpreter"
        done = _traced(scene, account, [sys.executable, *argv[1:]])  # which has the packages that the harness has
    wrote = name == "backup" and os.path.lexists(archive)
    seen = {
        "expected": scene.ids(account) if account != GATEWAY else scene.gateway_ids,
        "by": by,
        "refused": refused,
        "exit": done.exit_code,
        "complete": done.complete,
        "archive": os.lstat(archive).st_size if wrote else 0,
        "stops": [_stop(one) for one in done.stops],
    }
    if wrote:
        os.unlink(archive)
    scene.emit("verb", name, account=account, vantage="harness", step="verbs", seen=seen)


def _archive(scene: Scene, account: str) -> str:
    """Where an account's backup goes: where it may write."""
    own = scene.target.gateway.backup_to if account == GATEWAY else ""
    return str(scene.installation.expanded(own)) if own else f"/tmp/{account}.tar"


def _traced(scene: Scene, account: str, argv: list[str]) -> Trace:
    """Run it as the account without privilege, or as the gateway's own user with the posture's."""
    own = account == GATEWAY
    ids = scene.gateway_ids if own else scene.ids(account)
    spec = Launch(
        posture=scene.posture if own else OUTSIDER,
        uid=ids["uid"],
        gid=ids["gid"],
        groups=(ids["gid"],),
        argv=tuple(argv),
        env={"PATH": "/usr/bin:/bin"},
        cwd="/",
    )
    return trace(spec, WITHIN)


def _stop(one: TraceStop) -> dict[str, Any]:
    found = one.credentials
    sets = ("permitted", "effective", "inheritable", "ambient")
    return {
        "event": one.event,
        "uids": list(found.uids),
        "gids": list(found.gids),
        **{name: f"{getattr(found, name):x}" for name in sets},
        "status": one.status,
    }
