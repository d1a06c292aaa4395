"""The stage ``container``: workers in containers of one image, each held by its input.

A container holds a worker, and the worker makes one namespace stage after another over the image's root, as it would
on a host. So every case can share it, whatever its posture; the launcher confers exactly the posture's capabilities.
"""

from __future__ import annotations

import dataclasses
import json
import select
import socket
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self

from wallbite.containers import init, labels, leftovers, privileges, running
from wallbite.containers.engines import Engine
from wallbite.containers.equipping import Image, equip
from wallbite.containers.failures import essence
from wallbite.documents import printable
from wallbite.evidence.host import kernel_facts
from wallbite.problems import EnvironmentProblem
from wallbite.stages import uids
from wallbite.stages.pool import Order
from wallbite.target.library import Package

TARGET: Final = f"{running.HARNESS}/target.yaml"
_HARNESS: Final = f"import sys; sys.path.insert(0, {running.HARNESS!r}); "
_SERVE: Final = f"{_HARNESS}from wallbite.stages import worker; worker.main()"
_UP: Final = 60.0  # seconds for a real init to boot
_BOOT: Final = f"{_HARNESS}from wallbite.containers import init; init.main()"
_TELL: Final = f"{_HARNESS}from wallbite.containers import inside; inside.main()"
_WAIT: Final = "import sys; sys.stdout.write('.'); sys.stdout.flush(); sys.stdin.read()"
# A root target writes the stage's /etc: the conductor must not configure its OpenSSL from there.
_CHANGED: Final = {"envs": {"OPENSSL_CONF": "/proc/none/openssl.cnf"}}


@dataclass
class ContainerStage:
    """Containers for as long as the ``with`` block lasts.

    Attributes:
        image: as the user named it.
        packages: what the target needs beside the harness.
        descriptor: the descriptor's path where it does not come with Wallbite, else empty.
        init: whether a real init is booted in it; then each container has one case.
        keep: directories of the image that a stage has, besides its system.
        library: the package that the target is.
        facts: host, kernel and what the engine did, once entered.
        absent: what the target lacks in the image, in a sentence, once entered; empty where nothing.
    """

    engine: Engine
    image: Image
    packages: Sequence[str] = ()
    descriptor: str = ""
    keep: Sequence[str] = ()
    init: bool = False
    library: Package | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    absent: str = ""
    _equipped: str = ""
    _claims: list[socket.socket] = field(default_factory=list)
    _running: list[running.Running] = field(default_factory=list)

    def __enter__(self) -> Self:
        """Clear what killed runs left, equip the image, and see that a stage can be made in it.

        Raises:
            EnvironmentProblem: it cannot.
        """
        leftovers.clear(self.engine)
        self._equipped = equip(self.engine, self.image, self.packages, self.library)
        self.facts = self._rehearse()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        """Nothing of this run's containers is left."""
        for claim in self._claims:
            claim.close()
        for one in self._running:
            one.complaints.close()
        leftovers.remove_containers(self.engine, labels.this_run())

    def start(self, order: Order) -> tuple[subprocess.Popen[bytes], Order]:
        """Start a worker in a container of its own; for the pool."""
        base, claim = uids.claim()
        self._claims.append(claim)
        context = dict(order["context"] or {})
        files = {}
        if self.descriptor:
            files[TARGET] = self.descriptor
            context["target"] = TARGET
        command = [running.PYTHON, "-I", "-c", _BOOT if self.init else _SERVE]
        changed = {**self._changed, "cgroupns": "private"} if self.init else self._changed
        worker = running.start(self.engine, self._equipped, command, files=files, changed=changed)
        self._running.append(worker)
        told = {"parent": 0, "uid_base": base, "keep": list(self.keep), "context": context, "init": self.init}
        return self._beside_init(worker) if self.init else worker.process, {**order, **told}

    @property
    def once(self) -> bool:
        """A worker has one case only where its container is one stage."""
        return self.init

    @property
    def _changed(self) -> Mapping[str, Any]:
        """How its containers differ from any: a library's environment is the image's, whatever this machine has."""
        place = {self.library.environment: running.LIBRARY} if self.library else {}
        return {"envs": {**_CHANGED["envs"], **place}}

    def _beside_init(self, container: running.Running) -> subprocess.Popen[bytes]:
        """A worker beside the init of a container, once that is up.

        Raises:
            EnvironmentProblem: it does not come up.
        """
        assert container.process.stdout is not None  # noqa: S101 - a pipe was asked for
        ready = select.select([container.process.stdout], [], [], _UP)[0]
        if not ready or container.process.stdout.read(1) != init.READY:
            said = essence(container.complaint() or f"it is not up after {_UP:g} s")
            raise EnvironmentProblem(f"{self.image.named}: its init does not come up: {said}")
        words = ["exec", "--interactive", container.id, running.PYTHON, "-I", "-c", _SERVE]
        return subprocess.Popen(
            [*self.engine.call, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True, cwd="/"
        )

    def _rehearse(self) -> dict[str, Any]:
        """One container that is only looked at: through testinfra, in two calls."""
        import testinfra

        command = [running.PYTHON, "-I", "-c", _WAIT]
        with running.running(self.engine, self._equipped, command, changed=self._changed) as container:
            assert container.process.stdout is not None  # noqa: S101 - a pipe was asked for
            if container.process.stdout.read(1) != b".":
                raise EnvironmentProblem(
                    f"{self.image.named}: no container of it runs: {essence(container.complaint())}"
                )
            host = testinfra.get_host(f"{self.engine.name}://{container.id}")
            package = json.dumps(dataclasses.asdict(self.library)) if self.library else ""
            done = host.run(f"{running.PYTHON} -I -c %s %s", _TELL, package)
        if done.rc:
            raise EnvironmentProblem(f"{self.image.named}: the harness does not start in it: {essence(done.stderr)}")
        told = json.loads(done.stdout)
        self.absent = told["absent"]
        return self._read(told)

    def _read(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """The facts for the record, once they are such that the gateway would be judged and not the engine."""
        if told["seccomp"]:
            raise EnvironmentProblem("the engine filters system calls in spite of seccomp=unconfined")
        if told["apparmor"].endswith("(enforce)"):
            profile = printable(told["apparmor"])
            raise EnvironmentProblem(f"the engine confines by AppArmor ({profile}) in spite of apparmor=unconfined")
        if told["refusal"]:
            raise EnvironmentProblem(f"{self.image.named}: {told['refusal']}")
        kernel = dict(told["kernel"])
        if told["boot"] == labels.boot():  # the engine's machine is this one: its control groups are seen whole
            kernel["cgroup"] = kernel_facts()["cgroup"]
        container = {
            "engine": f"{self.engine.name} {self.engine.version}",
            "image": self.image.named,
            "image digest": self.image.id,
            "C library": told["libc"],
            "engine's cgroups": self.engine.cgroup,
            "engine's security": self.engine.security,
            "seccomp": "unconfined",
            "apparmor": told["apparmor"],
            "capabilities": " ".join(privileges.WANTED),
            "bounding set": told["bounding"],
        }
        return {"host": {**told["host"], **container}, "kernel": kernel}
