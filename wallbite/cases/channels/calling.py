"""Calling the library in a process of its own: whom it runs as, what surrounds it, and what it answered."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from wallbite.cases.scene import CaseProblem, Scene
from wallbite.content import content
from wallbite.installation.environment import SYSTEM
from wallbite.installation.layout import Layout
from wallbite.installation.runtime import files
from wallbite.postures import POSTURES
from wallbite.stages.launch import Launch, launch
from wallbite.target.library import Library
from wallbite.target.model import Step
from wallbite.target.placeholders import expand

HOME: Final = "/srv/library"  # what the library may write to
_PLACE: Final = "/run/wallbite"
_BOUND: Final = 8 << 20  # bytes of what it says that are read
_TAIL: Final = 3000  # characters of what it prints that are kept


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one step: its answer, or the type and text of the error that it ended with."""

    answer: Mapping[str, Any] = field(default_factory=dict)
    error: str = ""
    text: str = ""
    seconds: float = 0.0

    @property
    def seen(self) -> dict[str, Any]:
        """As an observation holds it."""
        return {"answer": dict(self.answer), "error": self.error, "text": self.text[:400], "seconds": self.seconds}


@dataclass(frozen=True, slots=True)
class Called:
    """What came of a process.

    Attributes:
        outcomes: one for each step that it came to the end of, in order.
        status: its exit code, negative for a signal; None where it was killed because its time was over.
        tail: the end of what it printed.
    """

    outcomes: tuple[Outcome, ...]
    status: int | None
    tail: str
    seconds: float

    @property
    def problem(self) -> str:
        """Why it did not come to its end; empty where it did."""
        if self.status is None:
            return "it did not end in time"
        return f"it ended with {self.status}: {self.tail[-300:]}" if self.status else ""

    @property
    def trouble(self) -> str:
        """Why not all of it was done: it broke, or a step ended with an error; empty where it was."""
        errors = [f"{one.error}: {one.text}" for one in self.outcomes if one.error]
        return self.problem or "; ".join(errors)


def library(scene: Scene) -> Library:
    """The library of a scene's target."""
    assert scene.target.library is not None
    return scene.target.library


def lay_library(scene: Scene) -> None:
    """Lay down what the descriptor copies, the caller, and the home."""
    layout = Layout(scene.identities, {}, scene.fault, scene.installation.interpreter)
    for source, to in library(scene).copies:
        layout.lay(Step("copy", to, "root", "root", 0o755, str(source)))
    os.makedirs(f"{_PLACE}/orders", mode=0o755)
    for path in (_PLACE, f"{_PLACE}/orders"):
        os.chmod(path, 0o755)
    caller = Path(f"{_PLACE}/caller.py")
    caller.write_bytes((content("probes") / "caller.py").read_bytes())
    caller.chmod(0o644)
    own_directory(scene, HOME, 0o755)


def own_directory(scene: Scene, path: str, mode: int, owner: str = "gateway") -> str:
    """A directory of an identity's; its path."""
    os.makedirs(path, exist_ok=True)
    os.chown(path, scene.identities.uid(owner), scene.identities.gid(owner))
    os.chmod(path, mode)
    return path


def environment(scene: Scene, more: Mapping[str, str], home: str) -> dict[str, str]:
    """The environment that the library is called with."""
    own = {name: str(expand(value, {"home": home})) for name, value in library(scene).environment.items()}
    return {"PATH": SYSTEM, "HOME": home, "LANG": "C.UTF-8", "USER": "library", **own, **more}


def searched(scene: Scene) -> list[str]:
    """Where modules are imported from; one that brings no environment has what is installed beside the harness."""
    beside = [entry for entry in sys.path if entry.endswith(("site-packages", "dist-packages"))]
    return [*library(scene).search, *([] if library(scene).package else beside)]


def argv_of(scene: Scene, order: str) -> tuple[str, ...]:
    """How a caller is started: isolated, so that only the order says where modules are found."""
    return (library(scene).interpreter(scene.installation.interpreter), "-I", f"{_PLACE}/caller.py", order)


@dataclass
class Caller:
    """A process that does some steps.

    Attributes:
        user: an identity; the gateway's in the scene's posture, anybody else without privilege.
        more: variables besides the usual.
        home: where HOME is.
        groups: supplementary groups.
        sources: calls besides the descriptor's.
    """

    scene: Scene
    steps: Sequence[Mapping[str, Any]]
    user: str = "gateway"
    more: Mapping[str, str] = field(default_factory=dict)
    home: str = HOME
    groups: tuple[int, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict)
    pid: int = 0
    _began: float = 0.0
    _said: int = -1
    _printed: Path = Path()

    def start(self) -> Caller:
        """Start it."""
        serial = len(os.listdir(f"{_PLACE}/orders"))
        order = Path(f"{_PLACE}/orders/{serial}.json")
        known = {**library(self.scene).calls, **self.sources}
        calls = {name: text for name, text in known.items() if name in self._names}
        text = json.dumps({"search": searched(self.scene), "calls": calls, "steps": list(self.steps)})
        order.write_text(text)
        order.chmod(0o644)
        self._printed = Path(f"{_PLACE}/orders/{serial}.printed")
        said, send = os.pipe()
        printed = os.open(self._printed, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            self.pid = self._launch(argv_of(self.scene, str(order)), send, printed)
        except OSError as error:
            os.close(said)
            raise CaseProblem(f"the library's interpreter does not start: {error}") from error
        finally:
            os.close(send)
            os.close(printed)
        self._said, self._began = said, time.monotonic()
        return self

    @property
    def _names(self) -> set[str]:
        return {str(step["call"]) for step in self.steps}

    def _launch(self, argv: tuple[str, ...], stdout: int, stderr: int) -> int:
        ids = self.scene.identities
        posture = self.scene.posture if self.user == "gateway" else POSTURES["unprivileged"]
        uid, gid = ids.uid(self.user), ids.gid(self.user)
        env = environment(self.scene, self.more, self.home)
        return launch(Launch(posture, uid, gid, argv, self.groups, env, cwd="/", stdout=stdout, stderr=stderr))

    def finish(self, within: float = 30.0, start: float = 0.0) -> Called:
        """What it says until it ends; it is killed, with its session, when its time is over.

        Whoever it left behind may hold its output still: that is not waited for.

        Args:
            within: seconds, from its start on; with ``start``, from its first outcome on.
            start: seconds for its first outcome.
        """
        deadline = self._began + (start or within)
        handle = os.pidfd_open(self.pid)
        try:
            received, timely = _heard(self._said, handle, deadline, within if start else None)
        finally:
            os.close(handle)
            os.close(self._said)
        seconds = time.monotonic() - self._began
        status = self._reap(max(deadline, time.monotonic() + 1.0) if timely else 0.0)
        return Called(_outcomes(received), status if timely else None, self.printed, seconds)

    @property
    def printed(self) -> str:
        """The end of what it, or whoever it left behind, has printed until now."""
        with self._printed.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL))
            return file.read().decode("utf-8", "backslashreplace")

    def _reap(self, deadline: float) -> int | None:
        """Its exit code; None where it had to be killed."""
        handle = os.pidfd_open(self.pid)
        try:
            ended = select.select([handle], [], [], max(0.0, deadline - time.monotonic()))[0]
        finally:
            os.close(handle)
        if not ended:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
        status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return status if ended else None


def call(scene: Scene, steps: Sequence[Mapping[str, Any]], within: float = 30.0, **how: Any) -> Called:
    """Do some steps in one process."""
    return Caller(scene, steps, **how).start().finish(within)


def _heard(said: int, ended: int, deadline: float, after_first: float | None = None) -> tuple[bytes, bool]:
    """What comes until the end of it, or of the process whose handle ``ended`` is; and whether that was in time.

    With ``after_first`` there are so many seconds more from the first line on.
    """
    received, over = bytearray(), False
    while len(received) < _BOUND:
        ready = select.select([said] if over else [said, ended], [], [], max(0.0, deadline - time.monotonic()))[0]
        if said in ready:
            chunk = os.read(said, 1 << 16)
            if not chunk:
                break
            received += chunk
            if after_first is not None and b"\n" in received:
                deadline, after_first = time.monotonic() + after_first, None
        elif over:
            break
        elif not ready:
            return bytes(received), False
        over = over or ended in ready
        deadline = 0.0 if over else deadline  # what it has said is in the pipe already
    return bytes(received), True


def _outcomes(data: bytes) -> tuple[Outcome, ...]:
    found = []
    for line in data.splitlines():
        try:
            said = json.loads(line)
            found.append(Outcome(dict(said["answer"]), str(said["error"]), str(said["text"]), float(said["seconds"])))
        except (ValueError, KeyError, TypeError) as error:
            raise CaseProblem(f"the caller said what is no outcome: {error}") from error
    return tuple(found)


def prepare_files(library_: Library, seeded: Any, root: Path) -> None:
    """Compile what is copied before any stage is forked."""
    for source, _ in library_.copies:
        files(root / source, seeded)
