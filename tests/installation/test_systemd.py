"""Install files are read as systemd reads them."""

from __future__ import annotations

import pytest

from wallbite.installation import systemd

UNIT = """
[Unit]
User=not-this-one
[Service]
# User=nor-this
User=gateway
AmbientCapabilities=CAP_CHOWN
AmbientCapabilities=
AmbientCapabilities=CAP_SETUID \\
  cap_setgid
"""


def test_a_service_section_keeps_its_own_values() -> None:
    """Other sections and comments do not count; an empty value takes back; a backslash continues."""
    found = systemd.service(UNIT)
    assert found["User"] == ["gateway"]
    assert [value.split() for value in found["AmbientCapabilities"]] == [["CAP_SETUID", "cap_setgid"]]


@pytest.mark.parametrize(
    ("values", "mask"),
    [
        ([], 5),
        (["CAP_SETUID CAP_SETGID"], 0xC0),
        (["CAP_SETUID", "setgid"], 0xC0),
        (["CAP_SETUID CAP_CHOWN", "~CAP_CHOWN"], 0x80),
        (["~CAP_SETUID"], systemd.ALL & ~0x80),
    ],
)
def test_a_set_is_what_its_lines_add_up_to(values: list[str], mask: int) -> None:
    """Names with and without CAP_, several lines, and what is taken away."""
    assert systemd.capability_mask(values, 5) == mask


def test_a_name_that_is_no_capability_is_refused() -> None:
    """It is not read as nothing."""
    with pytest.raises(ValueError, match="CAP_SETUDI"):
        systemd.capability_mask(["CAP_SETUDI"], 0)


def test_users_and_directories_are_found_among_the_lines() -> None:
    """Comments, other types and quoted comments are no users and no directories."""
    text = '# u no 1\ng group 5\nu one 7:8 "A name" /home/one\nu! two 9\nd /run/one 0750 one one -\nf /run/file 0600\n'
    assert list(systemd.users(text)) == [
        {"name": "one", "uid": "7", "gid": "8", "home": "/home/one"},
        {"name": "two", "uid": "9", "gid": "9", "home": "-"},
    ]
    assert list(systemd.directories(text)) == [{"path": "/run/one", "mode": "0750", "user": "one", "group": "one"}]
