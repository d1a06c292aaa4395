"""Case ``install``: the target's installer on a clean root, and again after changes of the operator's; its unit."""

from __future__ import annotations

import os
import pwd
import shlex
import shutil
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from wallbite.cases.drops.spawns import answers_of_all
from wallbite.cases.scene import CaseProblem, Scene
from wallbite.cases.spawning import Errand, as_root
from wallbite.cases.walls import reaching
from wallbite.installation import systemd
from wallbite.installation.command import run_bounded
from wallbite.installation.document import dump
from wallbite.installation.environment import SYSTEM
from wallbite.installation.installation import Looked, look_below
from wallbite.installation.layout import described, state_of
from wallbite.postures import Posture
from wallbite.probing.plan import Attempt
from wallbite.target.installing import Installer
from wallbite.target.running import SpawnPath

POSTURE: Final = "ambient-caps"  # what a unit confers
WITHIN: Final = 30.0  # seconds for the installer
TOPS: Final = ("/etc", "/home", "/opt", "/root", "/run", "/srv", "/usr", "/var")
MOMENT: Final = "installed"
KEYS: Final = ("User", "Group", "ExecStart", "AmbientCapabilities", "CapabilityBoundingSet")
ACCOUNT_FILES: Final = ("passwd", "group", "shadow", "gshadow", "subuid", "subgid")
TIGHTER: Final = 0o500
OPERATOR: Final = "# changed by the operator\n"


def plan(postures: Sequence[str]) -> Iterator[dict[str, Any]]:
    """One case, in the posture that a unit confers."""
    if POSTURE in postures:
        yield {"case": f"install@{POSTURE}", "kind": "install", "posture": POSTURE, "params": {}}


def run(scene: Scene) -> None:
    """Install, look, install again, boot as the unit says, and let every account try the walls."""
    terms = scene.target.installer
    assert terms is not None
    scene.installation.lay_steps(terms.needs)
    scene.inbox.make()
    keep_account_files()
    before = everything()
    install(scene, terms, "first")
    note_tree(scene, before)
    unit = systemd.service(Path(terms.unit).read_text(encoding="utf-8"))
    note_files(scene, terms, unit)
    note_again(scene, terms)
    boot_installed(scene, terms, unit)


def keep_account_files() -> None:
    """The former versions of account files, as tools leave them from the first user on; a new image has none."""
    for name in ACCOUNT_FILES:
        present, former = Path("/etc", name), Path("/etc", f"{name}-")
        if present.exists() and not former.exists():
            shutil.copy2(present, former)
            os.chown(former, present.stat().st_uid, present.stat().st_gid)


def install(scene: Scene, terms: Installer, name: str) -> None:
    """Run the installer.

    Raises:
        CaseProblem: it failed; nothing that follows would mean anything.
    """
    argv = [str(word) for word in scene.installation.expanded(list(terms.run))]
    environment = {"PATH": SYSTEM, "LANG": "C.UTF-8"}
    try:
        code, tail = run_bounded(argv, WITHIN, cwd="/", env=environment)
    except OSError as error:
        raise CaseProblem(f"the installer cannot be run: {error}") from error
    scene.note("install", name, errno="OK" if code == 0 else "EINVAL", code=code, tail=tail)
    if code:
        raise CaseProblem(f"the installer ended with {code}: {tail[-300:]}")


def everything() -> Looked:
    """What lies below the directories that an installer may touch."""
    return {path: seen for top in TOPS for path, seen in look_below(top).items()}


def note_tree(scene: Scene, before: Looked) -> None:
    """Every path that the installer made, as it was when it was found."""
    made, after = [], everything()
    for path in sorted(after.keys() - before.keys()):
        state = described(after[path])
        owner, group = scene.account_of(state["uid"]), scene.account_of(state["gid"])
        made.append({"path": path, "kind": state["kind"], "mode": state["mode"], "owner": owner, "group": group})
    scene.note("tree", "installed", errno="OK", made=made)


def note_files(scene: Scene, terms: Installer, unit: Mapping[str, list[str]]) -> None:
    """What unit, sysusers, tmpfiles and configuration say."""
    scene.note("unit", "unit", errno="OK", **{key: unit.get(key, []) for key in KEYS})
    accounts: Any = installed_config(scene)
    for key in (terms.accounts or "accounts").split("."):
        accounts = accounts[key]
    scene.note(
        "declared",
        "accounts",
        errno="OK",
        users=list(systemd.users(Path(terms.sysusers).read_text(encoding="utf-8"))),
        directories=list(systemd.directories(Path(terms.tmpfiles).read_text(encoding="utf-8"))),
        accounts={
            name: {key: entry.get(named) for key, named in terms.entry.items()} for name, entry in accounts.items()
        },
        expected={account: scene.ids(account) for account in scene.accounts},
    )


def installed_config(scene: Scene) -> dict[str, Any]:
    """The configuration that the installer wrote."""
    assert scene.target.config is not None
    document: dict[str, Any] = yaml.safe_load(Path(scene.target.config.main.path).read_text(encoding="utf-8"))
    return document


def note_again(scene: Scene, terms: Installer) -> None:
    """The operator changes what is his, a piece of code goes missing, and the installer runs again."""
    assert scene.target.config is not None
    config = Path(scene.target.config.main.path)
    with config.open("a", encoding="utf-8") as file:
        file.write(OPERATOR)
    kept, modes = [str(config)], {}
    for place in (*(scene.ids(account)["directory"] for account in scene.accounts), *terms.data):
        note, owner = Path(place, "kept"), Path(place).stat()
        note.write_text("of whoever owns the directory\n")
        note.chmod(0o600)
        os.chown(note, owner.st_uid, owner.st_gid)
        modes[place] = stat.S_IMODE(owner.st_mode)
        Path(place).chmod(TIGHTER)
        kept += [place, str(note)]
    lost = Path(terms.lost)
    before, content = {path: state(path) for path in kept}, lost.read_bytes()
    lost.unlink()
    install(scene, terms, "again")
    changed = {path: [before[path], state(path)] for path in kept if state(path) != before[path]}
    scene.note("kept", "operator", errno="OK", paths=kept, changed=changed)
    same = lost.exists() and lost.read_bytes() == content
    for place, mode in modes.items():
        Path(place).chmod(mode)
    scene.note("relaid", "code", errno="OK" if same else "ENOENT", path=terms.lost)


def state(path: str) -> dict[str, Any]:
    """Kind, mode, owner, inode and content of what is to be kept; nothing where it is gone."""
    try:
        return state_of(path, content_too=True)
    except OSError:
        return {}


def boot_installed(scene: Scene, terms: Installer, unit: Mapping[str, list[str]]) -> None:
    """Start it as the unit would, with a probe as every account's plugin, and observe who runs and what is refused."""
    gateway = scene.gateway(burdened=False, ready=scene.target.gate.ready if scene.target.gate else None)
    scene.installation.posture = conferred(scene.posture, unit)
    found = reaching.find(scene, [one for one in scene.target.surfaces if one.class_ == "gateway"])
    add_plugins(scene, terms)
    wanted = [Attempt(reaching.PRINCIPAL[one.surface.kind], one.name, "laid", one.path) for one in found]
    plan_ = Errand("", MOMENT, wanted).plan(scene)
    scene.write_plan("init", plan_)
    gateway.start(shlex.split(unit["ExecStart"][-1]))
    ended = gateway.wait(10.0)
    enforcing = gateway.told("enforcing") > 0
    errno = "OK" if ended == "ready" else "EINVAL"
    init = Path("/proc/1/comm").read_text().strip() if scene.service else ""
    scene.note("started", "unit", errno=errno, enforcing=enforcing, init=init, tail=gateway.tail(), **gateway.facts)
    if ended == "ready":
        answers_of_all(scene, gateway, SpawnPath(MOMENT, by="boot"), plan_)
        as_root(scene, wanted, MOMENT)
    gateway.kill()


def conferred(usual: Posture, unit: Mapping[str, list[str]]) -> Posture:
    """The posture in which systemd would start it: the unit's sets, as its user."""
    ambient = systemd.capability_mask(unit.get("AmbientCapabilities", []), 0)
    bounding = systemd.capability_mask(unit.get("CapabilityBoundingSet", []), systemd.ALL)
    user = (unit.get("User") or ["root"])[-1]
    if pwd.getpwnam(user).pw_uid == 0:
        raise CaseProblem("the unit starts the gateway as root")
    held = ambient & bounding
    return Posture(usual.name, False, held, held, held, held, bounding)


def add_plugins(scene: Scene, terms: Installer) -> None:
    """What an operator adds to use it: plugins, each granted to an account, and their entries in the configuration."""
    assert scene.target.config is not None
    added: Mapping[str, Any] = scene.installation.expanded(dict(terms.plugins))
    steps = [step for step in scene.target.install if step.kind == "carrier" and step.name in added.get("plugins", {})]
    scene.installation.lay_more(steps)
    path = Path(scene.target.config.main.path)
    path.write_text(dump({**installed_config(scene), **added}))
