"""Strict YAML: what is refused, and with which line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from gateway import documents
from gateway.refusal import Refusal


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"a: 1\nb: 2\na: 3\n", ":3: duplicate key 'a'"),
        (b"a: &x [1]\nb: *x\n", ":1: anchors"),
        (b"a: !!python/name:os.system x\n", ":1: tags"),
        (b"a: \xff\n", "not UTF-8 at byte 3"),
        (b"a:\n\tb: 1\n", ":2: not YAML"),
        (b"[" * 50_000, "nest"),
        (b"a: 1\n--- \nb: 1\n", "more than one document"),
        (b"? [a]\n: 1\n", "a key must be text"),
        (b"#" * (documents.MAX_BYTES + 1), "larger than"),
    ],
    ids=["duplicate", "alias", "tag", "encoding", "tab", "deep", "two", "key", "large"],
)
def test_what_is_no_plain_document_is_refused(tmp_path: Path, text: bytes, why: str) -> None:
    """One line that names the file, the place and the reason."""
    file = tmp_path / "file.yaml"
    file.write_bytes(text)
    with pytest.raises(Refusal, match=str(file)) as refusal:
        documents.load(str(file))
    assert why in str(refusal.value)


def test_a_pipe_is_refused_at_once(tmp_path: Path) -> None:
    """Without waiting for a writer."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(Refusal, match="not a regular file"):
        documents.load(str(tmp_path / "pipe"))


def test_words_mean_what_yaml_says(tmp_path: Path) -> None:
    """`yes` is a boolean unless it is quoted, and `on` as a key is text."""
    file = tmp_path / "file.yaml"
    file.write_text("on: yes\nquoted: 'yes'\nnothing:\nnumber: 42\nfraction: 1.5\nword: 0x1f\n")
    value = {"on": True, "quoted": "yes", "nothing": None, "number": 42, "fraction": 1.5, "word": "0x1f"}
    assert documents.load(str(file)).value == value
