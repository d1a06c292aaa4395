"""Plugins whose code changes: how they are laid down, configured, changed and locked, and who they then run as."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from wallbite.cases.asking import who_runs
from wallbite.cases.scene import CaseProblem, Scene
from wallbite.cases.spawning import Errand
from wallbite.cases.walls.events import signalled
from wallbite.installation.document import with_value
from wallbite.installation.gateway import Gateway
from wallbite.installation.talk import ask, job_state, pick
from wallbite.probing import carriers
from wallbite.probing.shapes import AnswerProblem
from wallbite.probing.storm import parse_storm
from wallbite.target import Fingerprints

OUTSIDE: Final = "/opt/wallbite-fingerprints"  # interpreters, and what links lead to: below no plugin's directory
LOWERED: Final = "untrusted"  # the tier of what lost its grant
UNGRANTED: Final = "default"  # the tier of what has none
FOUND: Final = "interpreter-by-env"  # named by its name alone, and found on the gateway's PATH
WITHIN: Final = 10.0
MANY: Final = 100_000  # letters
MOMENT: Final = 1.0  # seconds that a letter may take after its job has ended


@dataclass(frozen=True)
class Subject:
    """One plugin: its name, what it is granted (empty: nothing), and the change that its code will see (or none).

    Attributes:
        principal: whether it holds one.
        program: ``storm``, or ``plugin``, which imports a module that lies beside it.
    """

    name: str
    account: str
    change: str = ""
    principal: bool = False
    program: carriers.CarrierProgram = "storm"


@dataclass
class Listener:
    """What was heard so far: the names of the letters in the inbox."""

    seen: set[str] = field(default_factory=set)

    def news(self, scene: Scene, awaited: int) -> dict[str, list[dict[str, Any]]]:
        """Who wrote since the last time, by plugin; so many are waited for, a moment, since their jobs did not fail."""
        found: dict[str, list[dict[str, Any]]] = {}
        scene.inbox.await_storm(len(self.seen) + awaited, time.monotonic() + MOMENT)
        for name, owner, data in scene.inbox.await_storm(MANY, 0.0):
            if name not in self.seen:
                self.seen.add(name)
                try:
                    who = parse_storm(data, owner)
                except AnswerProblem:
                    continue
                caps = [each for key, each in who["caps"].items() if key != "bounding"]
                ids = {"uids": [*who["uids"], owner], "gids": who["gids"], "groups": who["groups"], "caps": caps}
                found.setdefault(str(who["plugin"]), []).append(ids)
        return found


def terms_of(scene: Scene) -> Fingerprints:
    """The descriptor's section."""
    assert scene.target.fingerprints is not None
    return scene.target.fingerprints


def place_of(scene: Scene, name: str) -> Path:
    """Where a plugin's code lies."""
    return Path(str(scene.installation.expanded(terms_of(scene).code, plugin=name)))


# Laying down.


def lay_subjects(scene: Scene, subjects: Iterable[Subject]) -> None:
    """Their code, root's and readable by all: a program, a module, a shared object, and what their change needs."""
    os.umask(0o022)
    Path(OUTSIDE).mkdir(exist_ok=True)
    if terms_of(scene).elsewhere:
        Path(str(scene.installation.expanded(terms_of(scene).elsewhere, plugin=""))).mkdir(parents=True, exist_ok=True)
    for subject in subjects:
        root = place_of(scene, subject.name)
        carriers.lay_down(subject.program, root, subject.name, scene.installation.interpreter)
        (root / "lib/__pycache__").mkdir(parents=True)
        for name, data in (("module.py", b"ANSWER = 1\n"), ("native.so", b"\x7fELF 1"), ("__pycache__/m.pyc", b"1")):
            (root / "lib" / name).write_bytes(data)
        if subject.change == "link":
            Path(OUTSIDE, subject.name).write_bytes(b"led to 1")
            (root / "lib/link").symlink_to(f"{OUTSIDE}/{subject.name}")
        elif subject.change in ("interpreter", FOUND):
            own = Path(OUTSIDE, subject.name)
            own.write_bytes(Path("/bin/sh").read_bytes())
            own.chmod(0o755)
            line, entry = f"#!/usr/bin/env {own.name}\n" if subject.change == FOUND else f"#!{own}\n", root / "entry"
            entry.write_bytes(entry.read_bytes().replace(b"#!/bin/sh\n", line.encode(), 1))
            scene.installation.search = OUTSIDE


def document(scene: Scene, subjects: Iterable[Subject]) -> dict[str, Any]:
    """The target's own configuration, with verification turned on and the subjects in it."""
    terms, gate = terms_of(scene), scene.target.gate
    assert gate is not None
    found = scene.installation.config_document()
    for key, value in scene.installation.expanded(dict(terms.switch)).items():
        found = with_value(found, key, value)
    place, _, grant = gate.grant.rpartition(".")
    top = place.rpartition(".")[0]
    for subject in subjects:
        entry = {**terms.entry, **(terms.principal if subject.principal else {})}
        found = with_value(found, f"{top}.{subject.name}", {})
        for key, value in scene.installation.expanded(entry, plugin=subject.name).items():
            found = with_value(found, f"{top}.{subject.name}.{key}", value)
        if subject.account:
            found = with_value(found, f"{top}.{subject.name}.{grant}", subject.account)
    return found


def stock(scene: Scene, account: str) -> str:
    """The target's own plugin that carries the probe for an account."""
    assert scene.target.spawn is not None
    return str(scene.installation.expanded(scene.target.spawn.plugin, account=account))


# Changing. What can be hidden is: size and time of modification stay, as who owns a file can make them.


def _in_place(path: Path, old: bytes, new: bytes) -> None:
    before, data = path.stat(), path.read_bytes()
    if data.count(old) == 0 or len(old) != len(new):
        raise CaseProblem(f"{path} has nothing to change")
    at = data.rindex(old)
    with path.open("r+b") as file:
        file.seek(at)
        file.write(new)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def _flip(path: Path) -> None:
    last = path.read_bytes()[-1:]
    _in_place(path, last, bytes([last[0] ^ 1]))


def _rewrite(path: Path) -> None:
    """The same bytes in a new file, made now."""
    beside = path.with_name("beside")
    beside.write_bytes(path.read_bytes())
    beside.chmod(path.stat().st_mode)
    beside.rename(path)


CHANGES: Final[Mapping[str, Callable[[Path], object]]] = {
    "manifest": lambda root: _in_place(root / "manifest.yaml", b"reach", b"REACH"),
    "entrypoint": lambda root: _in_place(root / "entry", b"lightest", b"LIGHTEST"),
    "interpreter": lambda root: _flip(Path(OUTSIDE, root.name)),
    FOUND: lambda root: _flip(Path(OUTSIDE, root.name)),
    "module": lambda root: _in_place(root / "lib/module.py", b"1", b"2"),
    "bytecode": lambda root: _flip(root / "lib/__pycache__/m.pyc"),
    "shared-object": lambda root: _flip(root / "lib/native.so"),
    "link": lambda root: _flip(Path(OUTSIDE, root.name)),
    "execute-bit": lambda root: (root / "lib/native.so").chmod(0o645),
    "added": lambda root: (root / "lib/added.py").write_bytes(b""),
    "removed": lambda root: (root / "lib/module.py").unlink(),
    "renamed": lambda root: (root / "lib/native.so").rename(root / "lib/other.so"),
}
UNCHANGED: Final = "rewritten"  # a new file with the same bytes is no change


def change(scene: Scene, subjects: Iterable[Subject]) -> None:
    """Do to each what its change is."""
    for subject in subjects:
        root = place_of(scene, subject.name)
        if subject.change == UNCHANGED:
            for name in ("entry", "manifest.yaml", "lib/module.py"):
                _rewrite(root / name)
        elif subject.change:
            CHANGES[subject.change](root)


# Locking.


def lock(scene: Scene, names: Sequence[str], moment: str, gateway: Gateway | None = None) -> None:
    """Have the gateway's own user lock these; a gateway that runs takes it up.

    Raises:
        CaseProblem: it could not, and so nothing that follows would say anything.
    """
    for argv in lock_commands(scene, names):
        verb = scene.verb()
        verb.start(argv)
        ended = verb.wait_end(WITHIN)
        verb.kill()
        if not ended or verb.exit_status:
            raise CaseProblem(f"the gateway's own user could not lock: {verb.exit_status}: {verb.tail()}")
    scene.note("locked", moment, errno="OK", plugins=list(names))
    if gateway is not None:
        take_up(scene, gateway)


def take_up(scene: Scene, gateway: Gateway) -> None:
    """Have a gateway take up what the records hold now, in the way that it does; one that has ended is started."""
    action, takes = scene.target.gateway.reload, terms_of(scene).takes
    if not gateway.alive or takes == "start":
        gateway.kill()
        scene.boot(gateway)
    elif takes == "reload":
        signalled(gateway, action.signal if action else "", ("reload-accepted", "reload-refused"))


def lock_commands(scene: Scene, names: Sequence[str], **values: Any) -> list[list[str]]:
    """The command for all of them, or one for each."""
    words = terms_of(scene).lock
    if "{plugins}" not in words:
        return [[str(one) for one in scene.installation.expanded(list(words), plugin=name, **values)] for name in names]
    at = words.index("{plugins}")
    before, after = ([str(one) for one in scene.installation.expanded(list(part), **values)]
                     for part in (words[:at], words[at + 1 :]))  # fmt: skip
    return [[*before, *names, *after]]


# Asking.


def run_all(
    scene: Scene, gateway: Gateway, listener: Listener, subjects: Sequence[Subject], moment: str, **more: Any
) -> None:
    """Have each run once, all at once; what came of it, as the gateway says, and who ran, as the kernel does."""
    asked = [(subject, counted(gateway, subject), ask_for(scene, gateway, subject)) for subject in subjects]
    told = [(subject, before, {**begun, **outcome(scene, begun)}) for subject, before, begun in asked]
    silent = [one for one, _, seen in told if one.program == "storm" and seen["finished"] and not seen["error"]]
    ran = listener.news(scene, len(silent))
    for subject, before, seen in told:
        said = {name: count - before[name] for name, count in counted(gateway, subject).items()}
        who = seen.pop("ran", None) or ran.get(subject.name, [])
        ids = {"expected": scene.ids(subject.account or UNGRANTED), "lowered": scene.ids(LOWERED)}
        found = {
            "change": subject.change,
            **seen,
            "ran": who,
            "said": said,
            **ids,
            "gateway": scene.gateway_ids,
            **more,
        }
        scene.emit("code", subject.name, account=subject.account, vantage="harness", step=moment, seen=found)


def counted(gateway: Gateway, subject: Subject) -> dict[str, int]:
    """How often the gateway has said of a plugin that it was downgraded, and that it was refused for what it holds."""
    words = {"plugin": subject.name, "from": subject.account or UNGRANTED, "to": LOWERED}
    return {
        name: gateway.told(name, **words)
        for name in ("downgraded", "code-refused")
    }  # fmt: skip


def ask_for(scene: Scene, gateway: Gateway, subject: Subject) -> dict[str, Any]:
    """Ask for a run; the job's name, or why there is none. A probe is waited for, since its plan is its own."""
    terms = scene.target.spawn
    assert terms is not None
    assert terms.request is not None
    if subject.program == "plugin":
        who = who_runs(scene, gateway, Errand(subject.account, f"code-{subject.name}"), subject.name)
        problem = who.pop("problem")
        return {"job": "", "problem": problem, "ran": [who] if who["uids"] else []}
    values = {"account": subject.account, "command": terms.command, "plugin": subject.name, "plan": ""}
    try:
        reply = ask(scene.installation, terms.request, values)
    except OSError as error:
        return {"job": "", "problem": f"nobody took the request: {error}"}
    job = str(pick(reply.body, terms.request.job) or "")
    return {"job": job, "problem": "" if job else f"the request was answered {reply.status}: {reply.body}"}


def outcome(scene: Scene, begun: Mapping[str, Any]) -> dict[str, Any]:
    """How a job ended, in the gateway's words."""
    if not begun["job"]:
        return {"finished": not begun["problem"], "status": "", "attempts": None, "error": ""}
    try:
        state = job_state(scene.installation, begun["job"], WITHIN)
    except OSError as error:
        return {
            "finished": False,
            "status": "",
            "attempts": None,
            "error": "",
            "problem": f"its job is not told: {error}",
        }
    return {"finished": state.finished, "status": state.status, "attempts": state.attempts, "error": state.error}
