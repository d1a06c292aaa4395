"""The probe as a program: whom it says it is, how its answer travels, where it runs."""

from __future__ import annotations

import ast
import json
import os
import re
import resource
import secrets
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.probing.conftest import ACCOUNT, PYTHON, SIBLING, Scene, run
from wallbite.probing.answers import parse
from wallbite.probing.carriers import probes
from wallbite.probing.inbox import Inbox
from wallbite.probing.plan import OPERATIONS, Attempt, Plan, plan
from wallbite.probing.run_here import load_probe, run_plan

PYTHONS = sorted(Path("/root/.pyenv/versions").glob("3.*/bin/python")) if os.geteuid() == 0 else []
SUPPORTED = [path for path in PYTHONS if tuple(map(int, path.parts[4].split(".")[:2])) >= (3, 8)]
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "architecture.md"


def nonce() -> str:
    """A new one."""
    return secrets.token_hex(8)


def no_core() -> None:
    """Sets the core limit to nothing."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def test_identity_is_what_the_kernel_says(scene: Scene) -> None:
    """Ids, groups, capabilities, limits, umask, cwd and environment of a process that was started in a known way."""
    answer = run(
        scene, plan(nonce(), [], answer="stdout"), extra_groups=[62_200, 62_201], umask=0o027, cwd=str(scene.mine),
        start_new_session=True, preexec_fn=no_core, env={"HOME": "/x", "SECRET_TOKEN": "never", "LANG": "C.UTF-8"},
    )  # fmt: skip
    who = answer.who
    assert who["uids"] == who["gids"] == [ACCOUNT] * 4
    assert who["groups"] == [62_200, 62_201]
    assert {int(who["capabilities"][name], 16) for name in ("permitted", "effective", "inheritable", "ambient")} == {0}
    assert (who["session"], who["process_group"], who["terminal"]) == (who["pid"], who["pid"], None)
    assert (who["umask"], who["cwd"]) == ("0027", str(scene.mine))
    assert who["environment"] == ["HOME", "LANG", "SECRET_TOKEN"]
    assert who["directories"] == {"HOME": "/x"}
    assert "never" not in json.dumps(who)
    assert (
        who["limits"]["core"]
        == list(map(int, re.findall(r"Max core file size\s+(\d+)", Path("/proc/self/limits").read_text())))
        or who["limits"]["core"]
    )
    assert answer.carrier == {"plugin": None, "job": None, "command": None, "attempt": None}


def test_descriptors_are_exactly_those_it_was_started_with(scene: Scene) -> None:
    """A file, a directory and a socket that were left open are seen; the probe's own are not."""
    quiet = [number for number, _ in run(scene, plan(nonce(), [], answer="stdout")).who["descriptors"]]
    assert quiet == [0, 1, 2]
    with open("/etc/passwd") as file, socket.socket() as inet:
        directory = os.open("/", os.O_RDONLY)
        given = [file.fileno(), inet.fileno(), directory]
        seen = run(scene, plan(nonce(), [], answer="stdout"), pass_fds=given).who["descriptors"]
        os.close(directory)
    targets = dict(map(tuple, seen))
    assert sorted(targets) == sorted([0, 1, 2, *given])
    assert (targets[given[0]], targets[given[2]]) == ("/etc/passwd", "/")


HIDDEN = 0x180000000  # 32 and 33, which no program can set back: libc keeps them to itself


def test_signals_that_were_blocked_or_ignored_are_seen(scene: Scene) -> None:
    """Python ignores SIGPIPE and SIGXFSZ by itself, and catches SIGINT: nothing else is its own."""
    clean = run(scene, plan(nonce(), [], answer="stdout")).who["signals"]
    assert (int(clean["blocked"], 16), int(clean["ignored"], 16) & ~HIDDEN) == (0, 0x1001000)

    def block() -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    kept = run(scene, plan(nonce(), [], answer="stdout"), preexec_fn=block).who["signals"]
    assert (int(kept["blocked"], 16), int(kept["ignored"], 16) & ~HIDDEN) == (1 << 9, 0x1001001)


@pytest.mark.parametrize("python", SUPPORTED, ids=lambda path: path.parts[4])
def test_it_runs_under_every_supported_python(scene: Scene, python: Path) -> None:
    """The same plan, the same errnos, from 3.8 on."""
    attempts = [
        Attempt("read", "file", path=str(scene.closed / "file")),
        Attempt("execute", "program", path=str(scene.closed / "program")),
        Attempt("create", "directory", path=str(scene.closed / "directory")),
        Attempt("remove", "directory", path=str(scene.closed / "directory")),
        Attempt("trusted", "file", path=str(scene.closed / "file")),
        Attempt("become-uid", "sibling", arguments={"id": SIBLING}),
        Attempt("raise", "setuid", arguments={"mask": 0x80}),
        Attempt("key-search", "none", arguments={"description": "wallbite-none"}),
        Attempt("acl", "file", path=str(scene.closed / "file")),
    ]
    answer = run(scene, plan(nonce(), attempts, answer="stdout"), uid=0, python=str(python))
    expected = ["OK", "OK", "OK", "EISDIR", "ENODATA", "OK", "OK", "ENOKEY", "OK"]
    assert [result.errno for result in answer.results] == expected


@pytest.mark.parametrize("name", ["probe.py", "plugin.py"])
def test_it_is_written_for_38_and_imports_the_standard_library_only(name: str) -> None:
    """A probe runs on whatever machine the target runs on."""
    tree = ast.parse((probes() / name).read_text(), feature_version=(3, 8))
    found = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    found |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {one.partition(".")[0] for one in found} - {"probe"} <= sys.stdlib_module_names
    top = {alias.name for node in tree.body if isinstance(node, ast.Import) for alias in node.names}
    assert not top & {"ctypes", "mmap", "resource", "socket"}


def test_without_json_it_says_so_in_one_record(scene: Scene) -> None:
    """Debian's minimal Python has none."""
    source = (scene.root / "probe.py").read_text()
    gone = "sys.modules['json'] = sys.modules['_json'] = None"
    program = f"import sys; {gone}; sys.argv = ['probe', 'plan']\nexec(sys.stdin.read())"
    done = subprocess.run([PYTHON, "-I", "-c", program], input=source, capture_output=True, check=False, text=True)
    assert done.returncode == 2
    assert "no json module" in json.loads(done.stdout)["error"]


def test_the_table_the_probe_and_the_document_name_the_same_operations() -> None:
    """The plan's table, the probe's dispatch and the documented table agree, on what is intrusive too."""
    rows = re.findall(r"^\| (`[a-z-]+`(?:, `[a-z-]+`)*) \| .* \| (.*) \| .*\|$", DOCUMENT.read_text(), re.MULTILINE)
    documented = {name: "intrusive" in harmless for names, harmless in rows for name in re.findall(r"[a-z-]+", names)}
    assert {name: info.intrusive for name, info in OPERATIONS.items()} == documented
    assert load_probe().OPERATIONS.keys() == OPERATIONS.keys()


def test_an_unknown_operation_is_recorded_and_not_raised(scene: Scene) -> None:
    """A newer plan and an older probe still give an answer."""
    answer = run(scene, Plan("ab", (Attempt("levitate", "x"),), answer="stdout"))
    assert (answer.results[0].errno, answer.results[0].seen) == (None, {"error": "unknown operation 'levitate'"})
    with pytest.raises(ValueError, match="levitate"):
        plan("ab", [Attempt("levitate", "x")])
    with pytest.raises(ValueError, match="hex"):
        plan("../x", [])


def test_batches_hold_many_attempts_in_order(scene: Scene) -> None:
    """More attempts than fit a batch come back whole."""
    attempts = [
        Attempt("read", "file", path=str(scene.root / ("open" if at % 7 else "mine") / "file")) for at in range(1234)
    ]
    results = run(scene, plan(nonce(), attempts, answer="stdout")).results
    assert [result.errno for result in results] == ["EACCES" if at % 7 else "OK" for at in range(1234)]


def test_the_same_plan_in_this_process_and_in_a_dropped_child(scene: Scene) -> None:
    """Root's control needs no process; a child that dropped keeps working without seeing its interpreter."""
    asked = plan(
        "ab", [Attempt("read", "file", path=str(scene.closed / "file")), Attempt("own", "mine", path=str(scene.mine))]
    )
    assert [result.errno for result in run_plan(asked).results] == ["OK", "OK"]
    load_probe()
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.setgroups([])
        os.setresgid(ACCOUNT, ACCOUNT, ACCOUNT)
        os.setresuid(ACCOUNT, ACCOUNT, ACCOUNT)
        answer = run_plan(asked)
        said = [answer.who["uids"], [result.errno for result in answer.results], len(answer.who["descriptors"]) > 2]
        os.write(writing, json.dumps(said).encode())
        os._exit(0)
    os.close(writing)
    assert json.loads(os.read(reading, 4096)) == [[ACCOUNT] * 4, ["EACCES", "OK"], True]
    os.close(reading)
    os.waitpid(child, 0)


def start(scene: Scene, asked: Plan) -> subprocess.Popen[bytes]:
    """A probe that answers in the scene's inbox."""
    path = scene.root / f"{asked.nonce}.plan"
    path.write_text(asked.to_json())
    path.chmod(0o644)
    command = [PYTHON, "-I", str(scene.root / "probe.py"), str(path)]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, user=ACCOUNT, group=ACCOUNT, extra_groups=[], cwd="/")


def test_hold_keeps_the_process_until_the_fifo_was_written_and_closed(scene: Scene) -> None:
    """The answer comes first; then the probe stands still as somebody to look at."""
    inbox = Inbox(scene.root / "inbox")
    inbox.make()
    fifo = scene.root / "hold"
    os.mkfifo(fifo)
    fifo.chmod(0o644)
    asked = plan(nonce(), [], inbox=str(inbox.path), hold=str(fifo))
    process = start(scene, asked)
    (letter,) = inbox.await_answers(asked.nonce, 1, time.monotonic() + 20)
    assert parse(letter[2], asked).who["pid"] == process.pid
    assert process.poll() is None
    fifo.write_bytes(b"")
    assert process.wait(20) == 0


def test_the_first_run_fails_and_the_second_does_not(scene: Scene) -> None:
    """The marker in the inbox is what tells them apart; both answer."""
    inbox = Inbox(scene.root / "inbox")
    inbox.make()
    asked = plan(nonce(), [], inbox=str(inbox.path), first="fail")
    assert [start(scene, asked).wait(20) for _ in range(2)] == [3, 0]
    assert len(inbox.await_answers(asked.nonce, 2, time.monotonic() + 5)) == 2
    assert (inbox.path / f".{asked.nonce}.first.probe").exists()


def test_the_first_run_hangs_until_it_is_ended(scene: Scene) -> None:
    """It answers, then stands still; the next one ends by itself."""
    inbox = Inbox(scene.root / "inbox")
    inbox.make()
    asked = plan(nonce(), [], inbox=str(inbox.path), first="hang")
    process = start(scene, asked)
    assert inbox.await_answers(asked.nonce, 1, time.monotonic() + 20)
    handle = os.pidfd_open(process.pid)
    assert not select.select([handle], [], [], 0.3)[0]
    os.close(handle)
    process.kill()
    process.wait()
    assert start(scene, asked).wait(20) == 0


@pytest.mark.parametrize("broken", [b"", b"{", b"\xff", b'{"schema": "other/1"}', b"[]"])
def test_a_broken_plan_is_one_line_and_status_2(scene: Scene, broken: bytes) -> None:
    """No traceback, no answer."""
    (scene.root / "plan").write_bytes(broken)
    done = subprocess.run(
        [PYTHON, "-I", str(scene.root / "probe.py"), str(scene.root / "plan")], capture_output=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (2, b"", 1)
