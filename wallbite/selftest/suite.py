"""What a self-test is a test of: every file that has a part in a verdict, as one digest."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Final

import wallbite
from wallbite.content import content

_FOLDERS: Final = ("conformance", "fixtures", "probes")


@lru_cache(maxsize=1)
def digest() -> str:
    """SHA-256 over the names and contents of the engine, the checks, the probes and the fixtures, in hex."""
    found = hashlib.sha256()
    for name, path in _files():
        data = path.read_bytes()
        found.update(f"{name}\0{len(data)}\0".encode() + data)
    return found.hexdigest()


def _files() -> Iterator[tuple[str, Path]]:
    package = Path(wallbite.__file__).parent
    trees = {"wallbite": package, **{name: content(name) for name in _FOLDERS}}
    for name, tree in trees.items():
        for path in sorted(tree.rglob("*")):
            inside = path.relative_to(tree)
            if (
                path.is_file()
                and "__pycache__" not in inside.parts
                and not (name == "wallbite" and _is_content(inside))
            ):
                yield f"{name}/{inside}", path


def _is_content(inside: Path) -> bool:
    """Content in a wheel lies inside the package, and is gone through by itself."""
    return inside.parts[0] == "content"
