"""A probe does no harm, even as root, where no wall bites; and it leaves nothing behind."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import struct
from pathlib import Path

from tests.probing.conftest import ACCOUNT, Ask, Scene, snapshot
from wallbite.probing.handles import make_handle
from wallbite.probing.plan import OPERATIONS, Attempt, plan
from wallbite.probing.run_here import run_plan

KINDS = (
    "file",
    "directory",
    "program",
    "socket",
    "fifo",
    "symlink",
    "empty",
    "setuid",
    "capable",
    "listed",
    "hostile\n",
)


def enrich(scene: Scene) -> None:
    """Further kinds of objects: what a wrong `kind` could remove, and what a chown or an ACL could strip."""
    for folder in (scene.closed, scene.open, scene.mine):
        os.mkfifo(folder / "fifo")
        (folder / "symlink").symlink_to(folder / "file")
        (folder / "empty").mkdir()
        for name in ("setuid", "capable", "listed", "hostile\n"):
            (folder / name).write_bytes(b"canary")
        (folder / "setuid").chmod(0o6755)
        os.setxattr(folder / "capable", "security.capability", struct.pack("<IIIII", 0x02000001, 0xC0, 0, 0, 0))
        entries = [(1, 6, 0xFFFFFFFF), (2, 4, ACCOUNT), (4, 0, 0xFFFFFFFF), (16, 4, 0xFFFFFFFF), (32, 0, 0xFFFFFFFF)]
        value = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)
        os.setxattr(folder / "listed", "system.posix_acl_access", value)


def everything(scene: Scene, path: Path, pid: int) -> list[Attempt]:
    """Every operation on one object, with wrong arguments where there are any to get wrong."""
    given = {
        "into": scene.into, "onto": scene.onto, "kind": "file", "mode": "0777", "uid": 1, "gid": 1, "pid": pid, "id": 5,
        "mask": "ff", "name": "environ", "description": "wallbite-test", "serial": 1,
        "url": "http://127.0.0.1:1/", "type": "shm", "key": 12345, "handle": "1:00",
        "mount": str(scene.root), "skip": [],
    }  # fmt: skip
    with contextlib.suppress(OSError):
        given["handle"] = make_handle(str(path))
    wrong = {**given, "kind": "directory", "onto": f"{scene.mine}/empty"}
    pairs = [(name, arguments) for name in OPERATIONS for arguments in (given, wrong)]
    return [Attempt(name, path.name, path=str(path), arguments=arguments) for name, arguments in pairs]


def test_every_operation_as_root_changes_nothing(scene: Scene, ask: Ask, sleepers: dict[int, int]) -> None:
    """Names, inodes, types, bytes, modes, owners, sizes and attributes of all are as they were."""
    enrich(scene)
    before = snapshot(scene.root)
    attempts = [
        attempt
        for folder in (scene.closed, scene.open, scene.mine)
        for kind in KINDS
        for attempt in everything(scene, folder / kind, sleepers[ACCOUNT])
    ]
    results = ask(*attempts, uid=0)
    after = {path: was for path, was in snapshot(scene.root).items() if not path.endswith(".plan")}
    assert {path: after.get(path) for path in before} == before
    assert after.keys() == before.keys()
    assert "OK" in {result.errno for result in results}
    assert not [result.seen for result in results if "unknown operation" in result.seen.get("error", "")]


def test_every_operation_as_the_owner_changes_nothing(scene: Scene, ask: Ask, sleepers: dict[int, int]) -> None:
    """The same as the account, on what is its own."""
    enrich(scene)
    for kind in KINDS:
        os.chown(scene.mine / kind, ACCOUNT, ACCOUNT, follow_symlinks=False)
    (scene.mine / "setuid").chmod(0o6755)
    os.setxattr(scene.mine / "capable", "security.capability", struct.pack("<IIIII", 0x02000001, 0xC0, 0, 0, 0))
    before = snapshot(scene.root)
    ask(*[attempt for kind in KINDS for attempt in everything(scene, scene.mine / kind, sleepers[ACCOUNT])])
    after = {path: was for path, was in snapshot(scene.root).items() if not path.endswith(".plan")}
    assert after == before


def children() -> set[str]:
    """The children of this process: other tests of the same session may have left some."""
    return {pid for task in Path("/proc/self/task").iterdir() for pid in (task / "children").read_text().split()}


def descriptors() -> set[str]:
    """The numbers of this process's own."""
    return {path.name for path in Path("/proc/self/fd").iterdir()}


def test_nothing_that_a_probe_does_leaves_a_child_a_descriptor_or_a_mount(scene: Scene) -> None:
    """Children are reaped, descriptors closed, mounts gone: seen in the process that ran the plan."""
    attempts = [
        Attempt("execute", "program", path=str(scene.mine / "program")),
        Attempt("setuid-canary", "program", path=str(scene.mine / "program")),
        Attempt("bind", "file", path=str(scene.mine / "file"), arguments={"into": scene.into}),
        Attempt("become-uid", "own", arguments={"id": ACCOUNT}),
        Attempt("read", "file", path=str(scene.mine / "file")),
        Attempt("map", "file", path=str(scene.mine / "file")),
        Attempt("connect", "socket", path=str(scene.mine / "socket")),
        Attempt("pidfd-getfd", "self", arguments={"pid": os.getpid()}),
        Attempt("http", "nobody", arguments={"url": "http://127.0.0.1:1/"}),
    ]
    run_plan(plan("00", attempts))
    before, mounts = descriptors(), Path("/proc/self/mountinfo").read_text()
    offspring = children()
    answer = run_plan(plan("00", attempts))
    assert [result.errno for result in answer.results][:6] == ["OK", None, "OK", "OK", "OK", "OK"]
    assert descriptors() == before
    assert Path("/proc/self/mountinfo").read_text() == mounts
    assert children() == offspring


def test_what_hangs_is_given_up(ask: Ask) -> None:
    """A server that accepts and says nothing costs a bounded time, and has an errno of its own."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        (result,) = ask(Attempt("http", "silent", arguments={"url": f"http://127.0.0.1:{silent.getsockname()[1]}/"}))
    assert result.errno == errno.errorcode[errno.ETIMEDOUT]
