"""Case ``shares``: roots of one's own and of a group's, two users at once, and a backup."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from wallbite.cases.channels import daemons
from wallbite.cases.channels.calling import HOME, Caller, call, lay_library, library, own_directory
from wallbite.cases.channels.products import STEPS, below, named, read
from wallbite.cases.scene import CaseProblem, Scene
from wallbite.search import Needle, search_files
from wallbite.stages import acl
from wallbite.stages.dropped import as_identity
from wallbite.target.library import Channel

COMMON: Final = ("/tmp", "/var/tmp", "/dev/shm", "/run")
SURFACES: Final = ("transcript", "raw-result", "checkpoint", "audit")
_MOST: Final = 200


def plan(postures: Sequence[str]) -> Iterator[dict[str, Any]]:
    """One case, as plain users."""
    if "unprivileged" in postures:
        yield {"case": "shares@unprivileged", "kind": "shares", "posture": "unprivileged", "params": {}}


def run(scene: Scene) -> None:
    """Each pattern in turn."""
    lay_library(scene)
    before = common()
    own_root(scene)
    group_root(scene)
    two_users(scene, before)
    if "backup" in library(scene).calls:
        backup(scene)


def steps(scene: Scene, home: str, mark: str) -> list[dict[str, Any]]:
    """A whole run of the product in a home, with a mark in what is asked."""
    arguments = {"home": home, "prompt": f"please {mark}", "tool": f"result {mark} " * 3000}
    return [{"call": name, "arguments": arguments} for name in STEPS if name in library(scene).calls]


def tries(scene: Scene, who: str, path: str, groups: tuple[int, ...] = ()) -> str:
    """What an identity gets when it opens a file: OK, or an errno."""

    def attempt() -> str:
        try:
            os.close(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK))
        except OSError as error:
            return errno.errorcode.get(error.errno or 0, str(error))
        return "OK"

    ids = scene.identities
    return str(as_identity(ids.uid(who), ids.gid(who), groups, attempt))


def own_root(scene: Scene) -> None:
    """The page's first pattern: the root at 0700; then a run, and somebody else who tries every file of it."""
    home = own_directory(scene, f"{HOME}/own", 0o700)
    called = call(scene, steps(scene, home, "own"), 50, home=home)
    files = []
    every = list(below(home))
    for path, found in every[:_MOST]:
        mode = f"{stat.S_IMODE(found.st_mode):04o}"
        files.append([os.path.relpath(path, home), mode, tries(scene, "other", path), tries(scene, "gateway", path)])
    mode = f"{stat.S_IMODE(os.stat(home).st_mode):04o}"
    scene.note("own-root", "files", files=files, more=len(every) - len(files), root=mode, problem=called.trouble)


def group_root(scene: Scene) -> None:
    """The page's second pattern: setgid, a default access list; each channel's file, and a plain one beside."""
    ids = scene.identities
    home = own_directory(scene, f"{HOME}/shared", 0o770)
    os.chown(home, ids.uid("gateway"), ids.gid("member"))
    os.chmod(home, 0o2770)
    acl.grant(home, ids.uid("member"), 7, acl.DEFAULT)
    acl.grant(home, ids.uid("member"), 7)
    files, listed, problems = [], [], []
    for channel in library(scene).channels.values():
        directory = f"{home}/{channel.name}"
        if not channel.makes_directory:
            own_directory(scene, directory, 0o2770)
        path = f"{directory}/{channel.file.replace('{name}', 'probe')}"
        arguments = {"directory": directory, "name": "probe", "text": "shared content", "file": path}
        called = call(scene, [{"call": channel.call, "umask": "007", "arguments": arguments}], home=home)
        problems.append(called.trouble)
        os.chmod(directory, 0o2775)  # so that the file itself decides
        files.append([channel.name, tries(scene, "member", path), tries(scene, "gateway", path), acl.names(path)])
        if os.path.isfile(path):
            listed.append([channel.name, *entered(scene, channel, path, arguments)])
    plain = f"{home}/plain"
    as_identity(ids.uid("gateway"), ids.gid("gateway"), (ids.gid("member"),), lambda: made(plain))
    control = tries(scene, "member", plain)
    scene.note("group-root", "files", files=files, plain=control, problem="; ".join(filter(None, problems)))
    scene.note("access-lists", "files", files=listed, plain=control)


def entered(scene: Scene, channel: Channel, path: str, arguments: Mapping[str, Any]) -> list[str]:
    """What a member gets: as the default list has it, by an entry in the file's own, and after one more write.

    The last is what the file's owner gets then.
    """
    default = tries(scene, "member", path)
    acl.grant(path, scene.identities.uid("member"), 4)
    entry = tries(scene, "member", path)
    call(scene, [{"call": channel.call, "umask": "007", "arguments": {**arguments, "text": "written again"}}])
    again = b"written again" in read(path)
    return [default, entry, tries(scene, "member", path) if again else "not written", tries(scene, "gateway", path)]


def made(path: str) -> bool:
    """A file as any program makes it."""
    os.umask(0o007)
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o666))
    return True


def common() -> set[str]:
    """Everything but directories where all users come: files, sockets, FIFOs, links."""
    return {path for top in COMMON for path in named(top) if not path.startswith("/run/wallbite")}


def two_users(scene: Scene, before: set[str]) -> None:
    """Two users at once, each with a root and a daemon; what any of it left where both come, and of the other."""
    marks = {who: f"mark-{secrets.token_hex(10)}" for who in ("gateway", "other")}
    homes = {who: own_directory(scene, f"{HOME}/of-{who}", 0o700, who) for who in marks}
    served = both(scene, homes) if "daemon" in library(scene).calls else {}
    callers = [
        Caller(scene, steps(scene, homes[who], mark), who, home=homes[who]).start() for who, mark in marks.items()
    ]
    problems = [one.finish(50).trouble for one in callers]
    daemons_ = {who: stood(scene, one, homes, who) for who, one in served.items()}
    left = sorted(common() - before)
    problems += [one.stop() for one in served.values()]
    lonely = {who: alone(scene, homes[who], who) for who, seen in daemons_.items() if not seen["lived"]}
    crossed = [
        path
        for who, mark in marks.items()
        for path, _ in below(homes[who])
        if any(other.encode() in read(path) for other in marks.values() if other != mark)
    ]
    own = {who: sum(mark.encode() in read(path) for path, _ in below(homes[who])) for who, mark in marks.items()}
    seen = {"common": left[:20], "crossed": crossed[:20], "own": own, "daemons": daemons_, "alone": lonely}
    scene.note("two-users", "homes", problem="; ".join(filter(None, problems)), **seen)


def both(scene: Scene, homes: Mapping[str, str]) -> dict[str, daemons.Daemon]:
    """A daemon of each user's; each has had the time to tell of its start."""
    served = {who: daemons.start(scene, home, who) for who, home in homes.items()}
    for who, one in served.items():
        if one.pid:
            daemons.awaited(scene, one, homes[who])
    return served


def stood(scene: Scene, one: daemons.Daemon, homes: Mapping[str, str], who: str) -> dict[str, Any]:
    """Whether a daemon lives beside the other, and whose home tells of it."""
    pattern = daemons.event(scene, one)
    told = [name for name, home in homes.items() if one.pid and daemons.logged([home], pattern)]
    return {"lived": one.lives, "own": who in told, "crossed": [name for name in told if name != who]}


def alone(scene: Scene, home: str, who: str) -> bool:
    """Whether a user's daemon comes up where there is no other."""
    one = daemons.start(scene, home, who)
    lived = bool(one.pid and daemons.awaited(scene, one, home) and one.lives)
    one.stop()
    return lived


def backup(scene: Scene) -> None:
    """A backup of a run whose audit surfaces each hold a mark; the marks are searched in the archive."""
    home = own_directory(scene, f"{HOME}/kept", 0o700)
    marks = {name: secrets.token_hex(16) for name in SURFACES}
    found, problem = exported(scene, home, marks, marks.values())
    if problem:
        raise CaseProblem(problem)
    laid = [name for name, mark in marks.items() if any(mark.encode() in read(path) for path, _ in below(home))]
    scene.note("backup", "archive", laid=laid, kept=[name for name, mark in marks.items() if mark in found])


def exported(scene: Scene, home: str, marks: Mapping[str, str], sought: Iterable[str]) -> tuple[set[str], str]:
    """Have the library back a home up; what of ``sought`` is in the archive, however packed, and what went wrong.

    The archive is looked at where it lies no longer, so that nothing is found in it that is beside it.
    """
    called = call(scene, [{"call": "backup", "arguments": {"home": home, "marks": dict(marks)}}], 50, home=home)
    archive = str(called.outcomes[0].answer.get("path", "")) if called.outcomes else ""
    if problem := called.trouble:
        return set(), f"no backup was made: {problem}"
    if not os.path.isfile(archive) or not os.path.realpath(archive).startswith(f"{home}/"):
        return set(), f"the backup is no file below the home: {archive!r}"
    away = f"/run/wallbite/archive-{secrets.token_hex(4)}"
    shutil.move(archive, away)
    needles = [Needle(mark, mark.encode()) for mark in sought]
    return {hit["needle"] for hit in search_files([away], needles).hits}, ""
