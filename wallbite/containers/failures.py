"""What an engine says when something fails, as one line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from wallbite.problems import EnvironmentProblem

_LONGEST: Final = 300
_REMEDIES: Final = {
    "no space left on device": "the disk is full: make room where the engine keeps its data",
    "permission denied": "this user may not use the engine",
    "cannot connect": "the engine's daemon does not answer: start it",
    "unable to apply caps": "the engine lacks a capability that a stage needs; run it where its bounding set has it",
    "operation not permitted": "the engine may not do this here; see docs/containers.md for what it needs",
}


@contextmanager
def explained(doing: str) -> Iterator[None]:
    """Turn a failure of the engine into one line that says what was being done.

    Raises:
        EnvironmentProblem: instead of whatever the library raised.
    """
    from python_on_whales.exceptions import DockerException

    try:
        yield
    except DockerException as error:
        raise failure(doing, f"{error.stderr or ''}\n{error.stdout or ''}") from None
    except OSError as error:
        raise failure(doing, error.strerror or str(error)) from None


def failure(doing: str, said: str) -> EnvironmentProblem:
    """The problem that an engine's words are."""
    lower = said.lower()
    remedy = next((remedy for words, remedy in _REMEDIES.items() if words in lower), "")
    return EnvironmentProblem(f"{doing}: {essence(said)}", remedy=remedy)


def essence(said: str) -> str:
    """The line that names the cause: the last that is no hint, without the client's prefixes."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    lines = [line for line in lines if not line.startswith(("See '", "Run '", "time=", "DEPRECATED"))] or lines
    line = lines[-1] if lines else "the engine failed without a word"
    for prefix in ("docker: ", "Error: ", "Error response from daemon: "):
        line = line.removeprefix(prefix)
    return line[:_LONGEST]
