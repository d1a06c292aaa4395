"""The reference runtime's files as they are laid down: compiled, and with a seeded fault where one is asked for."""

from __future__ import annotations

import importlib.util
import marshal
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from wallbite.installation.fault import Fault

UNCHECKED = (1).to_bytes(4, "little")  # PEP 552: found by hash, not compared with the source
_SKIP = {"__pycache__"}


@lru_cache(maxsize=8)
def files(source: Path, fault: Fault | None) -> tuple[tuple[str, bytes], ...]:
    """Every file of the tree below ``source``: its relative path and bytes, with the bytecode of its modules.

    Bytecode is of the kind that is never checked against its source, so that clocks do not matter.
    """
    return tuple(_files(source, fault))


def _files(source: Path, fault: Fault | None) -> Iterator[tuple[str, bytes]]:
    for path in sorted(source.rglob("*")):
        if not path.is_file() or _SKIP & set(path.parts):
            continue
        name = str(path.relative_to(source))
        data = path.read_bytes()
        if path.suffix == ".py":
            text = fault.rewrite(name, data.decode()) if fault else data.decode()
            data = text.encode()
            yield str(_cached(name)), _bytecode(text, name)
        elif fault and name in fault.texts:
            data = fault.rewrite_text(name, data.decode()).encode()
        yield name, data


def _cached(name: str) -> Path:
    return Path(importlib.util.cache_from_source(name))


@lru_cache(maxsize=128)  # a fault changes few modules
def _bytecode(text: str, name: str) -> bytes:
    code = compile(text, name, "exec", dont_inherit=True)
    return b"".join(
        [importlib.util.MAGIC_NUMBER, UNCHECKED, importlib.util.source_hash(text.encode()), marshal.dumps(code)]
    )
