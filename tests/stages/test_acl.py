"""Access lists, as the kernel keeps them."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from wallbite.stages import acl


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A closed file, on a file system that keeps lists."""
    made = tmp_path / "file"
    made.write_bytes(b"")
    made.chmod(0o600)
    try:
        acl.grant(str(made), 12345, 0o4)
    except OSError as error:
        if error.errno == errno.ENOTSUP:
            pytest.skip("this file system keeps no access lists")
        raise
    acl.drop(str(made))
    made.chmod(0o600)
    return made


def test_a_granted_right_shows_as_the_mask(file: Path) -> None:
    """In the place of the group's bits of the mode, which the list's removal leaves there."""
    acl.grant(str(file), 12345, 0o6)
    assert acl.names(str(file)) == [acl.ACCESS]
    assert file.stat().st_mode & 0o777 == 0o660
    acl.drop(str(file))
    assert acl.names(str(file)) == []


def test_a_default_list_shows_in_no_mode(file: Path) -> None:
    """Only directories have one."""
    acl.grant(str(file.parent), 12345, 0o5, acl.DEFAULT)
    assert acl.names(str(file.parent)) == [acl.DEFAULT]
    assert file.parent.stat().st_mode & 0o777 == 0o700
    inherits = file.parent / "new"
    os.close(os.open(inherits, os.O_CREAT | os.O_WRONLY, 0o600))
    assert acl.names(str(inherits)) == [acl.ACCESS]
    acl.drop(str(file.parent))
    assert acl.names(str(file.parent)) == []
