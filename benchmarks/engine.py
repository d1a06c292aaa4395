"""A Docker daemon of one's own, with one image and one container, for as long as a ``with`` block lasts.

The image is nothing but a few directories: the host's `/usr` is mounted into its containers, read-only. So it needs no
registry and no minutes, and what runs in it is what runs beside it.
"""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

STARTS: Final = 60.0  # seconds that the daemon may take
LINKS: Final = ("bin", "sbin", "lib", "lib64")


class Absent(Exception):
    """There is no engine to measure with, and why."""


@dataclass(frozen=True)
class Engine:
    """A daemon that answers."""

    address: str

    def docker(self, *words: str, data: bytes | None = None) -> str:
        """What a command prints.

        Raises:
            Absent: it failed.
        """
        done = subprocess.run(["docker", "-H", self.address, *words], input=data, capture_output=True, check=False)
        if done.returncode:
            raise Absent(f"docker {words[0]} failed: {done.stderr.decode()[-300:].strip()}")
        return done.stdout.decode().strip()

    @contextlib.contextmanager
    def container(self) -> Iterator[str]:
        """The name of a container that waits."""
        self.docker("import", "-", "wallbite-benchmark", data=image())
        name = "wallbite-benchmark"
        mounts = ["--volume", "/usr:/usr:ro"]
        ground = ["--network", "none", "--cap-add", "ALL", "--cap-drop", "SYS_RESOURCE"]
        free = ["--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined"]
        try:
            self.docker("run", "--detach", "--name", name, *mounts, *ground, *free, name, "/usr/bin/sleep", "infinity")
            yield name
        finally:
            with contextlib.suppress(Absent):
                self.docker("rm", "--force", name)


@contextlib.contextmanager
def engine() -> Iterator[Engine]:
    """A daemon on a data root and a socket of its own, which touches no network.

    Raises:
        Absent: there is none, or it does not start.
    """
    with tempfile.TemporaryDirectory(prefix="wallbite-engine-") as folder:
        address = f"unix://{folder}/docker.sock"
        argv = [
            "dockerd", "--data-root", f"{folder}/data", "--exec-root", f"{folder}/exec", "--pidfile", f"{folder}/pid",
            "--host", address, "--iptables=false", "--ip6tables=false", "--bridge=none", "--log-level=error",
        ]  # fmt: skip
        with open(f"{folder}/log", "wb") as log:
            try:
                daemon = subprocess.Popen(argv, stdout=log, stderr=log, start_new_session=True)
            except FileNotFoundError:
                raise Absent("dockerd is not installed (Debian: docker.io)") from None
        try:
            found = Engine(address)
            _await(found, daemon, Path(folder, "log"))
            yield found
        finally:
            daemon.terminate()
            daemon.wait(STARTS)
            _unmount(folder)


def _await(found: Engine, daemon: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + STARTS
    while True:
        try:
            found.docker("version")
        except Absent:
            if daemon.poll() is not None or time.monotonic() > deadline:
                raise Absent(f"dockerd does not start: {log.read_text()[-300:].strip()}") from None
            time.sleep(0.1)  # nothing tells that it listens
        else:
            return


def _unmount(folder: str) -> None:
    """What the daemon left mounted in its folder."""
    points = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for point in sorted((one for one in points if one.startswith(folder + os.sep)), reverse=True):
        subprocess.run(["umount", "--lazy", point], check=False)


def image() -> bytes:
    """A tar of directories, links into `/usr`, and two accounts."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for name in ("usr", "etc", "proc", "sys", "dev", "run", "tmp", "root", "opt"):
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(entry)
        for name in LINKS:
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = tarfile.SYMTYPE, f"usr/{name}"
            tar.addfile(entry)
        for name, text in ACCOUNTS.items():
            entry = tarfile.TarInfo(f"etc/{name}")
            entry.size, entry.mode = len(text), 0o644
            tar.addfile(entry, io.BytesIO(text.encode()))
    return stream.getvalue()


ACCOUNTS: Final = {
    "passwd": "root:x:0:0::/root:/bin/sh\ngateway:x:990:990::/:/bin/sh\nplugin:x:991:991::/:/bin/sh\n",
    "group": "root:x:0:\ngateway:x:990:\nplugin:x:991:\n",
}
