"""Case ``places``: account directories, real homes, configurations elsewhere, and mounts that cannot be changed.

What must be put right is, or the start is refused and nothing is half done.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from wallbite.cases.configuration.editing import HOME
from wallbite.cases.disk.picture import came_to, lay_cheaply, loosen, path_of, picture, start, system
from wallbite.cases.gate.boots import gate_document
from wallbite.cases.scene import Scene
from wallbite.installation.document import with_value
from wallbite.installation.layout import state_of
from wallbite.postures import ENFORCING, representative
from wallbite.stages import kernel, seccomp

ELSEWHERE: Final = ("/tmp/wallbite.yaml", "/etc/default/wallbite.yaml")
CHOWN: Final = 1 << 0  # CAP_CHOWN
NO_MODES: Final = "without-modes"  # a change of mode does nothing, and says that it was done
WITNESS: Final = 5.0  # seconds for the first plugin where one must run


def plan(postures: Sequence[str]) -> Iterator[dict[str, Any]]:
    """One case for each enforcing posture; mounts in one of them."""
    for posture in postures:
        if posture in ENFORCING:
            params = {"mounts": posture == representative(postures)}
            yield {"case": f"places@{posture}", "kind": "places", "posture": posture, "params": params}


def run(scene: Scene) -> None:
    """Everything loosened before each start, so that what is half done shows."""
    whole = lay_cheaply(scene)
    sound = gate_document(scene, tuple(scene.accounts))
    may_give = scene.posture.effective & CHOWN
    for name in ("sound", "loose", "absent", "foreign", *(["one-of-several"] if may_give else [])):
        directories(scene, sound, name)
    if scene.target.gate and "home" in scene.target.gate.account:
        homes(scene, sound)
    for path in ELSEWHERE:
        elsewhere(scene, sound, path)
    if scene.params["mounts"]:
        for role in ("backup-directory", "secret-directory"):
            for surface in scene.target.with_role(role):
                mounted(scene, whole, surface.name, path_of(scene, surface))
        if scene.service is None:  # its start takes no filter
            loosen(scene)
            observe(scene, "mounted", NO_MODES, whole, [], seccomp.silence_modes())


def directories(scene: Scene, sound: dict[str, Any], name: str) -> None:
    """Account directories of one kind, and what a start makes of them.

    The last account's is spoken of, so that the others come first; of several, the first is missing as well.
    """
    last, first = scene.accounts[-1], scene.accounts[0]
    spoken = {account: scene.ids(account)["directory"] for account in (last, first)}
    loosen(scene, lists=False)
    for account in scene.accounts:
        os.chmod(scene.ids(account)["directory"], 0o700)
    if name == "loose":
        os.chmod(spoken[last], 0o750)
    elif name == "absent":
        shutil.rmtree(spoken[last])
    elif name in ("foreign", "one-of-several"):
        os.chown(spoken[last], scene.identities.uid(first), scene.identities.gid(first))
    if name == "one-of-several":
        shutil.rmtree(spoken[first])
    observe(scene, "account-directory", name, sound, list(dict.fromkeys(spoken.values())))
    for account in scene.accounts:
        ids = scene.ids(account)
        os.makedirs(ids["directory"], mode=0o700, exist_ok=True)
        os.chown(ids["directory"], ids["uid"], ids["gid"])
        os.chmod(ids["directory"], 0o700)


def observe(
    scene: Scene,
    operation: str,
    name: str,
    document: dict[str, Any] | None,
    spoken: list[str],
    deny: bytes | None = None,
) -> None:
    """Start it; what it came to, what became of the places that are spoken of, and what else was changed."""
    for letter in scene.inbox.path.iterdir():
        letter.unlink()
    if document is not None:
        scene.installation.write_config(document)
    before, looked = picture(scene), {path: shown(path) for path in spoken}
    gateway, ended = start(scene, deny=deny)
    witness = scene.witness(WITNESS if ended == "ready" else 0.0)
    seen = came_to(gateway, ended)
    gateway.stop(WITNESS)
    after = picture(scene)
    exact = {ids["directory"]: f"directory 0700 {ids['uid']}:{ids['gid']}" for ids in map(scene.ids, scene.accounts)}
    scene.note(
        operation,
        name,
        spoken={path: [looked[path], shown(path), exact.get(path, looked[path])] for path in spoken},
        changed=sorted(each for each in before if before[each] != after.get(each)),
        made=sorted(after.keys() - before.keys()),
        ran=[who["uids"] for who in witness],
        may_give=bool(scene.posture.effective & CHOWN),
        **seen,
    )


def shown(path: str) -> str:
    """What stands at a path."""
    try:
        state = state_of(path, content_too=False)
    except OSError:
        return "nothing"
    return f"{state['kind']} {state['mode']} {state['uid']}:{state['gid']}"


def homes(scene: Scene, sound: dict[str, Any]) -> None:
    """The first account is credentialed: its home is a real user's, open as homes are, with files in it."""
    gate, account = scene.target.gate, scene.accounts[0]
    assert gate is not None
    ids = scene.ids(account)
    Path(HOME, ".config").mkdir(parents=True, exist_ok=True)
    Path(HOME, ".config/token").write_text("a real user's\n")
    for path, mode in ((HOME, 0o755), (f"{HOME}/.config", 0o775), (f"{HOME}/.config/token", 0o664)):
        os.chown(path, ids["uid"], ids["gid"])
        os.chmod(path, mode)
    entry = dict(scene.account_entries([account])[account])
    entry.pop(gate.account["directory"], None)
    entry[gate.account["home"]] = HOME
    entries = {**scene.account_entries(scene.accounts), account: entry}
    loosen(scene, lists=False)
    observe(
        scene,
        "home",
        "credentialed",
        with_value(sound, gate.accounts, entries),
        [HOME, f"{HOME}/.config", f"{HOME}/.config/token", os.path.dirname(HOME)],
    )


def elsewhere(scene: Scene, sound: dict[str, Any], path: str) -> None:
    """The configuration lies in a directory that is the system's."""
    loosen(scene, lists=False)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    scene.installation.write_config(sound)
    Path(path).write_text(scene.installation.config_text)
    os.chown(path, scene.gateway_ids["uid"], scene.gateway_ids["gid"])
    os.chmod(path, 0o600)
    before = system(scene)
    gateway = scene.gateway(burdened=False, ready=scene.target.gate.ready if scene.target.gate else None)
    gateway.start([str(part) for part in scene.installation.expanded(list(scene.target.gateway.serve), config=path)])
    ended = gateway.wait(WITNESS)
    after = system(scene)
    changed = [f"{each}: {before[each]} to {after.get(each)}" for each in before if before[each] != after.get(each)]
    scene.note("elsewhere", os.path.dirname(path), changed=changed, looked=sorted(before), **came_to(gateway, ended))
    gateway.stop(WITNESS)
    os.unlink(path)


def mounted(scene: Scene, whole: dict[str, Any], name: str, path: str) -> None:
    """A surface that is too open lies on a mount that nobody can write."""
    loosen(scene)
    kernel.mount(path, path, None, kernel.MS_BIND)
    kernel.mount(None, path, None, kernel.MS_BIND | kernel.MS_REMOUNT | kernel.MS_RDONLY)
    try:
        observe(scene, "mounted", name, whole, [path])
    finally:
        kernel.umount2(path)
