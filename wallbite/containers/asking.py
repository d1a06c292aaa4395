"""What an image's Python says: asked in a container that ends with the answer."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from wallbite.containers.engines import Engine
from wallbite.containers.failures import essence
from wallbite.containers.running import running
from wallbite.problems import EnvironmentProblem

OLDEST: Final = (3, 11)
OLDEST_GLIBC: Final = "2.17"  # of manylinux2014: what is assumed where the library does not say
_PATIENCE: Final = 60.0
_NEEDED: Final = "ctypes, hashlib, json, resource, socket, sqlite3, ssl, venv, zlib"  # what "minimal" Pythons lack
_QUESTION: Final = f"""
import json, os, platform, sys, sysconfig
lacking = []
for name in {_NEEDED!r}.split(", "):
    try:
        __import__(name)
    except ImportError:
        lacking.append(name)
print(json.dumps({{
    "python": os.path.realpath(sys.executable), "version": list(sys.version_info[:3]), "machine": platform.machine(),
    "libc": list(platform.libc_ver()), "musl": "musl" in (sysconfig.get_config_var("SOABI") or ""), "lacking": lacking,
}}))
"""
_LACKS_PYTHON: Final = ("executable file not found", "no such file or directory", "not found in $path")


@dataclass(frozen=True, slots=True)
class Interpreter:
    """The Python of an image.

    Attributes:
        path: where it is, no link.
        version: major and minor.
        release: the whole version, such as ``3.13.5``.
        machine: such as ``x86_64``.
        glibc: the minor version of its C library; None for musl.
    """

    path: str
    version: tuple[int, int]
    machine: str
    glibc: int | None
    release: str

    @property
    def platforms(self) -> list[str]:
        """The wheel tags that it takes, the newest first."""
        if self.glibc is None:
            return [f"musllinux_1_{minor}_{self.machine}" for minor in (2, 1)]
        newer = [f"manylinux_2_{minor}_{self.machine}" for minor in range(self.glibc, 16, -1)]
        return [*newer, f"manylinux2014_{self.machine}"]


def interpreter_of(engine: Engine, image: str, python: str, named: str) -> Interpreter:
    """Ask for the Python of an image that is to run the harness.

    Raises:
        EnvironmentProblem: there is none, or it lacks something; `named` is what the image is called in the line.
    """
    told = answer(engine, image, [python, "-I", "-c", _QUESTION], named)
    version = tuple(told["version"])
    remedy = "install Python 3.11 or later in the image (Debian: python3; not python3-minimal)"
    if version < OLDEST:
        raise EnvironmentProblem(f"{named}: its Python is {version[0]}.{version[1]}", "", "3.11 or later", remedy)
    if told["lacking"]:
        raise EnvironmentProblem(f"{named}: its Python lacks {', '.join(told['lacking'])}", remedy=remedy)
    glibc = None if told["musl"] else int((told["libc"][1] or OLDEST_GLIBC).split(".")[1])
    return Interpreter(told["python"], (version[0], version[1]), told["machine"], glibc, ".".join(map(str, version)))


def answer(
    engine: Engine, image: str, command: Sequence[str], named: str, changed: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The JSON object that a program in an image prints.

    Raises:
        EnvironmentProblem: it printed none; says what the engine or the program said instead.
    """
    with running(engine, image, command, changed=changed) as container:
        said, _ = container.process.communicate(timeout=_PATIENCE)
        complaint = container.complaint()
    try:
        told = json.loads(said)
    except ValueError:
        told = None
    if isinstance(told, dict):
        return told
    if any(words in complaint.lower() for words in _LACKS_PYTHON):
        remedy = "install Python 3.11 or later in it; the gateway may be written in anything"
        raise EnvironmentProblem(f"{named}: no {command[0]} in the image", remedy=remedy)
    raise EnvironmentProblem(f"{named}: no container of it runs: {essence(complaint)}")
