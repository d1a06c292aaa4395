"""Which self-test backs a run: the packaged one of the release, else the newest of this installation.

It backs nothing that it did not test: its digest of the suite must be that of the suite that runs.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import sys
from pathlib import Path
from typing import Any, Final

from wallbite.content import content
from wallbite.evidence.folder import place
from wallbite.selftest import suite

SCHEMA: Final = "wallbite-selftest/1"
UNFINISHED: Final = "unfinished"
PASSED: Final = "passed"
FAILED: Final = "failed"
NONE: Final = "none"
LARGEST: Final = 64 << 20  # bytes of a document

# Inside the environment that Wallbite is installed in, where there is one: nothing else of the machine is written to.
_OWN: Final = Path(sys.prefix, "var") if sys.prefix != sys.base_prefix else Path("/var/lib")
PLACES: Final = [content("reports") / "selftest.json", _OWN / "wallbite" / "selftest.json"]


def backing() -> str:
    """Digest and date of the self-test that backs this suite; else ``none``, and why where there is more to say."""
    stale = ""
    for path in PLACES:
        data = _read(path)
        found = _document(data)
        if found.get("outcome") != PASSED or found.get("whole") is not True:
            continue
        if found.get("suite") == suite.digest():
            return f"sha256:{hashlib.sha256(data).hexdigest()} of {found.get('finished')}"
        stale = f"{NONE} (that of {found.get('finished')} is of another state of Wallbite)"
    return stale or NONE


def keep(data: bytes) -> bool:
    """Let a self-test's document back later runs of this installation; whether it could be kept."""
    with contextlib.suppress(OSError):
        PLACES[-1].parent.mkdir(parents=True, exist_ok=True)
        place(PLACES[-1], data)
        return True
    return False


def _read(path: Path) -> bytes:
    with contextlib.suppress(OSError), path.open("rb") as file:
        return file.read(LARGEST)
    return b""


def _document(data: bytes) -> dict[str, Any]:
    with contextlib.suppress(ValueError):
        found = json.loads(data)
        if isinstance(found, dict) and found.get("schema") == SCHEMA:
            return found
    return {}
