"""Each operation on files: denied below a closed parent, denied below an open one, and allowed where it must be."""

from __future__ import annotations

import hashlib
import os
import socket
import struct
from pathlib import Path

import pytest

from tests.probing.conftest import ACCOUNT, Ask, Scene
from wallbite.probing.handles import make_handle
from wallbite.probing.plan import Attempt

HARD_LINKS = "EPERM" if Path("/proc/sys/fs/protected_hardlinks").read_text() == "1\n" else "OK"

# operation, object: errno below a closed parent, below an open one, in the own directory
TABLE = {
    ("read", "file"): ("EACCES", "EACCES", "OK"),
    ("write", "file"): ("EACCES", "EACCES", "OK"),
    ("append", "file"): ("EACCES", "EACCES", "OK"),
    ("execute", "program"): ("EACCES", "EACCES", "OK"),
    ("execute", "directory"): ("EACCES", "EACCES", "OK"),
    ("list", "directory"): ("EACCES", "EACCES", "OK"),
    ("map", "file"): ("EACCES", "EACCES", "OK"),
    ("xattr", "file"): ("EACCES", "EACCES", "OK"),
    ("xattr", "directory"): ("EACCES", "EACCES", "OK"),
    ("connect", "socket"): ("EACCES", "EACCES", "OK"),
    ("stat", "file"): ("EACCES", "OK", "OK"),
    ("stat", "socket"): ("EACCES", "OK", "OK"),
    ("create", "directory"): ("EACCES", "EACCES", "OK"),
    ("remove", "file"): ("EACCES", "EACCES", "ENOTDIR"),
    ("remove", "socket"): ("EACCES", "EACCES", "ENOTDIR"),
    ("remove", "directory"): ("EACCES", "EACCES", "EISDIR"),
    ("rename", "file"): ("EACCES", "EACCES", "EISDIR"),
    ("rename", "directory"): ("EACCES", "EACCES", "ENOTEMPTY"),
    ("link", "file"): ("EACCES", HARD_LINKS, "OK"),
    ("touch", "file"): ("EACCES", "EACCES", "OK"),
    ("chmod", "file"): ("EACCES", "EPERM", "OK"),
    ("chown", "file"): ("EACCES", "EPERM", "OK"),
    ("chown", "directory"): ("EACCES", "EPERM", "OK"),
    ("acl", "file"): ("EACCES", "EPERM", "OK"),
    ("trusted", "file"): ("EACCES", "EPERM", "EPERM"),
    ("symlink-read", "file"): ("EACCES", "EACCES", "OK"),
    ("root-read", "file"): ("EACCES", "EACCES", "OK"),
    ("bind", "file"): ("EPERM", "EPERM", "EPERM"),
}


def arguments(scene: Scene, name: str, kind: str) -> dict[str, object]:
    """What the operations take, with what root saw of the object."""
    mode = 0o700 if kind in ("directory", "program") else 0o600
    everything = {"into": scene.into, "onto": scene.onto, "kind": kind, "mode": f"{mode:04o}", "uid": 0, "gid": 0}
    taken = {
        "remove": ["kind"], "rename": ["onto"], "link": ["into"], "symlink-read": ["into"], "bind": ["into"],
        "chmod": ["mode"], "acl": ["mode"], "chown": ["uid", "gid"],
    }  # fmt: skip
    return {key: everything[key] for key in taken.get(name, [])}


def test_every_cell_of_the_table_is_as_written(scene: Scene, ask: Ask) -> None:
    """Which errno an account gets, in one probe: closed parent, open parent, own directory."""
    cells = [
        (operation, kind, folder, expected)
        for (operation, kind), row in TABLE.items()
        for folder, expected in zip(("closed", "open", "mine"), row, strict=True)
    ]
    attempts = [
        Attempt(operation, kind, path=str(scene.root / folder / kind), arguments=arguments(scene, operation, kind))
        for operation, kind, folder, _ in cells
    ]
    results = ask(*attempts)
    got = [(*cell[:3], result.errno) for cell, result in zip(cells, results, strict=True)]
    assert got == cells


@pytest.mark.parametrize(
    ("operation", "kind", "errno"),
    [
        ("trusted", "file", "ENODATA"),
        ("trusted", "directory", "ENODATA"),
        ("bind", "file", "OK"),
        ("bind", "directory", "OK"),
    ],
)
def test_what_no_account_may_root_may(scene: Scene, ask: Ask, operation: str, kind: str, errno: str) -> None:
    """The controls of operations that every account is denied: they reach the kernel, and say so to root."""
    attempt = Attempt(operation, kind, path=str(scene.closed / kind), arguments=arguments(scene, operation, kind))
    assert ask(attempt, uid=0)[0].errno == errno
    assert not list(Path(scene.into).iterdir())


def test_a_handle_opens_for_root_and_for_no_account(scene: Scene, ask: Ask) -> None:
    """A handle goes round closed directories, which is why only CAP_DAC_READ_SEARCH may use one."""
    try:
        handle = make_handle(str(scene.closed / "file"))
    except OSError as error:
        pytest.skip(f"the file system makes no handles: {error}")
    attempt = Attempt("handle", "file", arguments={"handle": handle, "mount": str(scene.root)})
    assert ask(attempt)[0].errno == "EPERM"
    assert ask(attempt, uid=0)[0].errno == "OK"


def test_what_was_seen_is_size_and_digest_and_never_the_content(scene: Scene, ask: Ask) -> None:
    """A secret does not get into an answer by being read."""
    read, look, listed = ask(
        Attempt("read", "file", path=str(scene.mine / "file")),
        Attempt("stat", "file", path=str(scene.mine / "file")),
        Attempt("list", "mine", path=str(scene.mine)),
    )
    assert read.seen == {"size": 6, "sha256": hashlib.sha256(b"canary").hexdigest()}
    assert look.seen == {"mode": "0600", "uid": ACCOUNT, "gid": ACCOUNT, "size": 6, "kind": "file"}
    assert listed.seen == {"count": 6}


def test_execute_runs_not_one_instruction(scene: Scene, ask: Ask) -> None:
    """The exec takes place, and the program is killed before it begins."""
    program = scene.mine / "marks"
    program.write_text(f"#!/bin/sh\necho ran > {scene.mine}/ran\n")
    program.chmod(0o755)
    os.chown(program, ACCOUNT, ACCOUNT)
    assert [result.errno for result in ask(*[Attempt("execute", "x", path=str(program))] * 20)] == ["OK"] * 20
    assert not (scene.mine / "ran").exists()


def test_a_connection_to_a_long_path_or_a_datagram_socket_is_judged_alike(scene: Scene, ask: Ask) -> None:
    """Addresses hold 107 bytes, and a socket's type is no wall."""
    deep = scene.open / ("d" * 120)
    deep.mkdir()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        parent = os.open(deep, os.O_PATH)
        receiver.bind(f"/proc/self/fd/{parent}/socket")
        os.close(parent)
        (deep / "socket").chmod(0o600)
        assert ask(Attempt("connect", "s", path=str(deep / "socket")))[0].errno == "EACCES"
        (deep / "socket").chmod(0o666)
        assert ask(Attempt("connect", "s", path=str(deep / "socket")))[0].errno == "OK"


def test_a_fifo_or_a_missing_object_does_not_block_or_raise(scene: Scene, ask: Ask) -> None:
    """A FIFO has no reader to wait for; what is not there is ENOENT."""
    os.mkfifo(scene.mine / "fifo")
    os.chown(scene.mine / "fifo", ACCOUNT, ACCOUNT)
    results = ask(
        Attempt("read", "fifo", path=str(scene.mine / "fifo")),
        Attempt("write", "fifo", path=str(scene.mine / "fifo")),
        Attempt("read", "gone", path=str(scene.mine / "gone")),
        Attempt("xattr", "socket", path=str(scene.mine / "socket")),
    )
    assert [result.errno for result in results] == ["OK", "ENXIO", "ENOENT", None]


def test_what_would_not_be_harmless_is_refused_without_an_errno(scene: Scene, ask: Ask) -> None:
    """Renames that could succeed or be denied for another reason, setuid bits and capabilities that would be lost."""
    empty, setuid, capable = scene.mine / "empty", scene.mine / "setuid", scene.mine / "capable"
    empty.mkdir()
    for path in (setuid, capable):
        path.write_bytes(b"x")
    for path in (empty, setuid, capable):
        os.chown(path, ACCOUNT, ACCOUNT)
    setuid.chmod(0o4700)
    os.setxattr(capable, "security.capability", struct.pack("<IIIII", 0x02000000, 1, 0, 0, 0))
    results = ask(
        Attempt("rename", "d", path=str(scene.mine / "directory"), arguments={"onto": str(empty)}),
        Attempt("rename", "f", path=str(scene.mine / "file"), arguments={"onto": str(scene.open / "directory")}),
        Attempt("chown", "setuid", path=str(setuid), arguments={"uid": ACCOUNT, "gid": ACCOUNT}),
        Attempt("chown", "capable", path=str(capable), arguments={"uid": ACCOUNT, "gid": ACCOUNT}),
        Attempt("remove", "wrong kind", path=str(empty), arguments={"kind": "file"}),
        Attempt("read", "nul", path="/etc/\0"),
        Attempt("link", "no argument", path=str(empty)),
    )
    assert [result.errno for result in results] == [None, None, None, None, "EISDIR", None, None]
    assert all("error" in result.seen for result in results if result.errno is None)
    assert "KeyError" in results[-1].seen["error"]


def test_own_uses_an_own_directory_and_says_which_step_failed(scene: Scene, ask: Ask) -> None:
    """The positive control in one attempt; nothing is left in the directory."""
    before = sorted(scene.mine.iterdir())
    allowed, denied = ask(Attempt("own", "mine", path=str(scene.mine)), Attempt("own", "open", path=str(scene.open)))
    assert allowed.errno == "OK"
    assert (denied.errno, denied.seen) == ("EACCES", {"step": "create"})
    assert sorted(scene.mine.iterdir()) == before


def test_sweep_finds_what_is_writable_and_skips_what_it_is_told(scene: Scene, ask: Ask) -> None:
    """Every writable path below a root, links not followed, hostile names as valid text."""
    (scene.open / "loose").write_bytes(b"")
    (scene.open / "loose").chmod(0o666)
    odd = os.fsencode(scene.open) + b"/o\xffd\n"
    with open(odd, "wb"):
        os.chmod(odd, 0o666)  # noqa: S103 - what a sweep must find
    (scene.open / "link").symlink_to(scene.mine)
    (swept,) = ask(Attempt("sweep", "all", path=str(scene.root), arguments={"skip": [str(scene.mine)]}))
    assert sorted(swept.seen["writable"]) == sorted([f"{scene.open}/loose", f"{scene.open}/o\\xffd\n"])
    assert swept.seen["more"] == 0
    (whole,) = ask(Attempt("sweep", "all", path=str(scene.root)))
    assert f"{scene.mine}/file" in whole.seen["writable"]
    assert whole.seen["looked"] > swept.seen["looked"]


def test_a_path_that_is_not_ascii_is_reached_in_any_locale(scene: Scene, ask: Ask) -> None:
    """The plan's bytes count, not the interpreter's locale."""
    path = scene.mine / "é\udcff"
    path.write_bytes(b"canary")
    os.chown(path, ACCOUNT, ACCOUNT)
    for locale in ("C", "C.UTF-8", "POSIX"):
        assert ask(Attempt("read", "é", path=str(path)), env={"LC_ALL": locale})[0].errno == "OK"
