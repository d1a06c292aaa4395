"""Lays down carriers: a plugin directory whose program is the probe, or the light program for storms.

Both speak the plugin protocol (manifest version 1, protocol 2). Everything is owned by root and written once.
"""

from __future__ import annotations

import json
import marshal
import os
from collections.abc import Iterable
from functools import cache
from importlib.util import MAGIC_NUMBER, cache_from_source, source_hash
from pathlib import Path
from typing import Final, Literal

from wallbite.content import content
from wallbite.probing.plan import INBOX
from wallbite.problems import UsageProblem

SHEBANG_BYTES: Final = 127  # what every Linux reads of a first line; newer ones read 255
STORM_END: Final = b"\nend of storm\n"
COMMANDS: Final = ("poll", "handle", "health")
READING: Final = ("health",)  # commands that change nothing

CarrierProgram = Literal["plugin", "storm", "runaway"]


def program(name: str) -> CarrierProgram:
    """The program that a descriptor names; the probe where it names none."""
    return "storm" if name == "storm" else "runaway" if name == "runaway" else "plugin"


def probes() -> Path:
    """The folder of the probes."""
    return content("probes")


def lay_down(
    program: CarrierProgram,
    directory: Path,
    name: str,
    interpreter: str,
    *,
    commands: Iterable[str] = (),
    inbox: str = INBOX,
) -> None:
    """Makes a plugin directory: `entry` (0755), `manifest.yaml`, and what the entry needs beside it (0644).

    Args:
        program: ``plugin`` for the probe, ``storm`` for the light one, ``runaway`` for one that does not want to end.
        directory: made where it is missing, 0755.
        name: the plugin's name; one that begins with ``init-`` is also given the command ``init``.
        interpreter: absolute path of a Python that every account can execute.
        commands: instead of poll, handle, health (and init).
        inbox: where a storm leaves its answers; a probe learns that from its plan.

    Raises:
        UsageProblem: the interpreter's path cannot stand in a program's first line.
        FileExistsError: there is a carrier in the directory already.
    """
    directory.mkdir(mode=0o755, parents=True, exist_ok=True)
    directory.chmod(0o755)
    wanted = tuple(commands) or (*COMMANDS, *(("init",) if name.startswith("init-") else ()))
    _write(directory / "manifest.yaml", manifest(name, wanted).encode(), 0o644)
    if program == "plugin":
        _write(directory / "probe.py", (probes() / "probe.py").read_bytes(), 0o644)
        _write_bytecode(directory)
        _write(directory / "entry", plugin_entry(interpreter), 0o755)
    elif program == "runaway":
        _write(directory / "entry", python_entry(interpreter, "runaway.py"), 0o755)
    else:
        _write(directory / "end", STORM_END, 0o644)
        _write(directory / "entry", storm_entry(inbox), 0o755)


def _write_bytecode(directory: Path) -> None:
    """The probe compiled, so that not every spawn compiles it; of the kind that is not checked against its source."""
    cache = directory / "__pycache__"
    cache.mkdir()
    cache.chmod(0o755)
    _write(cache / Path(cache_from_source("probe.py")).name, compiled_probe(), 0o644)


@cache
def compiled_probe() -> bytes:
    """The probe's bytecode for the interpreter that runs the harness; others compile for themselves."""
    source = (probes() / "probe.py").read_bytes()
    code = compile(source, "probe.py", "exec", dont_inherit=True)
    flags = (1).to_bytes(4, "little")  # by hash, unchecked
    return MAGIC_NUMBER + flags + source_hash(source) + marshal.dumps(code)


def manifest(name: str, commands: Iterable[str]) -> str:
    """The manifest; every value is JSON, which YAML reads as it is meant."""
    head = {
        "manifest_spec": "ductile.plugin",
        "manifest_version": 1,
        "name": name,
        "version": "1.0.0",
        "protocol": 2,
        "entrypoint": "entry",
        "description": "Tells who it is and what it can reach",
        "concurrency_safe": True,
    }
    lines = [f"{key}: {json.dumps(value)}" for key, value in head.items()]
    kinds = {one: "read" if one in READING else "write" for one in commands}
    listed = [f"  - {{name: {json.dumps(one)}, type: {kind}}}" for one, kind in kinds.items()]
    return "\n".join([*lines, "commands:", *listed, ""])


def plugin_entry(interpreter: str) -> bytes:
    """The carrier with its first line."""
    return python_entry(interpreter, "plugin.py")


def python_entry(interpreter: str, name: str) -> bytes:
    """A program of the probes' folder with its first line.

    Raises:
        UsageProblem: the interpreter's path cannot stand in it.
    """
    line = f"#!{interpreter} -IS\n"  # no site: nothing of it is used, and it may cost more than the probe
    if not interpreter.startswith("/") or set(interpreter) & set(" \t\n") or len(os.fsencode(line)) > SHEBANG_BYTES:
        raise UsageProblem(
            f"interpreter {interpreter!r} cannot stand in a program's first line",
            expected=f"an absolute path without blanks, of less than {SHEBANG_BYTES - 5} bytes",
        )
    return os.fsencode(line) + (probes() / name).read_bytes()


def storm_entry(inbox: str) -> bytes:
    """The light program, with its inbox."""
    if not inbox.startswith("/") or set(inbox) & set("\"'$`\\\n"):
        raise UsageProblem(f"inbox {inbox!r} cannot stand in a shell program", expected="an absolute, plain path")
    return (probes() / "storm").read_bytes().replace(INBOX.encode(), os.fsencode(inbox))


def _write(path: Path, data: bytes, mode: int) -> None:
    handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        os.fchmod(handle, mode)
