"""Where content lies, and how the documented exit codes compare with the code."""

from __future__ import annotations

import pytest

from wallbite.cli.parser import _EXITS
from wallbite.content import FOLDERS, content
from wallbite.exits import ExitCode


@pytest.mark.parametrize("folder", FOLDERS)
def test_content_is_found(folder: str) -> None:
    """Each folder of content is there."""
    assert content(folder).is_dir()


@pytest.mark.parametrize("parts", [(), ("tests",), ("..", "etc")])
def test_nothing_else_is_content(parts: tuple[str, ...]) -> None:
    """A misspelt folder is an error, not an absent file."""
    with pytest.raises(ValueError, match="no such content"):
        content(*parts)


def test_help_says_every_exit_code() -> None:
    """The text under ``--help`` has exactly the codes that there are."""
    assert {int(word) for word in _EXITS.split() if word.isdigit()} == {int(code) for code in ExitCode}
