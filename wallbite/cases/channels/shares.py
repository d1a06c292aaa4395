"""Case ``shares``: roots of one's own and of a group's, two users at once, and a backup."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from wallbite.cases.channels.calling import HOME, Caller, call, lay_library, library, own_directory
from wallbite.cases.channels.products import STEPS, read
from wallbite.cases.scene import CaseProblem, Scene
from wallbite.stages import acl
from wallbite.stages.dropped import as_identity

COMMON: Final = ("/tmp", "/var/tmp", "/dev/shm", "/run")
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


def below(top: str) -> Iterator[tuple[str, os.stat_result]]:
    """Every plain file below a directory."""
    for folder, directories, names in os.walk(top):
        directories.sort()
        for name in sorted(names):
            path = os.path.join(folder, name)
            with suppress(OSError):
                found = os.lstat(path)
                if stat.S_ISREG(found.st_mode):
                    yield path, found


def own_root(scene: Scene) -> None:
    """The page's first pattern: the root at 0700; then a run, and somebody else who tries every file of it."""
    home = own_directory(scene, f"{HOME}/own", 0o700)
    called = call(scene, steps(scene, home, "own"), 50, home=home)
    files = []
    for path, found in list(below(home))[:_MOST]:
        mode = f"{stat.S_IMODE(found.st_mode):04o}"
        files.append([os.path.relpath(path, home), mode, tries(scene, "other", path), tries(scene, "gateway", path)])
    mode = f"{stat.S_IMODE(os.stat(home).st_mode):04o}"
    scene.note("own-root", "files", files=files, root=mode, problem=problem_of(called))


def problem_of(called: Any) -> str:
    """Why a run did not come to its end."""
    errors = [f"{one.error}: {one.text}" for one in called.outcomes if one.error]
    return str(called.problem or "; ".join(errors))


def group_root(scene: Scene) -> None:
    """The page's second pattern: setgid, a default access list; each channel's file, and a plain one beside."""
    ids = scene.identities
    home = own_directory(scene, f"{HOME}/shared", 0o770)
    os.chown(home, ids.uid("gateway"), ids.gid("member"))
    os.chmod(home, 0o2770)
    acl.grant(home, ids.uid("member"), 7, acl.DEFAULT)
    acl.grant(home, ids.uid("member"), 7)
    files, problems = [], []
    for channel in library(scene).channels.values():
        directory = f"{home}/{channel.name}"
        if not channel.makes_directory:
            own_directory(scene, directory, 0o2770)
        path = f"{directory}/{channel.file.replace('{name}', 'probe')}"
        arguments = {"directory": directory, "name": "probe", "text": "shared content", "file": path}
        called = call(scene, [{"call": channel.call, "umask": "007", "arguments": arguments}], home=home)
        problems.append(problem_of(called))
        os.chmod(directory, 0o2775)  # so that the file itself decides
        files.append([channel.name, tries(scene, "member", path), tries(scene, "gateway", path), acl.names(path)])
    plain = f"{home}/plain"
    as_identity(ids.uid("gateway"), ids.gid("gateway"), (ids.gid("member"),), lambda: made(plain))
    control = tries(scene, "member", plain)
    scene.note("group-root", "files", files=files, plain=control, problem="; ".join(filter(None, problems)))


def made(path: str) -> bool:
    """A file as any program makes it."""
    os.umask(0o007)
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o666))
    return True


def common() -> set[str]:
    """Every plain file where all users come."""
    return {path for top in COMMON for path, _ in below(top) if not path.startswith("/run/wallbite")}


def two_users(scene: Scene, before: set[str]) -> None:
    """Two users at once, each with a root of its own; what any run left where both come, and of the other."""
    marks = {who: f"mark-{secrets.token_hex(10)}" for who in ("gateway", "other")}
    homes = {who: own_directory(scene, f"{HOME}/of-{who}", 0o700, who) for who in marks}
    callers = [
        Caller(scene, steps(scene, homes[who], mark), who, home=homes[who]).start() for who, mark in marks.items()
    ]
    problems = [problem_of(one.finish(50)) for one in callers]
    left = sorted(common() - before)
    crossed = [
        path
        for who, mark in marks.items()
        for path, _ in below(homes[who])
        if any(other.encode() in read(path) for other in marks.values() if other != mark)
    ]
    own = {who: sum(mark.encode() in read(path) for path, _ in below(homes[who])) for who, mark in marks.items()}
    seen = {"common": left[:20], "crossed": crossed[:20], "own": own}
    scene.note("two-users", "homes", problem="; ".join(filter(None, problems)), **seen)


def backup(scene: Scene) -> None:
    """A backup of a run whose audit surfaces each hold a mark; the marks are searched in the archive."""
    home = own_directory(scene, f"{HOME}/kept", 0o700)
    surfaces = ("transcript", "raw-result", "checkpoint", "audit")
    marks: Mapping[str, str] = {name: f"{name}-{secrets.token_hex(10)}" for name in surfaces}
    called = call(scene, [{"call": "backup", "arguments": {"home": home, "marks": dict(marks)}}], 50, home=home)
    outcome = called.outcomes[0] if called.outcomes else None
    if outcome is None or outcome.error:
        raise CaseProblem(f"no backup was made: {problem_of(called)}")
    archive = str(outcome.answer.get("path", ""))
    try:
        data = read(archive)
    except OSError as error:
        raise CaseProblem(f"the backup cannot be read: {error}") from error
    laid = [
        name for name, mark in marks.items() if any(mark.encode() in read(p) for p, _ in below(home) if p != archive)
    ]
    kept = [name for name, mark in marks.items() if mark.encode() in data]
    scene.note("backup", "archive", laid=laid, kept=kept, size=len(data), empty=not data)
