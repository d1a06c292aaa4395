"""What the declared surfaces are like on disk, as root sees them; and making them looser than they are declared."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Final

from wallbite.cases.gate.boots import gate_plugins
from wallbite.cases.scene import Scene
from wallbite.installation.gateway import Gateway
from wallbite.installation.layout import state_of
from wallbite.stages import acl
from wallbite.target.model import Surface

KEY: Final = "age-key"  # a loose one is not to be tightened: it is no secret any more
WITHIN: Final = 10.0
SYSTEM: Final = (
    "/",
    "/etc",
    "/etc/default",
    "/home",
    "/opt",
    "/root",
    "/run",
    "/srv",
    "/tmp",
    "/usr",
    "/usr/local",
    "/var",
    "/var/lib",
    "/var/log",
    "/var/tmp",
)


def lay_cheaply(scene: Scene) -> dict[str, Any]:
    """Lay everything down but the plugins that nobody looks at: a start then spawns next to nothing."""
    declared = [path_of(scene, surface) for surface in scene.target.surfaces]
    seen = {
        step.name
        for step in scene.target.install
        if step.kind == "carrier" and any(path == step.path or path.startswith(f"{step.path}/") for path in declared)
    }
    scene.lay_down(plugins=seen | (gate_plugins(scene.target) if scene.target.gate else set()))
    return scene.installation.config_document() if scene.target.config and scene.target.gate else {}


def path_of(scene: Scene, surface: Surface) -> str:
    """Where a surface lies."""
    return str(scene.installation.expanded(surface.path))


def picture(scene: Scene) -> dict[str, dict[str, Any]]:
    """Each surface that is there: how it is, how it must be, and its access lists."""
    found = {}
    for surface in scene.target.surfaces:
        path = path_of(scene, surface)
        try:
            state = state_of(path, content_too=False)
        except OSError:
            continue
        owner, group = scene.identities.uid(surface.owner), scene.identities.gid(surface.group)
        found[surface.name] = {
            "is": f"{state['kind']} {state['mode']} {state['uid']}:{state['gid']}",
            "must": f"{surface.kind} {surface.mode:04o} {owner}:{group}",
            "acl": acl.names(path),
        }
    return found


def paths(scene: Scene, names: Iterable[str]) -> list[str]:
    """Where these surfaces lie."""
    return [path_of(scene, scene.target.surface(name)) for name in names]


def loosen(scene: Scene, *, lists: bool = True) -> list[str]:
    """Open what is the gateway's own to be read, by mode and by access list, and what of accounts it may close itself.

    Returns the names of the surfaces, and ``acl`` where the file system keeps access lists.
    """
    loosened = []
    reader = scene.identities.uid(scene.accounts[-1])
    for surface in scene.target.surfaces:
        path = path_of(scene, surface)
        accounts_too = surface.class_ == "account" and surface.kind == "directory" and scene.posture.root
        own = surface.class_ in ("gateway", "parent") and surface.role != KEY
        if not (own or accounts_too) or not os.path.lexists(path) or os.path.islink(path):
            continue
        if not accounts_too and os.lstat(path).st_uid != scene.gateway_ids["uid"]:
            continue
        os.chmod(path, 0o755 if surface.kind == "directory" else 0o644)
        loosened.append(surface.name)
        with suppress(OSError):
            if lists and surface.kind != "socket":
                acl.grant(path, reader, 0o5 if surface.kind == "directory" else 0o4)
                if surface.kind == "directory":
                    acl.grant(path, reader, 0o5, acl.DEFAULT)
                loosened.append("acl")
    return sorted(set(loosened))


def start(scene: Scene, document: Any = None, *, umask: int = 0o022, deny: Any = None) -> tuple[Gateway, str]:
    """Write the configuration where one is given, start the gateway, and wait until it is ready or has ended."""
    if document is not None:
        scene.installation.write_config(document)
    ready = scene.target.gate.ready if scene.target.gate else None
    gateway = scene.gateway(burdened=False, ready=ready, deny=deny)
    gateway.umask = umask
    gateway.start()
    return gateway, gateway.wait(WITHIN)


def came_to(gateway: Gateway, ended: str) -> dict[str, Any]:
    """What became of a start."""
    return {
        "accepted": ended == "ready",
        "timed_out": ended == "timeout",
        "exit": gateway.exit_status,
        "refused": gateway.says("refused"),
        "tail": gateway.tail(),
    }


def system(scene: Scene) -> dict[str, str]:
    """Mode and owner of directories that are the system's."""
    found = {}
    for path in SYSTEM:
        with suppress(OSError):
            state = state_of(path, content_too=False)
            found[path] = f"{state['kind']} {state['mode']} {state['uid']}:{state['gid']} {acl.names(path)}"
    return found
