"""Whatever is given to the reader, it ends soon, in little memory, and in one line."""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallbite.documents import Document, parse
from wallbite.problems import UsageProblem

SECONDS = 2.0
BYTES = 256 << 20

BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 9)}]\n" for n in range(9)
)

HOSTILE: dict[str, Callable[[], str]] = {
    "alias bomb": lambda: BOMB,
    "50,000 brackets": lambda: "[" * 50_000,
    "50,000 mappings": lambda: "{a: " * 50_000,
    "50,000 dashes": lambda: "- " * 50_000,
    "50,000 questions": lambda: "? " * 50_000,
    "nested by indent": lambda: "\n".join(" " * n + "a:" for n in range(1400)),
    "a mebibyte of items": lambda: "- a\n" * 262_000,
    "a mebibyte of keys": lambda: "".join(f"k{n}: 1\n" for n in range(90_000)),
    "one long text": lambda: "a: '" + "x" * 1_000_000 + "'",
    "one long key": lambda: "a" * 1_000_000 + ": 1",
    "one long number": lambda: "a: " + "9" * 1_000_000,
    "quotes": lambda: "'" * 1_000_000,
    "commas": lambda: "[" + "," * 1_000_000,
    "anchors": lambda: "&a " * 300_000,
    "tags": lambda: "!a " * 300_000,
    "documents": lambda: "---\n" * 250_000,
    "comments": lambda: "#\n" * 500_000,
    "directives": lambda: "%TAG ! tag:x\n" * 70_000,
    "block scalars": lambda: "- |\n x\n" * 120_000,
    "100 MB": lambda: "a: " + "x" * (100 << 20),
}


def spent() -> float:
    """Processor seconds of all children so far: what else a machine does is none of a document's."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_documents_end_soon_and_small(name: str, tmp_path: Path) -> None:
    """Under two seconds of processor time and 256 MiB, with exit 0 or 2, never a signal."""
    path = tmp_path / "hostile.yaml"
    path.write_text(HOSTILE[name]())
    before = spent()
    done = subprocess.run(
        [sys.executable, "-m", "wallbite", "check", str(path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=10 * SECONDS,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES)),
    )
    assert spent() - before < SECONDS
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1
    assert len(done.stderr) < 1000
    assert "Traceback" not in done.stderr


@given(st.binary(max_size=200))
def test_any_bytes_give_a_document_or_one_line(data: bytes) -> None:
    """No other exception than a problem, and no line break or control character in it."""
    _document_or_line(data)


@given(st.text(alphabet="ab:-[]{}#&*!|>'\"%@`? \n\t,0x1~<=", max_size=60))
def test_any_punctuation_gives_a_document_or_one_line(text: str) -> None:
    """The same for what is nearly YAML."""
    _document_or_line(text.encode())


def _document_or_line(data: bytes) -> None:
    try:
        assert isinstance(parse(data, "any.yaml"), Document)
    except UsageProblem as problem:
        assert str(problem).isprintable()
        assert problem.where.startswith("any.yaml:")
        assert problem.remedy
