"""The folder of a run: never mixed with anything that is not a report of Wallbite, replaced as a whole."""

from __future__ import annotations

import fcntl
import os
import stat
from pathlib import Path
from typing import Final

from wallbite.evidence.lines import Broken, first
from wallbite.evidence.model import SCHEMA
from wallbite.problems import UsageProblem

RECORD: Final = "record.jsonl"
RENDERINGS: Final = frozenset(
    {
        "report.html",
        "report.json",
        "junit.xml",
        "summary.md",
        "report.sarif",
        "assessment-results.json",
        "attestation.json",
        "wallbite.prom",
    }
)
_PART: Final = ".record.", ".part"


def claim(directory: Path) -> None:
    """Make the folder if it is absent, and see that whatever lies in it is an older report of Wallbite.

    Raises:
        UsageProblem: something else lies there, or another run is writing there.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        names = sorted(entry.name for entry in directory.iterdir())
    except OSError as error:
        raise UsageProblem(f"cannot use the folder: {error.strerror}", str(directory)) from error
    parts = [name for name in names if _is_part(name)]
    for name in parts:
        _sweep(directory / name)
    if rest := [name for name in names if name not in parts]:
        _see_older(directory, rest)


def create(directory: Path) -> int:
    """A new, locked, still nameless part of a record: a descriptor to write to."""
    path = part_path(directory)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return descriptor


def part_path(directory: Path) -> Path:
    """Where this process writes its record until it is whole."""
    return directory / f"{_PART[0]}{os.getpid()}{_PART[1]}"


def commit(directory: Path) -> Path:
    """Drop the older renderings, and put the new record in the place of the older one."""
    for name in RENDERINGS:
        (directory / name).unlink(missing_ok=True)
    path = directory / RECORD
    part_path(directory).replace(path)
    return path


def discard(directory: Path) -> None:
    """Leave nothing half-written, nor a folder that was made for nothing."""
    part_path(directory).unlink(missing_ok=True)
    if directory.is_dir() and not any(directory.iterdir()):
        directory.rmdir()


def place(path: Path, data: bytes) -> None:
    """Write a file whole or not at all."""
    part = path.with_name(f"{_PART[0]}{os.getpid()}.{path.name}{_PART[1]}")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    part.replace(path)


def _see_older(directory: Path, names: list[str]) -> None:
    alien = [name for name in names if name not in RENDERINGS | {RECORD} or not _is_regular(directory / name)]
    if alien or RECORD not in names or not _is_record(directory / RECORD):
        raise UsageProblem(
            f"the folder holds {(alien or names)[0]!r}, which is not part of a report of Wallbite",
            str(directory),
            "an empty folder, or one with an older report",
            "name another folder",
        )


def _is_record(path: Path) -> bool:
    try:
        value = first(path)
    except (Broken, OSError):
        return False
    return value.get("kind") == "header" and value.get("schema") == SCHEMA


def _is_regular(path: Path) -> bool:
    return stat.S_ISREG(path.lstat().st_mode)


def _is_part(name: str) -> bool:
    return name.startswith(_PART[0]) and name.endswith(_PART[1])


def _sweep(path: Path) -> None:
    """Remove what a run that died has left; a run that lives holds a lock."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()
    except BlockingIOError:
        raise UsageProblem("another run is writing to this folder", str(path.parent), remedy="name another") from None
    finally:
        os.close(descriptor)
