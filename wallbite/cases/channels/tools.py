"""Running a payload through the library's own tool: a work area, an order, and what the payload left there."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import stat
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from wallbite.cases.channels.calling import HOME, Called, Outcome, call, library, own_directory
from wallbite.cases.channels.products import read
from wallbite.cases.scene import CaseProblem, Scene
from wallbite.content import content
from wallbite.installation.environment import SYSTEM
from wallbite.stages import kernel, mounts

BWRAP: Final = "/usr/bin/bwrap"
PYTHON: Final = "/usr/bin/python3"
WORK: Final = f"{HOME}/work"
ELSEWHERE: Final = "/opt/elsewhere"
_BROKEN: Final = "#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n"
_SCRIPT: Final = f"exec {PYTHON} -I -S tool.py order.json\n"


@dataclass(frozen=True)
class Ran:
    """What came of one run of the tool.

    Attributes:
        outcome: of the call.
        said: what the payload left in the work area; None where it did not run.
    """

    outcome: Outcome
    said: Mapping[str, Any] | None
    called: Called = field(repr=False)

    @property
    def seen(self) -> dict[str, Any]:
        """As an observation holds it."""
        told = self.outcome.seen
        told["answer"] = {key: str(value)[:300] for key, value in self.outcome.answer.items()}
        return {"told": told, "ran": self.said is not None, "tail": self.called.tail[-300:]}


def needs(scene: Scene) -> None:
    """What the machine must have for a tool's payload.

    Raises:
        CaseProblem: it has not.
    """
    if not os.access(PYTHON, os.X_OK):
        raise CaseProblem(f"the payload's interpreter is missing: {PYTHON}; install python3")
    if "shell" not in library(scene).calls:
        raise CaseProblem("the descriptor has no call `shell`")


def sandbox_tool(scene: Scene, kind: str) -> dict[str, str]:
    """Make the sandbox tool one that works, is absent, is broken or lies elsewhere; variables that go with it.

    Raises:
        CaseProblem: there is none on this machine.
    """
    if not os.access(BWRAP, os.X_OK):
        raise CaseProblem(f"no bubblewrap: {BWRAP} is not there; install bubblewrap")
    if kind == "works":
        return {}
    if kind == "elsewhere":
        os.makedirs(ELSEWHERE, exist_ok=True)
        shutil.copy(BWRAP, f"{ELSEWHERE}/bwrap")
    hide(BWRAP)
    if kind == "broken":
        Path(BWRAP).write_text(_BROKEN)
        Path(BWRAP).chmod(0o755)
    return {"PATH": f"{ELSEWHERE}:{SYSTEM}"} if kind == "elsewhere" else {}


def hide(path: str) -> None:
    """Take a program of the host away from the stage: an overlay of its directory without it."""
    folder, name = os.path.split(os.path.realpath(path))
    place = f"/run/wallbite-hidden-{name}"
    os.makedirs(place)
    mounts.tmpfs(place, "mode=0755,size=1m")
    for part in ("upper", "work"):
        os.mkdir(f"{place}/{part}", 0o755)
    os.mknod(f"{place}/upper/{name}", stat.S_IFCHR, os.makedev(0, 0))  # a whiteout
    kernel.mount("overlay", folder, "overlay", 0, f"lowerdir={folder},upperdir={place}/upper,workdir={place}/work")
    if os.path.lexists(path):
        raise CaseProblem(f"{path} cannot be taken away here")


def lay_work(scene: Scene, work: str = WORK) -> str:
    """A work area with the payload in it; its path."""
    own_directory(scene, work, 0o755)
    for name, text in {"probe.sh": _SCRIPT, "tool.py": (content("probes") / "tool.py").read_text()}.items():
        lay_file(scene, f"{work}/{name}", text)
    return work


def lay_file(scene: Scene, path: str, text: str, mode: int = 0o644, owner: str = "gateway") -> str:
    """A file of an identity's; its path."""
    Path(path).write_text(text)
    os.chown(path, scene.identities.uid(owner), scene.identities.gid(owner))
    os.chmod(path, mode)
    return path


def shell(command: str, work: str = WORK, **how: Any) -> dict[str, Any]:
    """A step that runs a command through the tool; ``how``: ``network``, ``environment``, ``profile``, ``timeout``."""
    arguments = {
        "root": work,
        "command": command,
        "profile": "full",
        "network": False,
        "environment": [],
        "timeout": 20,
    }
    return {"call": "shell", "arguments": {**arguments, **how}}


def probe(
    scene: Scene,
    attempts: Sequence[Sequence[Any]],
    more: Mapping[str, str] | None = None,
    first: Sequence[Mapping[str, Any]] = (),
    **how: Any,
) -> tuple[Ran, Called]:
    """Run the payload; ``first`` are steps that go before in the same process."""
    nonce = secrets.token_hex(8)
    order = {"nonce": nonce, "answer": f"answer-{nonce}.json", "attempts": list(attempts)}
    lay_file(scene, f"{WORK}/order.json", json.dumps(order))
    called = call(scene, [*first, shell("bash probe.sh", **how)], 50, more=more or {})
    last = (
        called.outcomes[len(first)] if len(called.outcomes) > len(first) else Outcome(error="none", text=called.problem)
    )
    return Ran(last, left(f"{WORK}/answer-{nonce}.json", nonce), called), called


def left(path: str, nonce: str) -> Mapping[str, Any] | None:
    """What a payload left; None where it is not there, or is not this run's."""
    with suppress(OSError, ValueError):
        said = json.loads(read(path))
        if isinstance(said, dict) and said.get("nonce") == nonce:
            return said
    return None
