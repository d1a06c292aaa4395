"""What a plugin's code leads to and is closed: whoever copies code to run it must not open that in the copy."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from wallbite.cases.code.changing import OUTSIDE, Subject, ask_for, outcome, place_of
from wallbite.cases.scene import Scene
from wallbite.installation.gateway import Gateway
from wallbite.installation.identities import GATEWAY
from wallbite.probing.plan import Attempt
from wallbite.probing.plan import plan as plan_of
from wallbite.probing.run_here import run_plan
from wallbite.stages.dropped import as_identity

CLOSED: Final = ("file", "directory")  # what keeps others out: the file's own mode, or that of the directory it lies in
LARGEST: Final = 1 << 20  # bytes of a file that is looked into


def subjects(account: str) -> list[Subject]:
    """A plugin for each; the link is added to its code when it was locked."""
    return [Subject(f"code-leads-{kind}", account) for kind in CLOSED]


def run(scene: Scene, gateway: Gateway, account: str) -> None:
    """Add the link, have it run, and see who can read what it leads to wherever the gateway keeps anything."""
    for kind, subject in zip(CLOSED, subjects(account), strict=True):
        value = secrets.token_hex(24).encode()
        file = plant(scene, kind, value)
        note_control(scene, kind, file)
        (place_of(scene, subject.name) / "lib/leads").symlink_to(file)
        begun = ask_for(scene, gateway, subject)
        end = outcome(scene, begun)
        copies = sorted(path for path in kept(scene) if holds(path, value))
        tried = [(name, path, code) for name in scene.accounts for path, code in read_as(scene, name, copies)]
        opened = [[name, path] for name, path, code in tried if not code]
        odd = sorted({code for _, _, code in tried} - {"", "EACCES"})
        seen = {"copies": len(copies), "opened": opened, "odd": odd, "problem": begun["problem"]}
        scene.note("copied", kind, errno="OK", **seen, **end)


def plant(scene: Scene, kind: str, value: bytes) -> str:
    """A file of the gateway's own that nobody else can read."""
    place, ids = Path(OUTSIDE, f"closed-{kind}"), scene.gateway_ids
    place.mkdir()
    file = place / "value"
    file.write_bytes(value)
    for path, mode in ((file, 0o600 if kind == "file" else 0o644), (place, 0o755 if kind == "file" else 0o700)):
        os.chown(path, ids["uid"], ids["gid"])
        path.chmod(mode)
    return str(file)


def note_control(scene: Scene, kind: str, file: str) -> None:
    """The gateway's own user reads it, and the accounts do not."""
    owner = [code for _, code in read_as(scene, GATEWAY, [file])]
    others = sorted({code for name in scene.accounts for _, code in read_as(scene, name, [file])})
    sound = owner == [""] and others == ["EACCES"]
    scene.note("closed", kind, errno="OK" if sound else "EINVAL", owner=owner, others=others)


def read_as(scene: Scene, name: str, paths: Sequence[str]) -> list[tuple[str, str]]:
    """Each path with the errno of reading it as an identity; empty where it can be read."""
    tries = [Attempt("read", path, path=path) for path in paths]

    def attempt() -> list[list[Any]]:
        return [[one.errno] for one in run_plan(plan_of("0", tries)).results]

    ids = scene.gateway_ids if name == GATEWAY else scene.ids(name)
    found = as_identity(ids["uid"], ids["gid"], (ids["gid"],), attempt) if tries else []
    return [(path, "" if code == "OK" else code) for path, (code,) in zip(paths, found, strict=True)]


def kept(scene: Scene) -> Iterator[str]:
    """Every file in a directory of the gateway's."""
    tops = {
        *(step.path for step in scene.target.install if step.kind == "directory" and step.owner == GATEWAY),
        *(str(scene.installation.expanded(one.path)) for one in scene.target.surfaces
          if one.kind == "directory" and one.class_ in ("gateway", "parent")),
    }  # fmt: skip
    folders = [(folder, name) for top in tops for folder, _, files in os.walk(top) for name in files]
    yield from {os.path.join(folder, name) for folder, name in folders}


def holds(path: str, value: bytes) -> bool:
    """Whether a regular file begins with bytes among which these are; what has gone meanwhile holds nothing."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ELOOP, errno.ENXIO):
            raise
        return False
    with open(descriptor, "rb") as file:
        return stat.S_ISREG(os.fstat(descriptor).st_mode) and value in file.read(LARGEST)
