"""Case ``product``: a whole run of the product with a scripted model, and everything that it left below its home."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, Final

from wallbite.cases.channels.calling import HOME, call, lay_library, library, own_directory
from wallbite.cases.scene import Scene

UMASKS: Final = ("000", "022")
_MOST: Final = 500  # files that are told of
_READ: Final = 4 << 20  # bytes of a file that are searched
STEPS: Final = ("product", "product-more")


def plan(postures: Sequence[str]) -> Iterator[dict[str, Any]]:
    """One case for each posture."""
    for posture in postures:
        yield {"case": f"product@{posture}", "kind": "product", "posture": posture, "params": {}}


def run(scene: Scene) -> None:
    """A run under each umask, in a home of its own."""
    lay_library(scene)
    for umask in UMASKS:
        home = own_directory(scene, f"{HOME}/run-{umask}", 0o755)
        prompt, tool = f"prompt-{secrets.token_hex(12)}", f"tool-{secrets.token_hex(12)}"
        arguments = {"home": home, "prompt": f"please {prompt}", "tool": f"result {tool} " * 3000}
        steps = [name for name in STEPS if name in library(scene).calls]
        called = call(
            scene, [{"call": name, "umask": umask, "arguments": arguments} for name in steps], within=50, home=home
        )
        files = list(swept(home, prompt, tool))
        scene.note("sweep", umask, files=files[:_MOST], more=max(0, len(files) - _MOST), problem=called.trouble)


def swept(home: str, prompt: str, tool: str) -> Iterator[list[Any]]:
    """Every file below a home: its path, its mode, and whether it holds what was asked and what a tool said."""
    for path, found in below(home):
        data = read(path)
        mode = f"{stat.S_IMODE(found.st_mode):04o}"
        yield [os.path.relpath(path, home), mode, prompt.encode() in data, tool.encode() in data]


def below(top: str) -> Iterator[tuple[str, os.stat_result]]:
    """Every plain file below a directory."""
    for path in named(top):
        with suppress(OSError):
            found = os.lstat(path)
            if stat.S_ISREG(found.st_mode):
                yield path, found


def named(top: str) -> Iterator[str]:
    """Everything but directories below a directory; what is mounted there, such as the harness's own tree, is not."""
    with suppress(OSError):
        device = os.lstat(top).st_dev
        for folder, directories, names in os.walk(top):
            directories[:] = sorted(name for name in directories if _on(device, os.path.join(folder, name)))
            yield from (os.path.join(folder, name) for name in sorted(names))


def _on(device: int, path: str) -> bool:
    with suppress(OSError):
        return os.lstat(path).st_dev == device
    return False


def read(path: str) -> bytes:
    """A plain file's first bytes; nothing of what it may have become meanwhile."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        return file.read(_READ)
