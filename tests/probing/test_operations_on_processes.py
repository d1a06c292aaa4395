"""Each operation on processes, keys, IPC and the network: denied across uids, allowed where it must be."""

from __future__ import annotations

import ctypes
import http.server
import json
import os
import secrets
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.probing.conftest import ACCOUNT, PYTHON, SIBLING, Ask, Scene
from wallbite.probing.plan import Attempt

YAMA = Path("/proc/sys/kernel/yama/ptrace_scope")
SELF_TRACE = "EPERM" if YAMA.exists() and YAMA.read_text() != "0\n" else "OK"


def about(pid: int) -> list[Attempt]:
    """Every attempt that takes a process, on one."""
    names = ("environ", "mem", "maps", "fd", "root", "cwd", "exe", "map_files")
    return [
        Attempt("signal", "process", arguments={"pid": pid}),
        Attempt("ptrace", "process", arguments={"pid": pid}),
        Attempt("vm-read", "process", arguments={"pid": pid, "address": 0}),
        Attempt("pidfd-getfd", "process", arguments={"pid": pid}),
        *[Attempt("proc", name, arguments={"pid": pid, "name": name}) for name in names],
    ]


@pytest.mark.parametrize("other", [0, SIBLING])
def test_another_uids_process_is_walled(ask: Ask, sleepers: dict[int, int], other: int) -> None:
    """EPERM for what needs tracing rights, EACCES for what is a file."""
    got = [result.errno for result in ask(*about(sleepers[other]))]
    assert got == ["EPERM"] * 4 + ["EACCES"] * 8


def test_an_own_process_and_roots_right_are_not(ask: Ask, sleepers: dict[int, int]) -> None:
    """The controls: EFAULT says that the memory could have been read; map_files needs more than its owner has."""
    own = [result.errno for result in ask(*about(sleepers[ACCOUNT]))]
    assert own[:4] == ["OK", SELF_TRACE, "EFAULT" if SELF_TRACE == "OK" else "EPERM", SELF_TRACE]
    assert set(own[4:-1]) == {"OK"}
    assert [result.errno for result in ask(*about(sleepers[SIBLING]), uid=0)] == ["OK", "OK", "EFAULT", *["OK"] * 9]


def test_seizing_leaves_the_process_running(ask: Ask, sleepers: dict[int, int]) -> None:
    """The tracer's end detaches, and nothing was stopped."""
    ask(*about(sleepers[SIBLING]), uid=0)
    status = Path(f"/proc/{sleepers[SIBLING]}/status").read_text()
    assert "State:\tS" in status
    assert "TracerPid:\t0" in status


@pytest.mark.parametrize("pid", [0, -1, True, "1"])
def test_a_pid_that_names_no_single_process_is_refused(ask: Ask, pid: object) -> None:
    """Signals to groups or to everyone are never sent, not even signal 0."""
    results = ask(
        *[Attempt(name, "all", arguments={"pid": pid}) for name in ("signal", "ptrace", "vm-read", "pidfd-getfd")]
    )
    assert [result.errno for result in results] == [None] * 4


def test_nobody_else_can_be_become(ask: Ask) -> None:
    """EPERM for root, a sibling and any capability; the own ids are allowed, and root may all."""
    ids = [
        Attempt(name, str(one), arguments={"id": one})
        for one in (0, SIBLING)
        for name in ("become-uid", "become-gid", "become-groups")
    ]
    attempts = [*ids, Attempt("raise", "setuid", arguments={"mask": "80"})]
    assert {result.errno for result in ask(*attempts)} == {"EPERM"}
    assert {result.errno for result in ask(*attempts, uid=0)} == {"OK"}
    own = [
        Attempt("become-uid", "own", arguments={"id": ACCOUNT}),
        Attempt("become-gid", "own", arguments={"id": ACCOUNT}),
    ]
    assert {result.errno for result in ask(*own)} == {"OK"}


def test_the_setuid_canary_tells_whom_it_became(scene: Scene, ask: Ask) -> None:
    """Root without no_new_privs, the account with it."""
    canary = scene.root / "canary"
    shutil.copy("/bin/cat", canary)
    canary.chmod(0o4755)
    attempt = Attempt("setuid-canary", "canary", path=str(canary))
    (free,) = ask(attempt)
    if os.statvfs(canary).f_flag & os.ST_NOSUID:
        pytest.skip("the file system is mounted nosuid")
    assert (free.errno, free.seen) == ("OK", {"uid": 0})
    (bound,) = ask(attempt, preexec_fn=no_new_privs)
    assert (bound.errno, bound.seen) == ("OK", {"uid": ACCOUNT})
    canary.chmod(0o4700)
    assert ask(attempt)[0].errno == "EACCES"


def no_new_privs() -> None:
    """prctl(PR_SET_NO_NEW_PRIVS)."""
    ctypes.CDLL(None).prctl(38, 1, 0, 0, 0)


def test_a_key_is_found_in_the_own_keyring_only(scene: Scene) -> None:
    """A key of one session is found and read there, and neither by name nor by serial from another."""
    description = f"wallbite-{secrets.token_hex(8)}"
    asking = f"""
import ctypes, json, sys
sys.path.insert(0, {str(scene.root)!r})
sys.dont_write_bytecode = True
import probe
probe.syscall(probe.key_calls()[1], 1, 0)
names = [["key-add", {{"description": {description!r}}}], ["key-search", {{"description": {description!r}}}]]
found = [probe.attempt(name, "", given) for name, given in names]
found.append(probe.attempt("key-read", "", {{"serial": found[0][1]["serial"]}}))
probe.syscall(probe.key_calls()[1], 1, 0)
found.append(probe.attempt("key-search", "", {{"description": {description!r}}}))
found.append(probe.attempt("key-read", "", {{"serial": 1}}))
print(json.dumps(found))
"""
    done = subprocess.run(
        [PYTHON, "-I", "-c", asking], capture_output=True, check=True, user=ACCOUNT, group=ACCOUNT, extra_groups=[]
    )
    added, searched, read, other, none = json.loads(done.stdout)
    assert [added[0], searched[0], read[0], other[0], none[0]] == ["OK", "OK", "OK", "ENOKEY", "ENOKEY"]
    assert added[1] == searched[1]
    assert read[1]["size"] == len(b"wallbite")


@pytest.fixture
def server() -> Iterator[int]:
    """The port of an HTTP server that wants credentials."""

    class Closed(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(401 if self.path != "/open" else 200)
            self.end_headers()

        do_POST = do_GET  # noqa: N815 - http.server's name

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Closed) as listening:
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        yield listening.server_port
        listening.shutdown()
        thread.join()


def test_an_http_answer_is_a_status(ask: Ask, server: int) -> None:
    """A status is no denial by itself; a port that is closed, or that is silent, has an errno."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        results = ask(
            Attempt("http", "closed", arguments={"url": f"http://127.0.0.1:{server}/job/1"}),
            Attempt("http", "open", arguments={"url": f"http://127.0.0.1:{server}/open", "method": "POST"}),
            Attempt("http", "nobody", arguments={"url": f"http://127.0.0.1:{silent.getsockname()[1]}/"}),
            Attempt("http", "file", arguments={"url": "file:///etc/passwd"}),
        )
    assert [(one.errno, one.seen.get("status")) for one in results] == [
        ("OK", 401), ("OK", 200), ("ECONNREFUSED", None), (None, None),
    ]  # fmt: skip


def test_an_abstract_socket_has_no_wall(ask: Ask) -> None:
    """Its name is all that it takes: that is why a gateway must not have one."""
    name = f"wallbite-{secrets.token_hex(8)}"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(f"\0{name}")
        listening.listen()
        there, gone = ask(
            Attempt("abstract", "there", arguments={"name": name}),
            Attempt("abstract", "gone", arguments={"name": name + "x"}),
        )
    assert (there.errno, gone.errno) == ("OK", "ECONNREFUSED")


@pytest.mark.parametrize(("kind", "size", "remove"), [("shm", (4096,), 0), ("sem", (1,), 0), ("msg", (), 0)])
def test_ipc_of_root_is_walled_by_its_mode(ask: Ask, kind: str, size: tuple[int, ...], remove: int) -> None:
    """0600 is EACCES for an account, 0666 is allowed, and what is not there is ENOENT."""
    library = ctypes.CDLL(None, use_errno=True)
    key, create = secrets.randbelow(1 << 30) + 1, 0o1000
    attempt = Attempt("sysv", kind, arguments={"type": kind, "key": key})
    for mode, expected in ((0o600, "EACCES"), (0o666, "OK")):
        made = getattr(library, f"{kind}get")(key, *size, create | mode)
        assert made >= 0
        try:
            assert ask(attempt)[0].errno == expected
            assert ask(attempt, uid=0)[0].errno == "OK"
        finally:
            control = (made, 0, remove, 0) if kind == "sem" else (made, remove, 0)
            assert getattr(library, f"{kind}ctl")(*control) == 0
    assert ask(attempt)[0].errno == "ENOENT"
