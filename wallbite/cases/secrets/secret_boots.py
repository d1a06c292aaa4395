"""Case ``secret-boots``: key files that others may open, and principals whose names are none."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from wallbite.cases.scene import Scene
from wallbite.cases.secrets import environments, vaults
from wallbite.cases.secrets.vaults import ROLES, Filled
from wallbite.installation.command import run_bounded
from wallbite.installation.document import with_value

POSTURES: Final = ("root", "unprivileged")
MODES: Final = (0o640, 0o620, 0o610, 0o604, 0o602, 0o601)
NAMES: Final = ("p--q", "p\n", "Upper", "p-", "p_q")
BOOTED: Final = 2  # of these names; `check` is asked about all
WITHIN: Final = 10.0
SOUND: Final = "p-1"


def plan(postures: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Where a gateway enforces, and where it has no privilege."""
    for posture in postures:
        if posture in POSTURES:
            yield {"case": f"secret-boots@{posture}", "kind": "secret-boots", "posture": posture, "params": {}}


def run(scene: Scene) -> None:
    """Each mode and each name; then the same with nothing wrong, which must come up."""
    vault = vaults.vault_of(scene)
    document = scene.installation.config_document()
    document = document if scene.posture.enforcing else environments.unconfined_document(scene)
    scene.lay_down(plugins=set(), document=document)
    vaults.fill(scene, Filled.anew())
    for mode in MODES:
        os.chmod(vault.key, mode)
        boot(scene, "key-mode", f"{mode:04o}", os.path.basename(vault.key))
    os.chmod(vault.key, 0o600)
    key = vault.principal
    place = str(scene.installation.expanded(key, plugin=vaults.plugin_of(scene, ROLES[0])))
    for number, name in enumerate((SOUND, *NAMES)):
        changed = with_value(document, place, name)
        scene.installation.write_config(changed)
        note_check(scene, name)
        if number <= BOOTED:
            boot(scene, "principal", name, place.rpartition(".")[2])
    if vault.mapped:
        place = str(scene.installation.expanded(vault.mapped, plugin=vaults.plugin_of(scene, ROLES[0])))
        scene.installation.write_config(with_value(document, place, NAMES[0]))
        note_check(scene, f"mapped {NAMES[0]}")


def boot(scene: Scene, what: str, name: str, word: str) -> None:
    """One start: did it come up, and does it name what is wrong."""
    gateway = scene.gateway()
    gateway.start()
    ended = gateway.wait(WITHIN)
    seen: Mapping[str, Any] = {
        "came_up": ended == "ready",
        "timed_out": ended == "timeout",
        "exit": gateway.exit_status,
        "named": word in gateway.printed(),
        "tail": gateway.tail(),
    }
    gateway.kill()
    scene.note(what, name, **seen)


def note_check(scene: Scene, name: str) -> None:
    """What the ``check`` verb says of the configuration as it is now."""
    if not scene.target.gateway.check:
        return
    argv = [str(part) for part in scene.installation.expanded(list(scene.target.gateway.check))]
    ids = scene.gateway_ids
    how: dict[str, Any] = {"user": ids["uid"], "group": ids["gid"], "extra_groups": [], "cwd": "/"}
    try:
        code, said = run_bounded(argv, WITHIN, env={"PATH": "/usr/bin:/bin"}, **how)
    except OSError as error:
        scene.note("principal-check", name, exit=None, problem=str(error), named=False, tail="")
        return
    scene.note("principal-check", name, exit=code, problem="", named="principal" in said, tail=said[-300:])
