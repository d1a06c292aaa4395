"""Laying a target's files down in a stage, step by step, each with its owner and mode from the first byte on."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import stat
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from wallbite.content import root
from wallbite.installation import runtime, users
from wallbite.installation.fault import Fault
from wallbite.installation.identities import Identities
from wallbite.probing import carriers
from wallbite.target.model import Step

CANARY_BYTES = 48


@dataclass(frozen=True, slots=True)
class Layout:
    """What steps need to know.

    Attributes:
        identities: numbers of owners.
        values: what placeholders stand for.
        fault: the seeded fault, or None.
        interpreter: the Python that the accounts can reach.
    """

    identities: Identities
    values: Mapping[str, Any]
    fault: Fault | None
    interpreter: str

    def lay(self, step: Step) -> None:
        """Do one step, with what the fault changes in it."""
        changes = self.fault.layout.get(step.path, {}) if self.fault else {}
        changed: dict[str, Any] = {key: int(value, 8) if key == "mode" else value for key, value in changes.items()}
        getattr(self, f"_lay_{step.kind}")(replace(step, **changed))

    def own(self, path: str | Path, step: Step, mode: int) -> None:
        """Give a path its owner and mode."""
        os.chown(path, self.identities.uid(step.owner), self.identities.gid(step.group), follow_symlinks=False)
        if not os.path.islink(path):
            os.chmod(path, mode)

    def _lay_directory(self, step: Step) -> None:
        _parents(step.path)
        os.makedirs(step.path, exist_ok=True)
        self.own(step.path, step, 0o755 if step.mode is None else step.mode)

    def _lay_file(self, step: Step) -> None:
        from wallbite.target.placeholders import ACCOUNT, expand_text

        values = {**self.values, ACCOUNT: step.account} if step.account else self.values
        self.write(step.path, str(expand_text(step.text, values)).encode(), step, 0o644)

    def _lay_canary(self, step: Step) -> None:
        self.write(step.path, b"canary " + secrets.token_hex(CANARY_BYTES).encode() + b"\n", step, 0o600)

    def _lay_link(self, step: Step) -> None:
        _parents(step.path)
        os.symlink(step.source, step.path)
        self.own(step.path, step, 0)

    def _lay_copy(self, step: Step) -> None:
        source = root() / step.source
        _parents(step.path)
        for name, data in runtime.files(source, self.fault):
            self.write(str(Path(step.path) / name), data, step, 0o644)
        for directory in {Path(step.path), *(path for path in Path(step.path).rglob("*") if path.is_dir())}:
            self.own(directory, step, 0o755 if step.mode is None else step.mode)

    def _lay_interpreter(self, step: Step) -> None:
        """A private environment: an own copy of the interpreter, with the harness's packages."""
        real = os.path.realpath(sys.executable)
        binary = Path(step.path) / "bin" / "python"
        binary.parent.mkdir(parents=True)
        settings = f"home = {os.path.dirname(real)}\ninclude-system-site-packages = false\n"
        (Path(step.path) / "pyvenv.cfg").write_text(settings)
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        library = Path(step.path) / "lib" / version / "site-packages"
        library.mkdir(parents=True)
        packages = [entry for entry in sys.path if entry.endswith(("site-packages", "dist-packages"))]
        (library / "harness.pth").write_text("\n".join(packages) + "\n")
        shutil.copyfile(real, binary)
        self.own(binary, step, 0o755 if step.mode is None else step.mode)

    def _lay_carrier(self, step: Step) -> None:
        _parents(step.path)
        carriers.lay_down(carriers.program(step.program), Path(step.path), step.name, self.interpreter)

    def _lay_user(self, step: Step) -> None:
        uid, gid = self.identities.uid(step.path), self.identities.gid(step.path)
        if uid:  # in a root posture the gateway is root, who is there
            users.add(users.User(step.path, uid, gid, step.home, step.groups))

    def write(self, path: str, data: bytes, step: Step, mode: int) -> None:
        """Write a new file whose mode and owner are right before its first byte."""
        _parents(path)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            os.fchown(descriptor, self.identities.uid(step.owner), self.identities.gid(step.group))
            os.fchmod(descriptor, mode if step.mode is None else step.mode)
            file.write(data)


def _parents(path: str) -> None:
    """Missing parents, root's and open, as a system has them."""
    parent = os.path.dirname(path)
    if os.path.isdir(parent):
        return
    _parents(parent)
    os.mkdir(parent)
    os.chmod(parent, 0o755)


def state_of(path: str, *, content_too: bool) -> dict[str, Any]:
    """What root sees of one path, without following a link: kind, mode, owner, size, and a digest of what it holds.

    Raises:
        OSError: it is not there.
    """
    state = described(os.lstat(path))
    if content_too and state["kind"] == "file":
        state["sha256"] = _digest(path)
    return state


def described(found: os.stat_result) -> dict[str, Any]:
    """Kind, mode, owner, size and inode of what was looked at, as observations have them."""
    return {
        "kind": _KINDS.get(stat.S_IFMT(found.st_mode), "other"),
        "mode": f"{stat.S_IMODE(found.st_mode):04o}",
        "uid": found.st_uid,
        "gid": found.st_gid,
        "size": found.st_size,
        "inode": found.st_ino,
    }


_KINDS = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "directory",
    stat.S_IFSOCK: "socket",
    stat.S_IFLNK: "link",
    stat.S_IFIFO: "fifo",
}


def _digest(path: str) -> str:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
