"""What happens to a gateway in a day: reload, backup, rotation, hostile names; and whether the walls still hold."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from wallbite.cases.backups import backups
from wallbite.cases.scene import CaseProblem, Scene
from wallbite.cases.spawning import Errand, as_account, spawn
from wallbite.cases.walls import reaching
from wallbite.installation.gateway import Gateway
from wallbite.installation.identities import GATEWAY
from wallbite.installation.layout import state_of
from wallbite.installation.talk import ask
from wallbite.probing.plan import Attempt
from wallbite.stages import inotify
from wallbite.target import Request

WITHIN: Final = 10.0
HOSTILE: Final = ("new\nline", "\x1b[31mred", "x" * 255, "<script>", "..hidden", "-rf")
LATER: Final = ("read", "write", "append", "list", "connect", "stat", "create", "remove")
FOUND: Final = ("read", "write")


def run(scene: Scene, gateway: Gateway, known: Collection[str]) -> None:
    """A reload, a backup, a rotation; then every account reaches again. Then hostile names, and once more.

    A reload puts right what is loose, so what a backup or a rotation left is looked at before the next one. ``known``
    are the files that lay beside the surfaces before the gateway was started.
    """
    happen(scene, "reload", lambda: reload(scene, gateway))
    happen(scene, "backup", lambda: later_backup(scene))
    happen(scene, "rotate", lambda: rotate(scene, gateway))
    reach_again(scene, gateway, "later")
    declared = {str(scene.installation.expanded(one.path)) for one in scene.target.surfaces}
    for number, path in enumerate(sorted(beside(scene) - declared - set(known))):
        note_found(scene, path, number)
    happen(scene, "hostile-names", lambda: endure_hostile_names(scene, gateway))
    reach_again(scene, gateway, "hostile")


def reach_again(scene: Scene, gateway: Gateway, moment: str) -> None:
    """Every account tries what matters most, on every surface of the gateway and of its siblings; and its own place."""

    def reach(account: str, everywhere: Sequence[reaching.Found]) -> None:
        own = Attempt("own", "own-directory", path=scene.ids(account)["directory"])
        spawn(scene, gateway, Errand(account, moment, [own, *reaching.attempts(scene, everywhere, account, LATER)]))

    walled = [one for one in scene.target.surfaces if one.class_ in ("gateway", "account")]
    reaching.again(scene, reaching.find(scene, walled), moment, LATER, reach)


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
        CaseProblem: it did not say that it did, or the log is the old one.
    """
    action = scene.target.gateway.rotate
    if action is None:
        raise CaseProblem("the descriptor names no rotation")
    before, heard = _log(gateway), gateway.count("rotated")

    def rotated() -> str:
        anew = _log(gateway) not in (0, before)
        return "rotated" if anew and (gateway.logged("rotated") or gateway.count("rotated") > heard) else ""

    if action.command:
        ask(scene.installation, Request(command=action.command), {}, action.within)
    awaited(gateway, action.signal, rotated)


def _log(gateway: Gateway) -> int:
    """Which file its log is."""
    log = gateway.installation.target.gateway.log
    try:
        return os.lstat(str(gateway.installation.expanded(log))).st_ino if log else 0
    except OSError:
        return 0


def signalled(gateway: Gateway, signal: str, answers: Sequence[str]) -> str:
    """Send a signal, and wait until one of the patterns is found once more than before; which one.

    Raises:
        CaseProblem: none was, or the gateway ended.
    """
    before = {name: said(gateway, name) for name in answers}
    return awaited(gateway, signal, lambda: next((name for name in answers if said(gateway, name) > before[name]), ""))


def awaited(gateway: Gateway, signal: str, happened: Callable[[], str]) -> str:
    """Send a signal, and wait until something has happened; its name.

    Raises:
        CaseProblem: it did not happen in time, or the gateway ended.
    """
    with inotify.Watch() as watch:
        for path in _spoken(gateway):
            watch.add(path, inotify.MODIFY | inotify.CREATE | inotify.MOVED_TO)
        if signal:
            gateway.signal(signal)
        deadline = time.monotonic() + WITHIN
        while time.monotonic() < deadline:
            if name := happened():
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


def later_backup(scene: Scene, name: str = "later.tar") -> None:
    """Another backup, beside the first."""
    verb = scene.target.gateway
    if not verb.backup or not verb.backup_to:
        raise CaseProblem("the descriptor names no backup")
    backups.make(scene, os.path.join(os.path.dirname(verb.backup_to), name))


def endure_hostile_names(scene: Scene, gateway: Gateway) -> None:
    """Every account writes hostile names into its directory; then the gateway judges its places anew."""
    write_hostile_names(scene)
    if scene.target.gateway.reload is not None:
        reload(scene, gateway)


def write_hostile_names(scene: Scene) -> None:
    """In each account's directory: names that terminals, shells and parsers trip over, and links to every surface."""
    surfaces = [one for one in scene.target.surfaces if one.class_ == "gateway"]
    targets = [str(scene.installation.expanded(one.path)) for one in surfaces]
    for account in scene.accounts:
        ids, directory = scene.ids(account), Path(scene.ids(account)["directory"])
        for name in HOSTILE:
            (directory / name).write_bytes(b"")
            os.chown(directory / name, ids["uid"], ids["gid"])
        for number, path in enumerate(targets):
            (directory / f"link-{number}").symlink_to(path)
            os.chown(directory / f"link-{number}", ids["uid"], ids["gid"], follow_symlinks=False)


def beside(scene: Scene) -> set[str]:
    """Every file in the gateway's own directories, and in those that lead to the accounts'."""
    return set(sizes(scene))


def sizes(scene: Scene) -> dict[str, int]:
    """The same files with their sizes; what a running gateway takes away meanwhile is none of them."""
    found: set[str] = set()
    for surface in scene.target.surfaces:
        path = str(scene.installation.expanded(surface.path))
        if surface.kind == "directory" and surface.class_ in ("gateway", "parent"):
            for folder, directories, files in os.walk(path):
                found.update(os.path.join(folder, name) for name in files)
                directories[:] = directories if surface.class_ == "gateway" else []
    seen: dict[str, int] = {}
    for path in sorted(found):
        with suppress(FileNotFoundError):
            state = os.lstat(path)
            if stat.S_ISREG(state.st_mode):
                seen[path] = state.st_size
    return seen


def note_found(scene: Scene, path: str, number: int) -> None:
    """A file that appeared while it ran: its mode, and what each account gets from it, in both layouts."""
    name = f"found:{path}"
    state = state_of(path, content_too=False)
    copy = reaching.open_copy(path, state, f"found/{number}")
    scene.note("found", name, errno="OK", **state)
    tries = [
        Attempt(operation, name, layout, at) for layout, at in (("laid", path), ("opened", copy)) for operation in FOUND
    ]
    as_account(scene, GATEWAY, tries, "found")
    for account in scene.accounts:
        as_account(scene, account, tries, "found")
