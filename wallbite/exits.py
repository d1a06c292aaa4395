"""The exit codes, the same for every front end and every format."""

from __future__ import annotations

import enum


class ExitCode(enum.IntEnum):
    """What a process of Wallbite says to the one that started it."""

    CONFORMANT = 0  # also: a record that is intact, a descriptor that is sound
    NOT_CONFORMANT = 1
    USAGE = 2  # what the user wrote or typed is wrong, or he is not root
    UNDECIDED = 3  # the environment, the target or the harness broke
    SELFTEST_FAILED = 4
    ALTERED = 5  # `verify` only
    INTERRUPTED = 130
