"""Case ``side-doors``: doors are planted for accounts, one after another and together; does the gateway tell them?"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

from wallbite.cases.gate.boots import boot, gate_document, gate_plugins
from wallbite.cases.scene import Scene
from wallbite.cases.system.doors import BLIND, DOORS, FORMS, enter_users, own_places, replaced, whose
from wallbite.installation.document import Plain, with_value
from wallbite.installation.gateway import Gateway
from wallbite.installation.installation import PRIVATE
from wallbite.postures import ENFORCING, representative

CODE: Final = "code"  # the directory of the plugins' code, which an account owns
CODE_BELOW: Final = ("code-directory", "code-file")  # one in it that everybody may write, and a file that one owns
CODE_LINK: Final = "code-link"  # a link in it, which leads to a file that one owns
_LINKED: Final = "wallbite-linked"


def plan(postures: Sequence[str]) -> Iterator[dict[str, Any]]:
    """One case for each enforcing posture; every form of each door in one of them."""
    for posture in postures:
        if posture in ENFORCING:
            params = {"forms": FORMS if posture == representative(postures) else 1}
            yield {"case": f"side-doors@{posture}", "kind": "side-doors", "posture": posture, "params": params}


def run(scene: Scene) -> None:
    """No door; every door, each for an account of its own; looks that fail; then all of it where a door refuses."""
    scene.lay_down(plugins=gate_plugins(scene.target))
    enter_users(scene)
    accounts = scene.accounts
    with own_places():
        note(scene, "none")
        for form in range(scene.params["forms"]):
            holders = {
                kind: accounts[(number + form) % len(accounts)]
                for number, kind in enumerate(DOORS)
                if form < len(DOORS[kind])
            }
            with ExitStack() as stack:
                for kind, account in holders.items():
                    stack.enter_context(DOORS[kind][form](whose(scene, account)))
                note(scene, f"doors-{form}", holders)
        for kind, path in BLIND.items():
            with replaced(path, None):
                note(scene, f"blind-{kind}")
        note_code(scene, accounts[0])
        if scene.target.side_doors is not None and scene.target.side_doors.refuse:
            refusals(scene)


def refusals(scene: Scene) -> None:
    """The same where a door is to be a refusal: none, each alone, and looks that fail."""
    note(scene, "strict-none", strict=True)
    for number, (kind, forms) in enumerate(DOORS.items()):
        account = scene.accounts[number % len(scene.accounts)]
        with forms[0](whose(scene, account)):
            note(scene, f"strict-{kind}", {kind: account}, strict=True)
    for kind, path in BLIND.items():
        with replaced(path, None):
            note(scene, f"strict-blind-{kind}", strict=True)


def note(scene: Scene, name: str, holders: dict[str, str] | None = None, *, strict: bool = False) -> None:
    """Boot, and note what was told of whom."""
    document = gate_document(scene, scene.accounts)
    assert scene.target.side_doors is not None
    if strict:
        document = with_value(document, scene.target.side_doors.refuse, Plain("true"))
    gateway, ended = boot(scene, document)
    seen = {
        "came_up": ended == "ready",
        "timed_out": ended == "timeout",
        "exit": gateway.exit_status,
        "holders": holders or {},
        "told": told(scene, gateway, "side-door"),
        "unknown": told(scene, gateway, "side-door-unknown"),
        "code": [each for each, path in code_paths(scene).items() if named(gateway, path)],
        "tail": gateway.tail(),
    }
    gateway.kill()
    scene.note("side-doors", name, **seen)


def code_paths(scene: Scene) -> dict[str, Path]:
    """The directory of the plugins' code, one in it, and a file in that; what there is of them."""
    surface = next((one for one in scene.target.surfaces if one.class_ == "code" and one.kind == "directory"), None)
    if surface is None:
        return {}
    top = Path(surface.path)
    directory = next((one for one in sorted(top.iterdir()) if one.is_dir() and not one.is_symlink()), None)
    file = next((one for one in sorted((directory or top).iterdir()) if one.is_file() and not one.is_symlink()), None)
    found = zip((CODE, *CODE_BELOW, CODE_LINK), (top, directory, file, directory and directory / _LINKED), strict=True)
    return {name: path for name, path in found if path is not None}


def named(gateway: Gateway, path: Path) -> bool:
    """Whether it speaks of a path."""
    return str(path) in gateway.printed() or str(path) in gateway.recent()


def note_code(scene: Scene, account: str) -> None:
    """Boot where an account can write some of the plugins' code: it is told by its path, or the start is refused."""
    uid = whose(scene, account).uid
    for name, path in code_paths(scene).items():
        with _planted(name, path, uid):
            gateway, ended = boot(scene, gate_document(scene, scene.accounts))
            told_of = named(gateway, path)
            gateway.kill()
        seen = {"came_up": ended == "ready", "timed_out": ended == "timeout", "tail": gateway.tail()}
        scene.note("side-doors", name, names=told_of, **seen)


def _planted(name: str, path: Path, uid: int) -> AbstractContextManager[None]:
    """What lets an account write there, for a while."""
    if name == CODE_LINK:
        return _linked(path, uid)
    return _given(path, -1, 0o022) if name == CODE_BELOW[0] else _given(path, uid, 0)


@contextmanager
def _linked(path: Path, uid: int) -> Iterator[None]:
    """A link to a file of an account's, for a while."""
    file = Path(PRIVATE, _LINKED)
    file.write_bytes(b"")
    os.chown(file, uid, -1)
    path.symlink_to(file)
    yield
    path.unlink()
    file.unlink()


@contextmanager
def _given(path: Path, uid: int, bits: int) -> Iterator[None]:
    """An owner, and further bits of its mode, for a while."""
    before = path.stat()
    os.chown(path, uid, -1)
    path.chmod(stat.S_IMODE(before.st_mode) | bits)
    yield
    os.chown(path, before.st_uid, before.st_gid)
    path.chmod(stat.S_IMODE(before.st_mode))


def told(scene: Scene, gateway: Gateway, saying: str) -> dict[str, list[str]]:
    """For each account the kinds of door that the gateway speaks of."""
    assert scene.target.side_doors is not None
    return {
        account: [
            kind
            for kind, word in scene.target.side_doors.doors.items()
            if gateway.told(saying, account=account, door=word)
        ]
        for account in scene.accounts
    }
