"""Where the content lies: requirements, probes, fixtures and report templates.

In a checkout they are top-level folders; in a wheel they are inside the package, since their names are too generic
for anybody's site-packages. Nothing else in Wallbite knows this.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

FOLDERS: Final = ("conformance", "fixtures", "probes", "reports")

_PACKAGE: Final = Path(__file__).resolve().parent


def root() -> Path:
    """The folder that holds the folders of content."""
    packaged = _PACKAGE / "content"
    return packaged if packaged.is_dir() else _PACKAGE.parent


def content(*parts: str) -> Path:
    """The path of a piece of content, such as ``content("fixtures", "targets")``.

    Raises:
        ValueError: the first part is no folder of content.
    """
    if not parts or parts[0] not in FOLDERS:
        raise ValueError(f"no such content: {'/'.join(parts)!r}; expected one below {', '.join(FOLDERS)}")
    return root().joinpath(*parts)
