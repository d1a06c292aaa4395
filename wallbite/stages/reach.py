"""Reach: the interpreter and the harness's files, readable by every uid at the paths that they have on the host.

They may lie below a directory that no account may enter, such as ``/root``, or that the stage hides. Only the paths
themselves work everywhere: shebangs, ``pyvenv.cfg`` and RPATHs name them. So the parents are replaced by empty
directories that may be traversed, and the trees are bound read-only in them.
"""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from wallbite.problems import EnvironmentProblem
from wallbite.stages import mounts

CONTENT: Final = ("conformance", "fixtures", "probes", "reports")
_DEEPEST: Final = 40  # links in one path, as the kernel has it


@dataclass(frozen=True, slots=True)
class Reach:
    """What is to be laid into a stage.

    Attributes:
        trees: real paths of directories and files; none lies below another.
        links: symbolic links on the way to them, each with what it says.
    """

    trees: tuple[str, ...] = ()
    links: tuple[tuple[str, str], ...] = ()


def python_trees() -> list[Path]:
    """The trees that this interpreter and the harness need: prefixes, site directories, package and content."""
    package = Path(__file__).resolve().parent.parent
    content = [package.parent / name for name in CONTENT if (package.parent / name).is_dir()]
    sites = [Path(entry) for entry in sys.path if entry.endswith(("site-packages", "dist-packages"))]
    candidates = [Path(sys.base_prefix), Path(sys.prefix), Path(sys.executable), *sites, package, *content]
    return [path for path in candidates if path.exists()]


def survey(paths: Iterable[str | os.PathLike[str]]) -> Reach:
    """Follow `paths` on the host: what must be bound, and which links lead there.

    What lies in a directory of the system (``/usr``) is left out: it is in the stage already.
    """
    trees = set[str]()
    links = dict[str, str]()
    for path in paths:
        found, real = _follow(os.path.abspath(path))
        links |= found
        trees.add(real)
    trees = {part for tree in trees for part in _opened(tree)}
    outer = [tree for tree in sorted(trees) if not _of_system(tree) and not _below(tree, trees - {tree})]
    return Reach(
        tuple(outer),
        tuple((link, says) for link, says in links.items() if not _of_system(link) and not _below(link, set(outer))),
    )


def lay(root: str, reach: Reach, points: list[str]) -> None:
    """Make everything of `reach` visible below `root`, the stage's root before it is entered.

    Args:
        root: where the stage's root is.
        reach: what to lay.
        points: the mount points of the host.

    Raises:
        OSError: of a mount.
    """
    for path in (*reach.trees, *(link for link, _ in reach.links)):
        _make_parents(root, path)
    for tree in reach.trees:
        _bind(tree, root + tree, points)
    for link, says in reach.links:
        if not os.path.lexists(root + link):
            Path(root + link).symlink_to(says)


def prove(uid: int, gid: int, modules: Iterable[str] = (), timeout: float = 30.0) -> None:
    """Start this interpreter under `uid` with `modules` imported.

    Raises:
        EnvironmentProblem: it did not start: a probe would fail, and must not look denied.
    """
    program = f"import {', '.join(['sys', *modules])}"
    try:
        subprocess.run(
            [sys.executable, "-I", "-c", program],
            user=uid,
            group=gid,
            extra_groups=[],
            cwd="/",
            env={},
            timeout=timeout,
            check=True,
            capture_output=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        shown = getattr(error, "stderr", None) or str(error).encode()
        last = shown.decode(errors="replace").strip().splitlines()[-1:]
        raise EnvironmentProblem(
            f"{sys.executable} does not start for uid {uid}: {' '.join(last)}",
            remedy="install Wallbite with umask 022, where its files are readable by all",
        ) from None


def _opened(tree: str) -> list[str]:
    """A tree or, where its top is closed to others (an environment made with umask 077), what lies in it."""
    if not os.path.isdir(tree) or os.stat(tree).st_mode & 0o005 == 0o005:  # noqa: PLR2004 - r-x for others
        return [tree]
    return [os.path.join(tree, name) for name in os.listdir(tree) if not os.path.islink(os.path.join(tree, name))]


def _follow(path: str) -> tuple[dict[str, str], str]:
    """The links on the way to `path`, and the path without any."""
    links = dict[str, str]()
    followed, current, pending = 0, Path("/"), deque(part for part in path.split("/") if part)
    while pending and followed < _DEEPEST:
        part = pending.popleft()
        following = current.parent if part == ".." else current / part
        if not following.is_symlink():
            current = following
            continue
        followed += 1
        links[str(following)] = says = str(following.readlink())
        current = Path("/") if says.startswith("/") else current
        pending.extendleft(reversed([part for part in says.split("/") if part]))
    return links, str(current)


def _of_system(path: str) -> bool:
    """Whether `path` lies in a directory that every stage has from the host, or is a link at the top to one."""
    top = path.split("/")[1]
    return mounts.is_system(top)


def _below(path: str, trees: set[str]) -> bool:
    return any(path == tree or path.startswith(tree + "/") for tree in trees)


def _make_parents(root: str, path: str) -> None:
    for parent in _ancestors(path):
        inside = Path(root + parent)
        if not os.path.lexists(inside):
            inside.mkdir(0o755)
        elif not inside.stat().st_mode & stat.S_IXOTH:
            mounts.tmpfs(str(inside), "mode=0711,size=1m")


def _ancestors(path: str) -> Iterator[str]:
    """Every directory above `path`, the topmost first, the root left out."""
    return (str(parent) for parent in list(Path(path).parents)[-2::-1])


def _bind(source: str, target: str, points: list[str]) -> None:
    if Path(source).is_dir():
        Path(target).mkdir(0o755, exist_ok=True)
    else:
        Path(target).touch(0o644)
    mounts.bind_read_only(source, target, mounts.UNPRIVILEGED, points)
