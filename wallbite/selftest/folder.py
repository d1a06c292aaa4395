"""The folder of a self-test: its document, its page, and the record of each trial."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any, Final

from wallbite.evidence.folder import place
from wallbite.problems import UsageProblem
from wallbite.selftest.backing import LARGEST, SCHEMA, UNFINISHED
from wallbite.selftest.options import PARTS

DOCUMENT: Final = "selftest.json"
PAGE: Final = "selftest.html"


def claim(folder: Path, started: str) -> None:
    """Make the folder, or empty it of an older self-test; until the new one is over, its document says so.

    Raises:
        UsageProblem: something else lies there.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        names = {entry.name for entry in folder.iterdir()}
    except OSError as error:
        raise UsageProblem(f"cannot use the folder: {error.strerror}", str(folder)) from error
    alien = sorted(names - {DOCUMENT, PAGE, *PARTS})
    if alien or (names and DOCUMENT not in names):
        expected = "an empty folder, or one with an older self-test"
        raise UsageProblem(
            f"the folder holds {(alien or sorted(names))[0]!r}, which is not part of a self-test of Wallbite",
            str(folder),
            expected,
            "name another folder",
        )
    if names:
        load(folder)
    write(folder, {"schema": SCHEMA, "outcome": UNFINISHED, "started": started})
    (folder / PAGE).unlink(missing_ok=True)
    for name in PARTS:
        if name in names:
            shutil.rmtree(folder / name)


def write(folder: Path, document: dict[str, Any], page: str = "") -> bytes:
    """File the document, and the page if there is one; gives the document as it was written."""
    data = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False).encode() + b"\n"
    place(folder / DOCUMENT, data)
    if page:
        place(folder / PAGE, page.encode())
    return data


def load(folder: Path) -> dict[str, Any]:
    """The document of a folder.

    Raises:
        UsageProblem: there is none.
    """
    path = folder / DOCUMENT
    expected, remedy = "the folder that a self-test wrote", "run: wallbite selftest --out DIR"
    try:
        with path.open("rb") as file:
            value = json.loads(file.read(LARGEST))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageProblem(f"cannot be read: {reason}", str(path), expected, remedy) from error
    if not isinstance(value, dict) or value.get("schema") != SCHEMA:
        raise UsageProblem("is no result of a self-test", str(path), expected, remedy)
    return value
