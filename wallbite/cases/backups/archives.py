"""What a backup's archive holds: searched by content, its members by digest, and what it says was left out."""

from __future__ import annotations

import hashlib
import json
import os
import tarfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Final

from wallbite.cases.scene import Scene
from wallbite.installation.layout import state_of
from wallbite.search import Needle, search_bytes, search_files

_LARGEST: Final = 64 << 20  # bytes of a member


def needles(scene: Scene) -> list[Needle]:
    """What no archive may hold: the key, and every other file of the secret directory."""
    found: dict[str, Needle] = {}
    for surface in (*scene.target.with_role("age-key"), *scene.target.with_role("secret-directory")):
        top = Path(str(scene.installation.expanded(surface.path)))
        for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
            if path.is_file() and str(path) not in found:
                name = "age-key" if surface.role == "age-key" else f"secret-directory/{path.relative_to(top)}"
                found[str(path)] = Needle(name, path.read_bytes().strip())
    return list(found.values())


def look(path: str, wanted: Iterable[Needle], manifest: Mapping[str, str]) -> dict[str, Any]:
    """One archive, as root sees it; empty where there is none."""
    if not os.path.lexists(path):
        return {}
    state = state_of(path, content_too=False)
    found = search_files([path], wanted)
    seen = {"mode": state["mode"], "uid": state["uid"], "kind": state["kind"], "size": state["size"]}
    parts = members(path)
    listed = excluded(parts.get(manifest.get("member", ""), b""), manifest)
    return {
        **seen,
        "hits": found.hits,
        "unread": found.unread,
        "members": {name: hashlib.sha256(data).hexdigest() for name, data in parts.items()},
        "excluded": listed,
    }


def members(path: str) -> dict[str, bytes]:
    """Every regular member of a tar or ZIP archive, in memory; of what is neither, none."""
    try:
        if tarfile.is_tarfile(path):
            with tarfile.open(path) as archive:
                return dict(_tarred(archive))
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                return {each.filename: _bounded(archive.open(each)) for each in archive.infolist()}
    except (OSError, tarfile.TarError, zipfile.BadZipFile, EOFError):
        return {}
    return {}


def _tarred(archive: tarfile.TarFile) -> Iterator[tuple[str, bytes]]:
    for member in archive:
        file = archive.extractfile(member) if member.isreg() else None
        if file is not None:
            yield member.name, _bounded(file)


def _bounded(file: IO[bytes]) -> bytes:
    with file:
        return file.read(_LARGEST)


def excluded(data: bytes, terms: Mapping[str, str]) -> list[list[str]] | None:
    """What the archive says was left out, as pairs of path and reason; None where it says nothing readable."""
    try:
        entries = json.loads(data)[terms["excluded"]]
        return [[str(each[terms["path"]]), str(each.get(terms["reason"]) or "")] for each in entries]
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def note_search(scene: Scene, wanted: Sequence[Needle]) -> None:
    """That the search finds the same values where they are: in an archive within a compressed archive."""
    import bz2
    import gzip

    plain = b"".join(each.value for each in wanted)
    parts = {"gzip": gzip.compress(plain), "twice": bz2.compress(gzip.compress(plain.hex().encode()))}
    found = search_bytes(list(parts.items()), wanted)
    names = {name: sorted({hit["needle"] for hit in found.hits if hit["where"].startswith(name)}) for name in parts}
    scene.note("search", "control", needles=sorted(each.name for each in wanted), found=names)
