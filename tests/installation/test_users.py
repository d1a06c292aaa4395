"""Users of a stage: what is appended to passwd and group, and what is refused."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from wallbite.installation import users
from wallbite.installation.users import User, add

USERS = "root:x:0:0:root:/root:/bin/bash\n+::::::\ndaemon:x:1:1::/:/bin/false\n"
GROUPS = "root:x:0:\ndaemon:x:1:\nsudo:x:27:owner\n"


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """A passwd and a group file."""
    passwd, group = tmp_path / "passwd", tmp_path / "group"
    passwd.write_text(USERS)
    group.write_text(GROUPS)
    for path in (passwd, group):
        path.chmod(0o644)
    return passwd, group


def test_a_user_has_a_group_of_its_own(files: tuple[Path, Path]) -> None:
    """One entry each, behind what is there."""
    add(User("alpha", 61001, 61001, "/srv/alpha"), *files)
    assert files[0].read_text().endswith("daemon:x:1:1::/:/bin/false\nalpha:x:61001:61001::/srv/alpha:/bin/sh\n")
    assert files[1].read_text() == GROUPS + "alpha:x:61001:\n"


def test_a_user_joins_further_groups(files: tuple[Path, Path]) -> None:
    """One that is there keeps its members; one that is not is made, with a number of the system's."""
    add(User("alpha", 61001, 61001, groups=("sudo", "docker")), *files)
    add(User("beta", 61002, 61002, groups=("docker",)), *files)
    lines = files[1].read_text().splitlines()
    assert "sudo:x:27:owner,alpha" in lines
    assert "docker:x:999:alpha,beta" in lines


def test_the_files_keep_their_mode(files: tuple[Path, Path]) -> None:
    """Everybody looks users up."""
    add(User("alpha", 61001, 61001), *files)
    assert [stat.S_IMODE(path.stat().st_mode) for path in files] == [0o644, 0o644]
    assert sorted(path.name for path in files[0].parent.iterdir()) == ["group", "passwd"]


@pytest.mark.parametrize("user", [User("daemon", 61001, 61001), User("alpha", 1, 61001), User("alpha", 61001, 27)])
def test_a_name_or_number_that_is_taken_is_refused(files: tuple[Path, Path], user: User) -> None:
    """And nothing is written."""
    with pytest.raises(ValueError, match="already"):
        add(user, *files)
    assert [path.read_text() for path in files] == [USERS, GROUPS]


def test_a_group_is_found_or_made(tmp_path: Path) -> None:
    """Its number is the file's, or a free one of a system group."""
    file = tmp_path / "group"
    file.write_text("root:x:0:\ndocker:x:999:\n")
    assert users.group("docker", file) == 999
    made = users.group("incus", file)
    assert users.group("incus", file) == made
    assert made not in {0, 999}
