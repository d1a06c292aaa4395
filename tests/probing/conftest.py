"""A scene of real objects and real uids: what an account may not reach, and what it may."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import stat
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from wallbite.probing.answers import Answer, Result, parse
from wallbite.probing.carriers import probes
from wallbite.probing.plan import Attempt, Plan, plan

PYTHON = "/usr/bin/python3"  # every account can reach it
ACCOUNT = 62_101
SIBLING = 62_102

Ask = Callable[..., list[Result]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Without root there are no accounts."""
    if os.geteuid():
        for item in items:
            item.add_marker(pytest.mark.skip(reason="needs root"))


@dataclass(frozen=True)
class Scene:
    """Objects in a closed directory, in an open one, and in the account's own.

    Each of the three holds `file`, `directory`, `socket` and `program`.
    """

    root: Path
    sockets: list[socket.socket] = field(default_factory=list)

    @property
    def closed(self) -> Path:
        """Root's, and 0700."""
        return self.root / "closed"

    @property
    def open(self) -> Path:
        """Root's, and 0755: what is in it is walled by its own mode only."""
        return self.root / "open"

    @property
    def mine(self) -> Path:
        """The account's."""
        return self.root / "mine"

    @property
    def into(self) -> str:
        """An own directory to put things in."""
        return str(self.mine / "into")

    @property
    def onto(self) -> str:
        """An own directory that is not empty."""
        return str(self.mine / "onto")

    def fill(self, folder: Path, owner: int, mode: int) -> None:
        """Lays down one of the three directories."""
        folder.mkdir()
        (folder / "file").write_bytes(b"canary")
        (folder / "directory").mkdir()
        shutil.copy("/bin/true", folder / "program")
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(folder / "socket"))
        listener.listen()
        self.sockets.append(listener)
        for path, bits in (("file", 0o600), ("directory", 0o700), ("program", 0o700), ("socket", 0o600), (".", mode)):
            os.chown(folder / path, owner, owner)
            os.chmod(folder / path, bits)


@pytest.fixture
def scene() -> Iterator[Scene]:
    """A scene that all can search."""
    root = Path(tempfile.mkdtemp(prefix="probing-", dir="/tmp"))
    root.chmod(0o755)
    made = Scene(root)
    made.fill(made.closed, 0, 0o700)
    made.fill(made.open, 0, 0o755)
    made.fill(made.mine, ACCOUNT, 0o700)
    for path in (made.into, made.onto, made.onto + "/full"):
        Path(path).mkdir()
        os.chown(path, ACCOUNT, ACCOUNT)
    for name in ("probe.py", "plugin.py"):
        shutil.copy(probes() / name, root)
    yield made
    for listener in made.sockets:
        listener.close()
    shutil.rmtree(root)


def run(scene: Scene, asked: Plan, uid: int = ACCOUNT, python: str = PYTHON, **settings: Any) -> Answer:
    """Has a fresh probe attempt a plan as a uid, and parses its answer."""
    path = scene.root / f"{asked.nonce}.plan"
    path.write_text(asked.to_json())
    path.chmod(0o644)
    done = subprocess.run(
        [python, "-I", str(scene.root / "probe.py"), str(path)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=60,
        **{"user": uid, "group": uid, "extra_groups": [], "cwd": "/", **settings},
    )
    assert not done.returncode, done.stderr
    assert not done.stderr
    return parse(done.stdout, asked)


@pytest.fixture
def ask(scene: Scene) -> Ask:
    """Attempts as the account, or as another uid, in a probe of its own; gives the results."""

    def asking(*attempts: Attempt, uid: int = ACCOUNT, **settings: Any) -> list[Result]:
        asked = plan(secrets.token_hex(8), attempts, answer="stdout")
        return list(run(scene, asked, uid, **settings).results)

    return asking


@pytest.fixture
def sleepers() -> Iterator[dict[int, int]]:
    """Process ids of a sleeping process of root, of the account, and of its sibling, by uid."""
    started = {
        uid: subprocess.Popen(
            ["/bin/sleep", "600"], stdin=subprocess.DEVNULL, user=uid, group=uid, extra_groups=[], cwd="/"
        )
        for uid in (0, ACCOUNT, SIBLING)
    }
    yield {uid: process.pid for uid, process in started.items()}
    for process in started.values():
        process.kill()
        process.wait()


def snapshot(root: Path) -> dict[str, object]:
    """All that must not change: names, inodes, types, modes, owners, sizes, attributes, bytes."""
    found: dict[str, object] = {}
    for path in [root, *sorted(root.rglob("*"))]:
        status = path.lstat()
        names = os.listxattr(path, follow_symlinks=False)
        attributes = {name: os.getxattr(path, name, follow_symlinks=False) for name in names}
        content = path.read_bytes() if stat.S_ISREG(status.st_mode) else b""
        found[str(path)] = (
            status.st_ino, status.st_mode, status.st_uid, status.st_gid, status.st_nlink,
            status.st_size if content else 0, attributes, content,
        )  # fmt: skip
    return found
