"""What is attempted on each surface, from the table of errnos; and the scratch copies below open parents."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from wallbite.cases.scene import CaseProblem, Scene
from wallbite.cases.spawning import as_root
from wallbite.installation.installation import PRIVATE
from wallbite.installation.layout import state_of
from wallbite.probing.handles import make_handle
from wallbite.probing.plan import Attempt
from wallbite.stages import kernel, mounts
from wallbite.target.model import Surface

OPENED: Final = "/opt/wallbite-opened"  # on the stage's own root, where handles and renames work
OWN: Final = "/opt/wallbite-own"  # a directory for each account on the stage's own root, below no surface
OWN_ON_RUN: Final = f"{PRIVATE}/own"  # the same on /run, for surfaces there: links and renames do not cross mounts
PRINCIPAL: Final = {"file": "read", "directory": "list", "socket": "connect"}
DIRECT: Final = ("read", "write", "append", "map", "xattr", "stat", "list", "create", "connect")


@dataclass(frozen=True)
class Found:
    """A surface as it is in this stage: where it lies, and what root sees of it."""

    name: str
    surface: Surface
    layout: str
    path: str
    state: dict[str, Any]


def find(scene: Scene, surfaces: Iterable[Surface]) -> list[Found]:
    """The surfaces that are there, as laid out; for each that is not, an observation that root did not see it."""
    found = []
    for surface in surfaces:
        path = str(scene.installation.expanded(surface.path))
        try:
            found.append(Found(surface.name, surface, "laid", path, state_of(path, content_too=False)))
        except OSError:
            scene.note("state", surface.name, errno="ENOENT", path=path)
    return found


def opened(found: Sequence[Found], moment: str = "first") -> list[Found]:
    """A copy of each as it is now, with its mode, owner and attributes, below parents that everybody may enter."""
    copies = [(one, open_copy(one.path, one.state, f"{moment}/{number}")) for number, one in enumerate(found)]
    return [Found(one.name, one.surface, "opened", path, state_of(path, content_too=False)) for one, path in copies]


def open_copy(source: str, state: Mapping[str, Any], place: str) -> str:
    """A copy of one object in a folder of its own that everybody may enter; its path."""
    folder = Path(OPENED)
    for part in ("", *place.split("/")):
        folder /= part
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)
    path = str(folder / os.path.basename(source))
    _copy(source, state, path)
    return path


def _copy(source: str, state: Mapping[str, Any], path: str) -> None:
    kind = state["kind"]
    if kind == "directory":
        Path(path).mkdir()
        Path(path, "inside").write_bytes(b"")
    elif kind == "file":
        shutil.copyfile(source, path, follow_symlinks=False)
    elif kind == "socket":
        Path(path).touch()
        kernel.mount(source, path, None, kernel.MS_BIND)
        return  # the very same inode
    else:
        raise CaseProblem(f"{source} is a {kind}")
    os.chown(path, state["uid"], state["gid"])
    for name in os.listxattr(source, follow_symlinks=False):
        os.setxattr(path, name, os.getxattr(source, name))
    os.chmod(path, int(state["mode"], 8))


def note_states(scene: Scene, found: Iterable[Found], step: str) -> None:
    """What root sees of each surface; its identity must not change: kind, inode, mode, owner, a canary's digest."""
    for one in found:
        try:
            state = state_of(one.path, content_too=one.surface.kind == "file")
        except OSError as error:
            scene.emit(
                "state",
                one.name,
                account="root",
                vantage="harness",
                step=step,
                layout=one.layout,
                errno=os.strerror(error.errno or 0),
                seen={"path": one.path},
            )
            continue
        kept = ("kind", "inode", "mode", "uid", "gid") + (("sha256",) if _is_canary(scene, one) else ())
        scene.emit(
            "state",
            one.name,
            account="root",
            vantage="harness",
            step=step,
            layout=one.layout,
            errno="OK",
            seen={**state, "path": one.path, "identity": [state.get(key) for key in kept]},
        )


def _is_canary(scene: Scene, one: Found) -> bool:
    return any(step.kind == "canary" and step.path == one.surface.path for step in scene.target.install)


def attempts(scene: Scene, found: Iterable[Found], account: str, only: Sequence[str] | None = None) -> list[Attempt]:
    """Everything that the table names for each surface, with the arguments that each operation takes."""
    points = mounts.mount_points()
    return [
        Attempt(operation, one.name, one.layout, one.path, _arguments(one, operation, account, mount))
        for one, mount in ((one, mount_of(one.path, points)) for one in found)
        for operation in operations(scene, one)
        if only is None or operation in only
    ]


def again(
    scene: Scene, found: Sequence[Found], moment: str, only: Sequence[str], do: Callable[[str, Sequence[Found]], None]
) -> None:
    """Every account reaches once more, in both layouts; before it root does, and before and after it root looks.

    ``moment`` says what has happened, in the names of the steps; ``do`` has an account make its attempts.
    """
    everywhere = [*found, *opened(found, moment)]
    note_states(scene, everywhere, f"before-{moment}")
    as_root(scene, attempts(scene, everywhere, scene.accounts[0], only), f"before-{moment}")
    for account in scene.accounts:
        do(account, [one for one in everywhere if one.surface.owner != account])
    note_states(scene, everywhere, f"after-{moment}")


def operations(scene: Scene, one: Found) -> list[str]:
    """The operations that the table tries on a surface of this class, kind and role."""
    table = scene.tables["errnos"]
    policy = table["surfaces"][one.surface.class_][one.surface.kind]
    named = [name for column in ("denied", "allowed", "either") for name in policy[column]]
    named += [
        name for column in table["roles"].get(one.surface.role, {}).values() for name in column if name not in named
    ]
    runs = int(one.state["mode"], 8) & 0o111
    return [name for name in named if name != "execute" or runs]


def _arguments(one: Found, operation: str, account: str, mount: str) -> dict[str, Any]:
    own = f"{OWN if mount == '/' else OWN_ON_RUN}/{account}"  # on the same mount
    mode = int(one.state["mode"], 8)
    builders: dict[str, dict[str, Any]] = {
        "remove": {"kind": one.state["kind"]},
        "rename": {"onto": f"{own}/onto"},
        "symlink-read": {"into": own},
        "bind": {"into": own},
        "chmod": {"mode": mode},
        "chown": {"uid": one.state["uid"], "gid": one.state["gid"]},
        "acl": {"mode": mode},
    }
    if operation == "link":
        protected = protected_hardlinks()
        into = own if protected else os.path.dirname(one.path)
        return {"into": into, "note": {"protected_hardlinks": protected}}
    if operation == "handle":
        return {"handle": _handle(one.path), "mount": mount}
    return builders.get(operation, {})


def _handle(path: str) -> str:
    try:
        return make_handle(path)
    except OSError:
        return "0:"


def protected_hardlinks() -> bool:
    """Whether the kernel lets an account link only to what it may write."""
    return Path("/proc/sys/fs/protected_hardlinks").read_text().strip() == "1"


def mount_of(path: str, points: Iterable[str]) -> str:
    """The mount point, of those that there are, that a path lies below."""
    above = (point for point in points if path == point or path.startswith(point + "/"))
    return max(above, key=len, default="/")


def lay_own(scene: Scene) -> None:
    """A directory of each account's own on each mount that surfaces lie on, and in it what renames aim at."""
    for place in (OWN, OWN_ON_RUN):
        Path(place).mkdir()
        Path(place).chmod(0o755)
        for account in scene.accounts:
            ids = scene.ids(account)
            onto = Path(place, account, "onto")
            onto.mkdir(parents=True)
            (onto / "keep").touch()
            for path in (onto.parent, onto, onto / "keep"):
                os.chown(path, ids["uid"], ids["gid"])
            onto.parent.chmod(0o777)  # a probe that is not who it should be meets the wall, not this directory
