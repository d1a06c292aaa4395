"""A layout of the reference runtime in a temporary directory, and the runtime started on it in a chosen posture."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

RUNTIME = Path(__file__).resolve().parents[2] / "fixtures" / "gateway"
GATEWAY, ALPHA, BETA, DEFAULT = 61100, 61101, 61102, 61103
TOKEN = "a-token-of-the-tests"  # noqa: S105 (of a gateway that lives for a second)
BOTH = "+setuid,+setgid"

sys.path.insert(0, str(RUNTIME.parent))

ENTRY = """#!{python} -I
import json, os, sys, time
request = json.load(sys.stdin)
payload = request["payload"]
lines = [line.split(":", 1) for line in open("/proc/self/status").read().splitlines()]
status = {{key: value.split() for key, value in lines}}
wanted = ("Uid", "Gid", "Groups", "CapPrm", "CapEff", "CapInh", "CapAmb", "NoNewPrivs", "Umask")
seen = {{key: status[key] for key in wanted}}
seen["descriptors"] = sorted(int(name) for name in os.listdir("/proc/self/fd"))[:-1]
seen["environment"], seen["cwd"] = dict(os.environ), os.getcwd()
seen["leader"], seen["context"] = os.getsid(0) == os.getpid(), request["context"]
if seen["cwd"] != "/":
    with open(request["command"] + "." + request["context"]["trigger"], "a") as file:
        file.write(status["Uid"][0] + "\\n")
time.sleep(payload.get("sleep", 0))
if request["attempt"] <= payload.get("fail", 0):
    sys.exit(3)
print(json.dumps({{"status": "ok", "result": seen, "events": payload.get("events", [])}}))
"""


def find_interpreter() -> str:
    """A Python that an account can run, with what the runtime imports."""
    for python in (sys.executable, "/usr/bin/python3"):
        command = [python, "-I", "-c", "import yaml, waitress, sqlite3, ctypes"]
        try:
            ran = subprocess.run(
                command, user=GATEWAY, group=GATEWAY, extra_groups=[], check=False, capture_output=True
            )
        except OSError:
            continue
        if ran.returncode == 0:
            return python
    pytest.skip("no Python that other users can run has yaml and waitress (python3-yaml, python3-waitress)")


@dataclass
class Layout:
    """Where everything lies, and the configuration that `boot` writes."""

    top: Path
    python: str
    port: int
    owner: int = GATEWAY
    config: dict[str, Any] = field(default_factory=dict)

    @property
    def file(self) -> Path:
        """The configuration file."""
        return self.top / "etc" / "config.yaml"

    def own(self, path: Path, mode: int, uid: int | None = None) -> None:
        """Give a path its owner and mode."""
        os.chown(path, self.owner if uid is None else uid, self.owner if uid is None else uid)
        path.chmod(mode)

    def lay(self) -> None:
        """Make directories, files, plugins and the configuration."""
        for name, mode in (("etc", 0o700), ("etc/secret", 0o700), ("var", 0o711), ("var/state", 0o700),
                           ("var/accounts", 0o711), ("log", 0o700), ("run", 0o700), ("backups", 0o700)):  # fmt: skip
            (self.top / name).mkdir()
            self.own(self.top / name, mode)
        (self.top / "etc/secret/age.key").write_text("the very key\n")
        self.own(self.top / "etc/secret/age.key", 0o600)
        for name, uid in (("alpha", ALPHA), ("beta", BETA), ("default", DEFAULT)):
            (self.top / "var/accounts" / name).mkdir()
            self.own(self.top / "var/accounts" / name, 0o700, uid)
            self.config["accounts"][name] = {"uid": uid, "gid": uid, "state_dir": str(self.top / "var/accounts" / name)}
        for name in ("plain", "init-one"):
            self.plugin(name, ENTRY.format(python=self.python))

    def plugin(self, name: str, entry: str) -> None:
        """Lay down a plugin."""
        folder = self.top / "plugins" / name
        folder.mkdir(parents=True)
        commands = [{"name": command, "type": "write"} for command in ("poll", "handle", "health")]
        commands += [{"name": "init", "type": "write"}] if name.startswith("init-") else []
        manifest = {"manifest_spec": "ductile.plugin", "manifest_version": 1, "name": name, "version": "1",
                    "protocol": 2, "entrypoint": "entry", "commands": commands}  # fmt: skip
        (folder / "manifest.yaml").write_text(json.dumps(manifest))
        (folder / "entry").write_text(entry)
        (folder / "entry").chmod(0o755)

    def write(self) -> None:
        """Write the configuration as it stands."""
        self.file.write_text(yaml.safe_dump(self.config))
        self.own(self.file, 0o600)

    def command(self, *verb: str) -> list[str]:
        """The runtime's command line."""
        return [self.python, "-I", str(self.top / "lib/gateway"), *verb]


class Running:
    """A started gateway."""

    def __init__(self, layout: Layout, process: subprocess.Popen[str]) -> None:
        self.layout, self.process = layout, process

    def ask(self, method: str, path: str, body: object = None, token: str = TOKEN) -> tuple[int, Any]:
        """One HTTP request: status and answer."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.layout.port}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {token}"} if token else {},
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def job(self, number: str) -> dict[str, Any]:
        """A job, when it has ended."""
        job: dict[str, Any] = wait(lambda: self.ended(number))
        return job

    def ended(self, number: str) -> dict[str, Any] | None:
        """A job if it has ended."""
        job: dict[str, Any] = self.ask("GET", f"/job/{number}")[1]
        return job if job["status"] in ("succeeded", "failed") else None

    def run(self, plugin: str, command: str = "handle", **payload: object) -> dict[str, Any]:
        """Run a command to its end."""
        status, answer = self.ask("POST", f"/plugin/{plugin}/{command}", {"payload": payload})
        assert status == 202, answer
        return self.job(answer["job_id"])

    def log(self) -> str:
        """What it logged since the last rotation; nothing while it has moved the file away and not made the next."""
        file = self.layout.top / "log/gateway.log"
        try:
            return file.read_text()
        except FileNotFoundError:
            return ""

    def signal(self, number: int, wanted: str) -> None:
        """Send a signal, and wait for what it must log."""
        before = self.log().count(wanted)
        self.process.send_signal(number)
        wait(lambda: self.log().count(wanted) > before)


def wait(look: Callable[[], Any], within: float = 10) -> Any:
    """What `look` sees once it sees something."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        seen = look()
        if seen:
            return seen
        time.sleep(0.01)
    raise AssertionError("nothing came within the time")


@pytest.fixture(scope="session")
def interpreter() -> str:
    """A Python for the gateway and its plugins."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to become other users")
    return find_interpreter()


@pytest.fixture
def layout(interpreter: str) -> Iterator[Layout]:
    """A layout that conforms; a test may loosen it before it boots."""
    top = (
        Path("/run") / f"gateway-test-{os.getpid()}-{time.monotonic_ns()}"
    )  # pytest's own folder is closed to accounts
    top.mkdir(mode=0o755)
    shutil.copytree(RUNTIME, top / "lib/gateway", ignore=shutil.ignore_patterns("__pycache__"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    made = Layout(top, interpreter, port)
    made.config = {
        "service": {"tick_interval": "20ms"},
        "plugin_roots": [str(top / "plugins")],
        "state": {"path": str(top / "var/state/state.db")},
        "run_dir": str(top / "run"),
        "log": {"path": str(top / "log/gateway.log")},
        "backup_dir": str(top / "backups"),
        "api": {
            "enabled": True,
            "listen": f"127.0.0.1:{port}",
            "auth": {"tokens": [{"token": TOKEN, "scopes": ["*"]}]},
        },
        "secrets": {"age_key_file": str(top / "etc/secret/age.key")},
        "accounts": {},
        "plugins": {
            "plain": {"run_as": "alpha", "schedules": [{"command": "poll", "every": "1h", "at_start": True}]},
            "other": {"uses": "plain", "run_as": "beta", "retry": {"max_attempts": 2}},
            "free": {"uses": "plain"},
            "init-one": {"run_as": "beta"},
        },
        "hooks": [{"on": "ping", "plugin": "other"}],
        "pipelines": [{"name": "tour", "on": "tour", "steps": [{"plugin": "plain"}, {"plugin": "other"}]}],
    }
    old = os.umask(0o022)
    made.lay()
    os.umask(old)
    yield made
    shutil.rmtree(top)


POSTURES = {
    "root": [],
    "ambient-caps": ["--reuid", str(GATEWAY), "--regid", str(GATEWAY), "--clear-groups", "--inh-caps", f"-all,{BOTH}",
                     "--ambient-caps", f"-all,{BOTH}", "--bounding-set", f"-all,{BOTH}"],
    "setuid-only": ["--reuid", str(GATEWAY), "--regid", str(GATEWAY), "--clear-groups", "--inh-caps", "-all,+setuid",
                    "--ambient-caps", "-all,+setuid", "--bounding-set", "-all,+setuid"],
    "unprivileged": ["--reuid", str(GATEWAY), "--regid", str(GATEWAY), "--clear-groups", "--inh-caps=-all",
                     "--bounding-set=-all"],
    "root-without-caps": ["--inh-caps=-all", "--bounding-set=-all"],
}  # fmt: skip


def launch(layout: Layout, posture: str, *verb: str) -> subprocess.Popen[str]:
    """Start the runtime with the privilege of a posture."""
    command = ["setpriv", *POSTURES[posture], *layout.command(*verb)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def refused(layout: Layout, posture: str = "ambient-caps") -> str:
    """Boot what must be refused: what it said."""
    layout.write()
    process = launch(layout, posture, "serve", "--config", str(layout.file))
    try:
        said = process.communicate(timeout=10)[0]
    finally:
        process.kill()
    assert process.returncode == 1, said
    assert said.startswith("refused: "), said
    return said


@pytest.fixture
def boot(layout: Layout) -> Iterator[Callable[..., Running]]:
    """Start the gateway in a posture, and wait until it is ready; ended with the test."""
    started: list[Running] = []

    def start(posture: str = "ambient-caps") -> Running:
        layout.write()
        started.append(Running(layout, launch(layout, posture, "serve", "--config", str(layout.file))))
        wait(lambda: is_ready(started[-1]))
        return started[-1]

    yield start
    for running in started:
        running.process.terminate()
        running.process.communicate(timeout=10)


def is_ready(running: Running) -> bool:
    """Whether it answers; an assertion fails with its words when it has ended."""
    assert running.process.poll() is None, running.process.communicate()[0]
    try:
        return running.ask("GET", "/healthz", token="")[0] == 200
    except OSError:
        return False
