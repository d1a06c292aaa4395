"""A copy of Wallbite whose sources a test may break."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from tests.engine import running
from wallbite.content import FOLDERS, root


@dataclass(frozen=True)
class Copy:
    """The copy's folder: the package, and beside it links to the content, save for what is to be broken."""

    folder: Path

    @classmethod
    def of(cls, folder: Path) -> Copy:
        """Make a copy."""
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(root() / "wallbite", folder / "wallbite", ignore=ignored)
        shutil.copytree(root() / "conformance", folder / "conformance", ignore=ignored)
        for name in FOLDERS:
            if name != "conformance":
                (folder / name).symlink_to(root() / name)
        return cls(folder)

    def edit(self, path: str, old: str, new: str) -> None:
        """Replace a text that stands in a file exactly once."""
        file = self.folder / path
        text = file.read_text()
        assert text.count(old) == 1, f"{path} has {old!r} {text.count(old)} times"
        file.write_text(text.replace(old, new))

    def run(self, target: Path, *words: str) -> running.Done:
        """A run of the copy."""
        inside = running.environment(PYTHONPATH=str(self.folder), PYTHONDONTWRITEBYTECODE="1")
        return running.run(str(target), *words, folder=self.folder / "run", env=inside)
