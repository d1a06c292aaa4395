"""Case ``writes``: one channel's writer, under every umask and over everything that may lie where it writes."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Final

from wallbite.cases.channels.calling import HOME, Called, Caller, Outcome, call, lay_library, library, own_directory
from wallbite.cases.channels.products import below
from wallbite.cases.scene import Scene
from wallbite.installation.layout import state_of
from wallbite.stages import kernel
from wallbite.target.library import Channel

UMASKS: Final = ("000", "002", "022", "027", "077")
LOOSE: Final = (0o644, 0o664, 0o666, 0o777, 0o4755)
OLD: Final = b"what was there before\n"
BLOCKED: Final = 8.0  # seconds that a call may take which cannot write
START: Final = 30.0  # seconds for the process to come to it
# Names that no file may come of outside the directory; the last four may or may not become files inside it.
NAMES: Final = {
    "parent": "../wallbite-out", "below": "wallbite/out", "backslash": "..\\wallbite-out", "absolute": "{out}",
    "empty": "", "dot": ".", "dots": "..", "nul": "a\0b", "newline": "a\nb", "dash": "-rf", "long": "n" * 300,
    "parent-of-inside": "x/../../wallbite-out",
}  # fmt: skip
Before = Callable[["Situation"], None]


@dataclass
class Situation:
    """One write: where it goes, what lies there before, and who had it open.

    Attributes:
        victim: what must not change, outside of the channel; empty where there is nothing.
        reader: a descriptor that somebody else opened before the write; -1 where nobody did.
    """

    scene: Scene
    channel: Channel
    name: str
    called: str = "probe"
    umask: str = "022"
    victim: str = ""
    reader: int = -1
    before: dict[str, Any] = field(default_factory=dict)

    @property
    def base(self) -> str:
        """A place of its own."""
        return f"{HOME}/{self.channel.name}/{self.name}"

    @property
    def directory(self) -> str:
        """Where the channel writes."""
        return f"{self.base}/inner"

    @property
    def path(self) -> str:
        """The file that it writes."""
        return f"{self.directory}/{self.channel.file.replace('{name}', self.called)}"

    @property
    def secret(self) -> str:
        """What it writes."""
        return f"content-{hashlib.sha256(self.base.encode()).hexdigest()}"

    @property
    def step(self) -> dict[str, Any]:
        """The order to write."""
        arguments = {"directory": self.directory, "name": self.called, "text": self.secret, "file": self.path}
        return {"call": self.channel.call, "umask": self.umask, "arguments": arguments}


def plan(postures: Sequence[str], channels: Sequence[str]) -> Iterator[dict[str, Any]]:
    """One case for each channel and posture."""
    for posture in postures:
        for channel in channels:
            case = f"writes-{channel}@{posture}"
            yield {"case": case, "kind": "writes", "posture": posture, "params": {"channel": channel}}


def run(scene: Scene) -> None:
    """All situations of a channel."""
    lay_library(scene)
    channel = library(scene).channels[scene.params["channel"]]
    own_directory(scene, f"{HOME}/{channel.name}", 0o755)
    together(scene, [lay(scene, channel, f"new-{umask}", umask=umask) for umask in UMASKS])
    together(scene, [lay(scene, channel, f"loose-{mode:04o}", loose(mode)) for mode in LOOSE])
    together(scene, [lay(scene, channel, name, before) for name, before in PLANTS.items()])
    for name, before in BLOCKERS.items():
        blocked(scene, lay(scene, channel, name, before), lay(scene, channel, f"{name}-beside"))
    together(scene, [lay(scene, channel, f"fails-{name}", before) for name, before in FAILS.items()])
    if channel.named_outside:
        names = {key: text.replace("{out}", f"{HOME}/wallbite-out") for key, text in NAMES.items()}
        together(scene, [lay(scene, channel, f"name-{key}", called=text) for key, text in names.items()])


def lay(
    scene: Scene, channel: Channel, name: str, before: Before | None = None, called: str = "probe", umask: str = "022"
) -> Situation:
    """A situation, with what lies there before; its directory is there where something lies in it."""
    one = Situation(scene, channel, name, called, umask)
    own_directory(scene, one.base, 0o755)
    if before or called != "probe" or not channel.makes_directory:
        own_directory(scene, one.directory, 0o755)
    if before:
        before(one)
    one.before = picture(one)
    return one


def together(scene: Scene, situations: Sequence[Situation], within: float = 40.0) -> None:
    """Write in all of them, in one process; note what came of each."""
    called = call(scene, [one.step for one in situations], within)
    for number, one in enumerate(situations):
        outcome = called.outcomes[number] if number < len(called.outcomes) else None
        note(one, called, outcome)


def blocked(scene: Scene, one: Situation, beside: Situation) -> None:
    """Write beside, then where it cannot be written: time runs from the first, however long the start takes."""
    called = Caller(scene, [beside.step, one.step]).start().finish(BLOCKED, start=START)
    begun = bool(called.outcomes)
    note(one, called if begun else replace(called, status=1), called.outcomes[1] if len(called.outcomes) > 1 else None)


def note(one: Situation, called: Called, outcome: Outcome | None) -> None:
    """What is there now, what the caller heard, and what somebody who had the file open has learned."""
    told = outcome.seen if outcome else {"error": "", "text": "", "answer": {}, "seconds": round(called.seconds, 2)}
    learned = None
    if one.reader >= 0:
        with os.fdopen(one.reader, "rb") as file:
            learned = one.secret.encode() in file.read(1 << 20)
    seen = {
        "before": one.before,
        "after": picture(one),
        "told": told,
        "ended": outcome is not None,
        "problem": "" if outcome else called.problem or "it said nothing",
        "learned": learned,
        "channel": one.channel.name,
        "umask": one.umask,
        "outside": strays(one),
        "inside": [path for path, _ in below(one.directory) if _has(path, one.secret)],
    }
    one.scene.note("write", f"{one.channel.name}:{one.name}", **seen)


def picture(one: Situation) -> dict[str, Any]:
    """The file, its directory and the victim, as root sees them; and whether the file holds what was written."""
    found: dict[str, Any] = {"file": state(one.path), "directory": state(one.directory), "holds": holds(one)}
    if one.victim:
        found["victim"] = state(one.victim)
    return found


def state(path: str) -> dict[str, Any] | None:
    """A path as root sees it, or None."""
    try:
        return state_of(path, content_too=True)
    except (OSError, ValueError):
        return None


def holds(one: Situation) -> bool:
    """Whether the content that was to be written stands in the file itself."""
    with suppress(OSError, ValueError):
        descriptor = os.open(one.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            return stat.S_ISREG(os.fstat(descriptor).st_mode) and one.secret.encode() in file.read(1 << 20)
    return False


def strays(one: Situation) -> list[str]:
    """What of the content landed elsewhere below the home: outside of the channel's directory."""
    found = []
    for top in (one.base, HOME):
        for folder, directories, names in os.walk(top):
            if top == HOME:
                directories.clear()
            for name in names:
                path = os.path.join(folder, name)
                if not path.startswith(f"{one.directory}/") and path != one.victim and _has(path, one.secret):
                    found.append(path)
    return sorted(set(found))


def _has(path: str, text: str) -> bool:
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            return stat.S_ISREG(os.fstat(descriptor).st_mode) and text.encode() in file.read(1 << 20)
    return False


# What lies there before.


def put(one: Situation, path: str, mode: int, owner: str) -> None:
    """A file with old content."""
    with open(path, "wb") as file:
        file.write(OLD)
    os.chown(path, one.scene.identities.uid(owner), one.scene.identities.gid(owner))
    os.chmod(path, mode)


def loose(mode: int) -> Before:
    """Its own file, too open, which somebody else has open for reading."""

    def before(one: Situation) -> None:
        put(one, one.path, mode, "gateway")
        one.reader = os.open(one.path, os.O_RDONLY)  # the mode lets anybody; as root it opens what other could

    return before


def planted(one: Situation) -> None:
    """Somebody else's file, open to all, in a directory that both may write to."""
    os.chmod(one.directory, 0o777)
    put(one, one.path, 0o666, "other")
    one.reader = os.open(one.path, os.O_RDONLY)


def link(outside: bool, dangling: bool = False) -> Before:
    """A symbolic link to a file of the caller's own, elsewhere or beside; or to nothing."""

    def before(one: Situation) -> None:
        one.victim = f"{one.base if outside else one.directory}/victim"
        if not dangling:
            put(one, one.victim, 0o644, "gateway")
        os.symlink(one.victim, one.path)
        os.lchown(one.path, one.scene.identities.uid("other"), one.scene.identities.gid("other"))

    return before


def hard(one: Situation) -> None:
    """A hard link to a file of the caller's own."""
    one.victim = f"{one.base}/victim"
    put(one, one.victim, 0o600, "gateway")
    os.link(one.victim, one.path)


def fifo(one: Situation) -> None:
    """A FIFO that nobody reads."""
    os.mkfifo(one.path, 0o666)
    os.chown(one.path, one.scene.identities.uid("gateway"), one.scene.identities.gid("gateway"))


def device(one: Situation) -> None:
    """The null device, by a hard bind: what is written there is gone."""
    put(one, one.path, 0o600, "gateway")
    kernel.mount("/dev/null", one.path, None, kernel.MS_BIND)


def directory(one: Situation) -> None:
    """A directory."""
    own_directory(one.scene, one.path, 0o755)


def read_only(one: Situation) -> None:
    """A directory that nobody can write to."""
    kernel.mount(one.directory, one.directory, None, kernel.MS_BIND)
    kernel.mount(None, one.directory, None, kernel.MS_BIND | kernel.MS_REMOUNT | kernel.MS_RDONLY)


def full(one: Situation) -> None:
    """A file system without room."""
    kernel.mount("tmpfs", one.directory, "tmpfs", 0, "size=4k,nr_inodes=8,mode=0755")
    own_directory(one.scene, one.directory, 0o755)
    with open(f"{one.directory}/filler", "wb") as file:
        file.write(b"x" * 4096)


PLANTS: Final[Mapping[str, Before]] = {
    "planted": planted,
    "link-outside": link(outside=True),
    "link-inside": link(outside=False),
    "link-dangling": link(outside=True, dangling=True),
    "hard-link": hard,
}
BLOCKERS: Final[Mapping[str, Before]] = {"fifo": fifo, "device": device, "directory": directory}
FAILS: Final[Mapping[str, Before]] = {"read-only": read_only, "full": full}
