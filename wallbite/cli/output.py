"""What the command line writes, whoever reads it."""

from __future__ import annotations

import contextlib
import os
import sys


def prepare() -> None:
    """Let no character that a terminal or log cannot show stop a message."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def say(text: str) -> None:
    """Write to stdout, with one newline at the end.

    A reader that is gone (``| head``) does not change what a command concludes.
    """
    try:
        print(text.removesuffix("\n"), flush=True)  # noqa: T201 - the one place that writes to stdout
    except BrokenPipeError:
        _void(sys.stdout.fileno())


def complain(text: str) -> None:
    """Write one line to stderr, with nothing in it that could steer a terminal."""
    from wallbite.documents import printable

    with contextlib.suppress(OSError):
        print(f"wallbite: {printable(text)}", file=sys.stderr, flush=True)  # noqa: T201 - likewise for stderr


def settle() -> bool:
    """Flush stdout, so that the interpreter's own last flush cannot change the exit code; whether it went well."""
    if sys.stdout is None:
        return True
    try:
        sys.stdout.flush()
    except OSError as error:
        _void(sys.stdout.fileno())
        return isinstance(error, BrokenPipeError)
    return True


def _void(descriptor: int) -> None:
    """Let what is still to be written go nowhere."""
    with contextlib.suppress(OSError), open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), descriptor)
