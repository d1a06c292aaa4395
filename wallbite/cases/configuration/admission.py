"""Cases ``writable`` and ``sealed``: whether the configuration is what its owner wrote, at a start and at a reload."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from wallbite.cases.configuration.documents import told_to_reload
from wallbite.cases.gate.boots import gate_plugins
from wallbite.cases.scene import CaseProblem, Scene
from wallbite.installation.command import run_bounded
from wallbite.installation.document import Plain, with_value
from wallbite.installation.gateway import TAIL, Gateway
from wallbite.installation.identities import GATEWAY
from wallbite.postures import representative
from wallbite.stages import acl

WITHIN: Final = 10.0
READABLE: Final = "readable"  # a configuration that others may read: tightened, not refused
BOOTED: Final = ("file-acl", "include-world", "directory-owner", "above-world")  # the others are given to a reload only

Change = Callable[[], None]


def plan(postures: Sequence[str]) -> Iterator[dict[str, Any]]:
    """One case of each, in one posture."""
    if posture := representative(postures):
        for kind in ("writable", "sealed"):
            yield {"case": f"{kind}@{posture}", "kind": kind, "posture": posture, "params": {}}


def run_writable(scene: Scene) -> None:
    """The configuration and what leads to it, made writable in one way after the other."""
    gateway = running(scene, whole(scene))
    everything = ways(scene)
    for name, (path, change) in everything.items():
        if not gateway.alive:
            gateway = running(scene)
        before = os.lstat(path)
        change()
        seen, text = told_to_reload(gateway)
        note_way(scene, name, path, "reload", seen, text)
        if name != READABLE and not seen["refused"]:
            gateway.kill()
        back(path, before)
    gateway.kill()
    for name in (READABLE, *BOOTED):
        if name in everything:
            path, change = everything[name]
            before = os.lstat(path)
            change()
            other, ended = start(scene, None)
            seen = {"accepted": ended == "ready", "refused": other.says("refused"), "problem": "", "tail": other.tail()}
            other.kill()
            note_way(scene, name, path, "boot", seen, other.printed())
            back(path, before)


def note_way(scene: Scene, name: str, path: str, reader: str, seen: Mapping[str, Any], text: str) -> None:
    """What a reader made of a configuration that somebody else can write."""
    mode = f"{os.lstat(path).st_mode & 0o7777:04o}"
    scene.note("writable", name, reader=reader, path=path, named=path in text, mode_after=mode, **seen)


def running(scene: Scene, document: Mapping[str, Any] | None = None) -> Gateway:
    """A gateway on the sound configuration.

    Raises:
        CaseProblem: it does not come up.
    """
    gateway, ended = start(scene, document)
    if ended != "ready":
        raise CaseProblem(f"the sound configuration does not come up: {gateway.tail()}")
    return gateway


def whole(scene: Scene) -> dict[str, Any]:
    """The whole configuration, laid down with the plugins of the small one alone: a start of it is then a cheap one."""
    scene.lay_down(plugins=gate_plugins(scene.target))
    return scene.installation.config_document()


def start(scene: Scene, document: Mapping[str, Any] | None) -> tuple[Gateway, str]:
    """Start it. Without a document the configuration stays as it lies."""
    if document is not None:
        scene.installation.write_config(document)
    gateway = scene.gateway(burdened=False, ready=scene.target.gate.ready if scene.target.gate else None)
    gateway.start()
    return gateway, gateway.wait(WITHIN)


def back(path: str, before: os.stat_result) -> None:
    """Give a path its mode and owner back, and no access list."""
    acl.drop(path)
    os.chown(path, before.st_uid, before.st_gid)
    os.chmod(path, before.st_mode & 0o7777)


def ways(scene: Scene) -> dict[str, tuple[str, Change]]:
    """Each way in which somebody else can write the configuration: what is changed, and how."""
    config = scene.target.config
    assert config is not None
    account = scene.identities.uid(scene.accounts[0])
    file, directory = config.main.path, os.path.dirname(config.main.path)
    above = os.path.dirname(directory)
    found: dict[str, tuple[str, Change]] = {READABLE: (file, lambda: os.chmod(file, 0o644))}
    for name, path, mode in (("file", file, 0o600), ("directory", directory, 0o700), ("above", above, 0o755)):
        if path != "/":
            found |= _ways(name, path, mode, account)
    for part in config.parts[:1]:
        found |= _ways("include", part.path, 0o600, account)
        if os.path.dirname(part.path) != directory:
            found |= _ways("include-directory", os.path.dirname(part.path), 0o700, account)
    return found


def _ways(name: str, path: str, mode: int, account: int) -> dict[str, tuple[str, Change]]:
    def for_group() -> None:
        os.chown(path, -1, account)
        os.chmod(path, mode | 0o070 if os.path.isdir(path) else mode | 0o020)

    def for_owner() -> None:  # readable, so that nothing but the owner is wrong
        os.chown(path, account, -1)
        os.chmod(path, mode | 0o055 if os.path.isdir(path) else mode | 0o044)

    bits = 0o007 if os.path.isdir(path) else 0o002
    # Others may add files here, and an include that is not there yet is one; further up they may not.
    sticky = {f"{name}-sticky": (path, lambda: os.chmod(path, mode | 0o1007))} if name.endswith("directory") else {}
    return sticky | {
        f"{name}-world": (path, lambda: os.chmod(path, mode | bits)),
        f"{name}-group": (path, for_group),
        f"{name}-owner": (path, for_owner),
        f"{name}-acl": (path, lambda: acl.grant(path, account, 0o7)),
    }


def run_sealed(scene: Scene) -> None:
    """Unsealed, sealed, changed in several ways, and sealed again."""
    gate, verb = scene.target.gate, scene.target.gateway.seal
    assert gate is not None
    if not gate.admission or not verb:
        raise CaseProblem("the descriptor names no gate.admission, or no gateway.seal")
    document = with_value(whole(scene), gate.admission, Plain("true"))
    note_start(scene, "unsealed", document)
    scene.note("seal", scene.accounts[0], **sealed(scene, scene.accounts[0]))
    scene.note("seal", GATEWAY, **sealed(scene, GATEWAY))
    gateway, ended = start(scene, document)
    scene.note("sealed", "as-sealed", reader="boot", **outcome(gateway, ended))
    for name, change in changes(scene, document).items():
        change()
        if gateway.alive:
            seen, text = told_to_reload(gateway)
            pattern = scene.target.gateway.pattern("unsealed")
            says = bool(pattern and pattern.search(text))
            scene.note("sealed", name, reader="reload", says=says, **seen)
        restore(scene, document)
    if gateway.alive:
        seen, _ = told_to_reload(gateway)
        scene.note("sealed", "as-sealed", reader="reload", says=False, **seen)
    gateway.kill()
    for name, change in changes(scene, document).items():
        change()
        note_start(scene, name, None)
        restore(scene, document)


def note_start(scene: Scene, name: str, document: Mapping[str, Any] | None) -> None:
    """What a start comes to."""
    gateway, ended = start(scene, document)
    scene.note("sealed", name, reader="boot", **outcome(gateway, ended))


def outcome(gateway: Gateway, ended: str) -> dict[str, Any]:
    """What became of a start; the gateway runs on where it came up as it should, and a wrong one is the next to go."""
    return {
        "accepted": ended == "ready",
        "refused": gateway.says("refused"),
        "says": gateway.says("unsealed"),
        "ended": not gateway.alive,
        "problem": "" if ended != "timeout" else "it neither came up nor ended",
        "tail": gateway.tail(),
    }


def changes(scene: Scene, document: Mapping[str, Any]) -> dict[str, Change]:
    """Each way in which the configuration is no longer what was sealed."""
    config, gate = scene.target.config, scene.target.gate
    assert config is not None
    assert gate is not None
    found: dict[str, Change] = {
        "changed": lambda: _append(config.main.path, "# a word more\n"),
        "switched-off": lambda: scene.installation.write_config(with_value(document, gate.admission, Plain("false"))),
    }
    if config.parts:
        part = config.parts[0].path
        found["include-changed"] = lambda: _append(part, "# a word more\n")
    return found


def _append(path: str, text: str) -> None:
    with open(path, "a", encoding="utf-8") as file:
        file.write(text)


def restore(scene: Scene, document: Mapping[str, Any]) -> None:
    """The configuration as it was sealed, to the byte."""
    config = scene.target.config
    assert config is not None
    scene.installation.write_config(document)
    for part in config.parts[:1]:
        with open(part.path, encoding="utf-8") as file:
            text = file.read()
        with open(part.path, "w", encoding="utf-8") as file:
            file.write(text.removesuffix("# a word more\n"))


def sealed(scene: Scene, account: str) -> dict[str, Any]:
    """The seal verb, run by an account or by the gateway's own user."""
    argv = [str(part) for part in scene.installation.expanded(list(scene.target.gateway.seal))]
    if account != GATEWAY:  # who may not execute the program still has an interpreter of its own
        argv[0] = scene.installation.interpreter
    uid, gid = scene.identities.uid(account), scene.identities.gid(account)
    code, said = 0, ""
    with suppress(TimeoutError):
        code, said = run_bounded(
            argv, WITHIN, user=uid, group=gid, extra_groups=[], umask=0o022, cwd="/", env={"PATH": "/usr/bin:/bin"}
        )
    return {"exit": code, "tail": said[-TAIL:].strip()}
