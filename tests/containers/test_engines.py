"""Which engine is used, and what is said where none answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from wallbite.containers import engines
from wallbite.containers.failures import failure
from wallbite.exits import ExitCode
from wallbite.problems import EnvironmentProblem

DOCKER = '{"ServerVersion": "27.0", "CgroupVersion": "2", "SecurityOptions": ["name=seccomp,profile=builtin"]}'
PODMAN = '{"version": {"Version": "5.0"}, "host": {"cgroupVersion": "v2", "security": {"seccompEnabled": true}}}'


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty PATH, for clients that are small scripts."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def put(folder: Path, name: str, *, out: str = "", error: str = "", code: int = 0) -> None:
    """A client that says this, whatever it is asked."""
    script = f"#!/bin/sh\nprintf '%s' '{out}'\nprintf '%s\\n' '{error}' >&2\nexit {code}\n"
    (folder / name).write_text(script)
    (folder / name).chmod(0o755)


def test_the_first_that_answers_is_used(client: Path) -> None:
    """Docker before Podman."""
    put(client, "docker", out=DOCKER)
    put(client, "podman", out=PODMAN)
    found = engines.choose()
    assert (found.name, found.version, found.cgroup) == ("docker", "27.0", "v2")
    assert found.security == "name=seccomp,profile=builtin"


def test_another_is_used_where_the_first_is_silent(client: Path) -> None:
    """A client without its daemon is no engine."""
    put(client, "docker", error="Cannot connect to the Docker daemon at unix:///run/docker.sock.", code=1)
    put(client, "podman", out=PODMAN)
    found = engines.choose()
    assert (found.name, found.version, found.cgroup, found.security) == ("podman", "5.0", "v2", "seccomp")


@pytest.mark.parametrize(
    ("error", "told"),
    [
        ("Cannot connect to the Docker daemon at unix:///run/docker.sock.", "docker: its daemon does not answer"),
        ("dial unix /run/docker.sock: connect: permission denied", "docker: permission denied; this user (uid "),
        ("something else", "docker: something else"),
    ],
)
def test_why_none_answers_is_said_in_one_line(client: Path, error: str, told: str) -> None:
    """Of each engine its own reason, and the way out."""
    put(client, "docker", error=error, code=1)
    with pytest.raises(EnvironmentProblem) as caught:
        engines.choose()
    line = str(caught.value)
    assert told in line
    assert "podman: not installed" in line
    assert "--stage namespace" in line
    assert "\n" not in line
    assert caught.value.code == ExitCode.UNDECIDED


def test_an_engine_that_was_asked_for_is_the_only_one(client: Path) -> None:
    """Another that answers is no replacement."""
    put(client, "docker", out=DOCKER)
    with pytest.raises(EnvironmentProblem, match="podman: not installed"):
        engines.choose("podman")


def test_a_client_that_says_no_json_is_no_engine(client: Path) -> None:
    """Whatever it says."""
    put(client, "docker", out="hello")
    with pytest.raises(EnvironmentProblem, match="not JSON"):
        engines.choose("docker")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("Error response from daemon: write /var/lib/docker/x: no space left on device", "the disk is full"),
        ("docker: Error response from daemon: runc: unable to apply caps: operation not permitted", "capability"),
        ("Error: Cannot connect to the Docker daemon", "start it"),
        ("", "failed without a word"),
    ],
)
def test_an_engines_failure_is_one_line_with_a_remedy(said: str, told: str) -> None:
    """What was being done, what it said, what to do."""
    problem = failure("the container cannot be created", said)
    assert told in str(problem)
    assert str(problem).startswith("the container cannot be created: ")
    assert "\n" not in str(problem)
    assert problem.code == ExitCode.UNDECIDED
