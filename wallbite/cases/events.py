"""What happens to a gateway in a day: a reload, a backup, a rotation, hostile names; and whether the walls still hold."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from wallbite.cases import reaching
from wallbite.cases.scene import CaseProblem, Scene
from wallbite.cases.spawning import Errand, as_account, as_root, spawn
from wallbite.installation.gateway import Gateway
from wallbite.installation.layout import state_of
from wallbite.probing.plan import Attempt
from wallbite.stages import inotify

WITHIN: Final = 10.0
HOSTILE: Final = ("new\nline", "\x1b[31mred", "x" * 255, "<script>", "..hidden", "-rf")
LATER: Final = ("read", "write", "list", "connect", "stat", "create")


def run(scene: Scene, gateway: Gateway, found: Sequence[reaching.Found]) -> None:
    """Each event, then every account reaches again; what appeared beside the surfaces is tried as well."""
    before = _beside(found)
    happen(scene, "reload", lambda: reload(scene, gateway))
    happen(scene, "backup", lambda: later_backup(scene))
    happen(scene, "rotate", lambda: rotate(scene, gateway))
    happen(scene, "hostile-names", lambda: write_hostile_names(scene, found))
    again = [one for one in reaching.find(scene, scene.target.surfaces) if one.surface.class_ in ("gateway", "account")]
    for account in scene.accounts:
        others = [one for one in again if one.surface.owner != account]
        spawn(scene, gateway, Errand(account, "later", reaching.attempts(scene, others, account, only=LATER)))
    for path in sorted(_beside(found) - before):
        note_found(scene, path)


def happen(scene: Scene, name: str, event: Callable[[], None]) -> None:
    """Let one event happen, and observe that it did."""
    try:
        event()
    except CaseProblem as problem:
        scene.note("event", name, errno="ECANCELED", problem=str(problem))
    else:
        scene.note("event", name, errno="OK")


def reload(scene: Scene, gateway: Gateway) -> None:
    """The same configuration again."""
    action = scene.target.gateway.reload
    if action is None:
        raise CaseProblem("the descriptor names no reload")
    signalled(gateway, action.signal, ("reload-accepted",))


def rotate(scene: Scene, gateway: Gateway) -> None:
    """Rotate the log.

    Raises:
        CaseProblem: it did not say that it did.
    """
    action = scene.target.gateway.rotate
    if action is None:
        raise CaseProblem("the descriptor names no rotation")
    signalled(gateway, action.signal, ("rotated",))


def signalled(gateway: Gateway, signal: str, answers: Sequence[str]) -> str:
    """Send a signal, and wait until one of the patterns is found once more than before; which one.

    Raises:
        CaseProblem: none was, or the gateway ended.
    """
    before = {name: said(gateway, name) for name in answers}
    with inotify.Watch() as watch:
        for path in _spoken(gateway):
            watch.add(path, inotify.MODIFY | inotify.CREATE | inotify.MOVED_TO)
        gateway.signal(signal)
        deadline = time.monotonic() + WITHIN
        while time.monotonic() < deadline:
            for name in answers:
                if said(gateway, name) > before[name] or (name == "rotated" and gateway.logged(name)):
                    return name
            if not gateway.alive:
                raise CaseProblem(f"the gateway ended with {gateway.exit_status} on SIG{signal}")
            watch.wait(0.2)
    raise CaseProblem(f"no answer to SIG{signal} within {WITHIN:g} s")


def said(gateway: Gateway, name: str) -> int:
    """How often it was said, on its output or in its log."""
    return gateway.count(name) + gateway.logged(name)


def _spoken(gateway: Gateway) -> list[str]:
    log = gateway.installation.target.gateway.log
    folder = [os.path.dirname(str(gateway.installation.expanded(log)))] if log else []
    return [gateway.output, *folder]


def later_backup(scene: Scene) -> None:
    """A second backup, beside the first."""
    from wallbite.cases.walls import make_backup

    verb = scene.target.gateway
    if not verb.backup or not verb.backup_to:
        raise CaseProblem("the descriptor names no backup")
    make_backup(scene, os.path.join(os.path.dirname(verb.backup_to), "later.tar"))


def write_hostile_names(scene: Scene, found: Sequence[reaching.Found]) -> None:
    """In each account's directory: names that terminals, shells and parsers trip over, and links to surfaces."""
    targets = [one.path for one in found if one.surface.class_ == "gateway"]
    for account in scene.accounts:
        directory = Path(scene.ids(account)["directory"])
        for name in HOSTILE:
            (directory / name).write_bytes(b"")
            os.chown(directory / name, scene.ids(account)["uid"], scene.ids(account)["gid"])
        for number, path in enumerate(targets):
            (directory / f"link-{number}").symlink_to(path)
            os.chown(directory / f"link-{number}", scene.ids(account)["uid"], scene.ids(account)["gid"], follow_symlinks=False)


def _beside(found: Sequence[reaching.Found]) -> set[str]:
    """Every file in the gateway's own directories."""
    folders = {one.path for one in found if one.surface.class_ == "gateway" and one.surface.kind == "directory"}
    return {entry.path for folder in folders for entry in os.scandir(folder) if entry.is_file(follow_symlinks=False)}


def note_found(scene: Scene, path: str) -> None:
    """A file that appeared while it ran: its mode, and what each account gets from it, its folder open."""
    name = f"found:{path}"
    state = state_of(path, content_too=False)
    scene.note("found", name, errno="OK", **state)
    as_account(scene, "gateway", [Attempt("read", name, path=path)], "later")
    as_root(scene, [Attempt("read", name, path=path)], "later")
    for account in scene.accounts:
        as_account(scene, account, [Attempt("read", name, path=path), Attempt("write", name, path=path)], "later")
