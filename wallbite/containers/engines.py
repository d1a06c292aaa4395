"""Engines: Docker or Podman, whichever answers."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from wallbite.problems import EnvironmentProblem

ENGINES: Final = ("docker", "podman")
_PATIENCE: Final = 30.0  # seconds until an engine that says nothing is not there
_DENIED: Final = "permission denied"
_ABSENT: Final = ("cannot connect", "is the docker daemon running", "no such file or directory")


@dataclass(frozen=True)
class Engine:
    """An engine that answers.

    Attributes:
        name: of :data:`ENGINES`.
        call: the words that its client is called with.
        told: what it says of itself, as JSON.
    """

    name: str
    call: tuple[str, ...]
    told: Mapping[str, Any] = field(repr=False, hash=False)

    @cached_property
    def client(self) -> Any:
        """Its client; the library takes a fifth of a second to import."""
        from python_on_whales import DockerClient

        return DockerClient(client_call=list(self.call), client_type="docker" if self.name == "docker" else "podman")

    @property
    def version(self) -> str:
        """Its version."""
        return str(self.told.get("ServerVersion") or self.told.get("version", {}).get("Version", "unknown"))

    @property
    def cgroup(self) -> str:
        """The version of control groups that it uses, such as ``v2``."""
        said = str(self.told.get("CgroupVersion") or self.told.get("host", {}).get("cgroupVersion", ""))
        return f"v{said.removeprefix('v')}" if said else "unknown"

    @property
    def security(self) -> str:
        """The filters that it would put around a container."""
        if "SecurityOptions" in self.told:
            return ", ".join(self.told["SecurityOptions"] or ()) or "none"
        security = self.told.get("host", {}).get("security", {})
        return (
            ", ".join(name for name in ("apparmor", "seccomp", "selinux") if security.get(f"{name}Enabled")) or "none"
        )

    def say(self, *words: str, timeout: float | None = None) -> subprocess.CompletedProcess[str]:
        """Call its client for what the library has no verb for."""
        return subprocess.run([*self.call, *words], capture_output=True, text=True, check=False, timeout=timeout)


def choose(asked: str = "") -> Engine:
    """The engine that was asked for, else the first that answers.

    Raises:
        EnvironmentProblem: none does; says of each why.
    """
    reasons = {}
    for name in (asked,) if asked else ENGINES:
        found = _ask(name)
        if isinstance(found, Engine):
            return found
        reasons[name] = found
    told = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
    remedy = "start Docker or Podman, or use the stage that needs no engine: --stage namespace"
    raise EnvironmentProblem(f"no container engine answers ({told})", remedy=remedy)


def survey() -> tuple[list[Engine], dict[str, str]]:
    """Every engine that answers; and of those that are installed and do not, why."""
    found = {name: _ask(name) for name in ENGINES if shutil.which(name)}
    answering = [engine for engine in found.values() if isinstance(engine, Engine)]
    return answering, {name: reason for name, reason in found.items() if isinstance(reason, str)}


def _ask(name: str) -> Engine | str:
    """The engine, or why it does not answer."""
    if not shutil.which(name):
        return "not installed"
    call = _call(name)
    try:
        done = subprocess.run(
            [*call, "info", "--format", "{{json .}}"], capture_output=True, text=True, check=False, timeout=_PATIENCE
        )
    except subprocess.TimeoutExpired:
        return f"no answer in {_PATIENCE:g} s"
    if done.returncode:
        return _reason(done.stderr)
    try:
        return Engine(name, call, json.loads(done.stdout))
    except ValueError:
        return "what it says of itself is not JSON"


def _call(name: str) -> tuple[str, ...]:
    """Podman's usual runtime, crun, refuses control groups of the first version and mixed ones; runc takes them."""
    old = not Path("/sys/fs/cgroup/cgroup.controllers").exists()
    return (name, "--runtime", "runc") if name == "podman" and old and shutil.which("runc") else (name,)


def _reason(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    lower = text.lower()
    if _DENIED in lower:
        return f"permission denied; this user (uid {os.geteuid()}) may not use it"
    if any(word in lower for word in _ABSENT):
        return "its daemon does not answer"
    return lines[-1][:200] if lines else "it failed without a word"
