"""Cases ``lock-records`` and ``lock-tiers``: spoiled records, code that moved, a new build; and no tier left."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from wallbite.cases.code.changing import (
    LOWERED,
    UNGRANTED,
    WITHIN,
    Listener,
    Subject,
    change,
    document,
    lay_subjects,
    lock,
    place_of,
    run_all,
    take_up,
    terms_of,
)
from wallbite.cases.scene import CaseProblem, Scene
from wallbite.installation.command import run_bounded
from wallbite.installation.document import Plain, with_value
from wallbite.installation.gateway import Gateway
from wallbite.postures import ENFORCING
from wallbite.stages import seccomp

HEX: Final = re.compile(rb"[0-9a-fA-F]{32,}")
AT_START: Final = ("truncated", "missing")  # what a gateway meets when it starts; the others come while it runs
FAILS: Final = "code-fails"


def plan(postures: Sequence[str]) -> Iterator[dict[str, Any]]:
    """One case of each for each enforcing posture."""
    for posture in postures:
        if posture in ENFORCING:
            for kind in ("lock-records", "lock-tiers"):
                yield {"case": f"{kind}@{posture}", "kind": kind, "posture": posture, "params": {}}


def run_records(scene: Scene) -> None:
    """Lock, change, lock again, move: then the gateway meets the records whole, spoiled in each way, and gone."""
    subject, moved = Subject("code-locked", scene.accounts[0], "entrypoint"), Subject("code-moved", scene.accounts[0])
    scene.lay_down(document(scene, [subject, moved]), plugins=())
    lay_subjects(scene, [subject, moved])
    listener, path = Listener(), Path(str(scene.installation.expanded(terms_of(scene).records)))
    lock(scene, [subject.name, moved.name], "at-first")
    earlier = path.read_bytes()
    change(scene, [subject])
    lock(scene, [subject.name], "again")
    moves = bool(terms_of(scene).elsewhere)
    if moves:
        place = str(scene.installation.expanded(terms_of(scene).elsewhere, plugin=moved.name))
        place_of(scene, moved.name).rename(place)
    gateway = scene.gateway()
    scene.boot(gateway)
    run_all(scene, gateway, listener, [subject, moved], "whole")
    if moves:
        lock(scene, [moved.name], "moved", gateway)
        run_all(scene, gateway, listener, [moved], "locked-there")
    whole = path.read_bytes()
    for name, data in spoiled(scene, earlier, whole).items():
        replace(path, data)
        with_records(scene, gateway, listener, subject, name)
    gateway.kill()
    replace(path, whole)
    rebuild(scene, listener, subject)


def spoiled(scene: Scene, earlier: bytes, whole: bytes) -> dict[str, bytes | None]:
    """The records as nobody locked them, by what was done to them; None: there is no file."""
    found: dict[str, bytes | None] = {"earlier": earlier, "truncated": whole[: len(whole) // 2], "missing": None}
    now, then = HEX.findall(whole), HEX.findall(earlier)
    differing = [(old, new) for old, new in zip(then, now, strict=False) if old != new]
    if len(differing) > 1:  # the bytes of today under the seal of yesterday
        found["forged"] = earlier.replace(*differing[0])
    if now:
        found["damaged"] = HEX.sub(lambda one: one[0][:-1] + (b"0" if one[0][-1:] != b"0" else b"1"), whole)
    if terms_of(scene).older:
        older = json.loads(whole)
        for key, value in terms_of(scene).older.items():
            older = with_value(older, key, value)
        found["older-schema"] = json.dumps(older).encode()
    return found


def replace(path: Path, data: bytes | None) -> None:
    """Give the records another content; owner and mode stay."""
    if data is None:
        path.unlink()
        return
    if not path.exists():
        path.touch(0o600)
        found = path.parent.stat()
        os.chown(path, found.st_uid, found.st_gid)
    path.write_bytes(data)


def with_records(scene: Scene, gateway: Gateway, listener: Listener, subject: Subject, moment: str) -> None:
    """Have the gateway take these records up, or start with them, and run it. Not to start is an answer too."""
    if moment in AT_START:
        gateway.kill()
    try:
        take_up(scene, gateway)
    except CaseProblem as problem:
        scene.note("no-boot", moment, problem=str(problem))
    else:
        run_all(scene, gateway, listener, [subject], moment)


def rebuild(scene: Scene, listener: Listener, subject: Subject) -> None:
    """Another build: each installed file of the gateway's is a new one, and one of them says another version."""
    build = terms_of(scene).build
    if build is None:
        return
    before = version(scene)
    for step in scene.target.install:
        if step.kind == "copy":
            for path in [each for each in Path(step.path).rglob("*") if each.is_file() and each.suffix != ".pyc"]:
                renew(path, *((build.text, build.becomes) if str(path) == build.file else ("", "")))
    renew(Path(str(scene.installation.values["program"])))
    scene.note(
        "build", "gateway", errno="OK" if version(scene) != before else "EINVAL", before=before, after=version(scene)
    )
    gateway = scene.gateway()
    scene.boot(gateway)
    run_all(scene, gateway, listener, [subject], "rebuilt")
    gateway.kill()


def renew(path: Path, text: str = "", becomes: str = "") -> None:
    """The same file anew, with its owner, mode and attributes; where text is replaced, bytecode of it goes."""
    before, data = path.stat(), path.read_bytes()
    beside = path.with_name(f"{path.name}.new")
    beside.write_bytes(data.replace(text.encode(), becomes.encode()) if text else data)
    os.chown(beside, before.st_uid, before.st_gid)
    beside.chmod(before.st_mode & 0o7777)
    for name in os.listxattr(path):
        os.setxattr(beside, name, os.getxattr(path, name))
    beside.rename(path)
    for old in (path.parent / "__pycache__").glob(f"{path.stem}.*.pyc") if text else ():
        old.unlink()


def version(scene: Scene) -> str:
    """What the gateway says of its version."""
    argv = [str(one) for one in scene.installation.expanded(list(scene.target.gateway.version))]
    return run_bounded(argv, WITHIN)[1].strip() if argv else ""


# No tier to lower to.


def run_tiers(scene: Scene) -> None:
    """Changed code where there is no ``untrusted``, where there is no ``default``, and under the override."""
    first, doomed = scene.accounts[:2]
    same, changed, fails = (
        Subject("code-same", first),
        Subject("code-changed", first, "entrypoint"),
        Subject(FAILS, first),
    )
    free, dropped = Subject("code-free", "", "entrypoint"), Subject("code-doomed", doomed)
    subjects, listener = [same, changed, fails, free, dropped], Listener()
    full = document(scene, subjects)
    scene.lay_down(full, plugins=())
    lay_subjects(scene, subjects)
    place_of(scene, fails.name).joinpath("entry").write_bytes(b"#!/bin/sh\nexit 7\n")
    lock(scene, [one.name for one in subjects], "at-first")
    change(scene, subjects)
    assert scene.target.gate is not None
    accounts, grant = scene.target.gate.accounts, scene.target.gate.grant.rpartition(".")[2]
    if LOWERED in scene.accounts:
        lacking = regranted(with_value(full, f"{accounts}.{LOWERED}", None), grant, LOWERED, first)
        deny = seccomp.deny_uid(scene.identities.uid(doomed))
        boot_with(scene, listener, lacking, [same, changed, fails, dropped], "no-tier", deny)
    if UNGRANTED in scene.accounts:
        lacking = regranted(with_value(full, f"{accounts}.{UNGRANTED}", None), grant, UNGRANTED, first)
        boot_with(scene, listener, lacking, [same, free], "no-default")
    if scene.target.gate.override:
        boot_with(
            scene, listener, with_value(full, scene.target.gate.override, Plain("true")), [same, changed], "override"
        )


def boot_with(
    scene: Scene, listener: Listener, text: dict[str, Any], subjects: Sequence[Subject], moment: str, deny: Any = None
) -> None:
    """Start the gateway with a configuration, run these, and end it."""
    scene.installation.write_config(text)
    gateway: Gateway = scene.gateway(deny=deny)
    scene.boot(gateway)
    run_all(scene, gateway, listener, subjects, moment)
    gateway.kill()


def regranted(value: Any, key: str, name: str, other: str) -> Any:
    """A configuration in which what was granted to one account is granted to another."""
    if isinstance(value, dict):
        return {k: other if k == key and v == name else regranted(v, key, name, other) for k, v in value.items()}
    return value
