"""Files that a user names: regular, small, text."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from wallbite.documents import MAX_BYTES, Document, parse, read, read_bytes
from wallbite.problems import UsageProblem


def refused(path: Path | str) -> str:
    """The line that a file is refused with."""
    with pytest.raises(UsageProblem) as caught:
        read(path)
    line = str(caught.value)
    assert "\n" not in line
    return line


def test_a_file_is_read_with_its_lines(tmp_path: Path) -> None:
    """Each value knows its line; a mapping's value has that of its key."""
    path = tmp_path / "a.yaml"
    path.write_text("a: 1\nb:\n  - x\n  - c:\n      deep\n")
    document = read(path)
    assert document.value == {"a": 1, "b": ["x", {"c": "deep"}]}
    assert [document.line(at) for at in (("a",), ("b",), ("b", 0), ("b", 1, "c"))] == [1, 2, 3, 4]
    assert document.where(("b", 1, "nowhere")) == f"{path}:4"


def test_a_fifo_is_refused_at_once(tmp_path: Path) -> None:
    """A FIFO without a writer does not hang the harness."""
    os.mkfifo(tmp_path / "fifo")
    assert "is a FIFO; expected a regular file" in refused(tmp_path / "fifo")


def test_other_kinds_of_files_are_refused(tmp_path: Path) -> None:
    """A directory, a device and a socket are named as what they are."""
    assert "is a directory" in refused(tmp_path)
    assert "is a device" in refused("/dev/zero")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        assert "cannot be read" in refused(tmp_path / "socket")


def test_what_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    """An absent file, a loop of links, an endless name and a NUL in a name end in one line."""
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert "No such file or directory" in refused(tmp_path / "absent")
    assert "Too many levels" in refused(tmp_path / "loop")
    assert "File name too long" in refused("x" * 5000)
    assert "embedded null" in refused("a\0b")  # byte or character, as the Python has it


def test_a_hundred_megabytes_are_refused_unread(tmp_path: Path) -> None:
    """The size is looked at before anything is read."""
    path = tmp_path / "large.yaml"
    path.touch()
    os.truncate(path, 100 << 20)
    assert f"is {100 << 20} bytes; expected at most {MAX_BYTES} bytes" in refused(path)


def test_a_file_that_lies_about_its_size_is_bounded() -> None:
    """Files below /proc say 0 bytes; no more than the limit is read of them."""
    with pytest.raises(UsageProblem, match="is larger; expected at most 10 bytes"):
        read_bytes("/proc/self/maps", limit=10)


@pytest.mark.parametrize(
    ("data", "line", "what"),
    [
        (b"a: 1\nb: \xff\n", 2, "byte 0xff is not UTF-8"),
        ("a: 1".encode("utf-16"), 1, "byte 0xff is not UTF-8"),
        (b"a: 1\n\nb: \0\n", 3, "has a NUL character"),
        (b"a: 1\nb: \x07\n", 2, "has the character"),
        (b"a: 1\n\tb: 2\n", 2, "spaces, not tabs"),
        (b"a: [1\nb: 2\n", 2, "expected YAML"),
        (b"a: 1\na: 2\n", 2, 'has the key "a" twice; expected each key once; remove one of the two; the first is on'),
        (b"a: 1\n'a': 2\n", 2, 'has the key "a" twice'),
        (b"x: {b: {c: 1, c: 2}}\n", 1, 'has the key "c" twice'),
        (b"a: &x 1\n", 1, "has the anchor &x; expected no anchors"),
        (b"a: 1\nb: *x\n", 2, "has the alias *x; expected no aliases"),
        (b"a: !!python/object/apply:os.system [id]\n", 1, "has the tag"),
        (b"a: !!str 1\n", 1, "has the tag"),
        (b"a: ! 1\n", 1, "has the tag"),
        (b"a: !!map {}\n", 1, "has the tag"),
        (b"a: 1\n---\nb: 2\n", 2, "is a second document"),
        (b"", 1, "is empty"),
        (b"# nothing\n", 1, "is empty"),
        (b"? [a]\n: 1\n", 1, "has a mapping or list as a key"),
        (b"a: .inf\n", 1, "has the number"),
        (b"a: " + b"9" * 5000, 1, "has the number"),
        (b"a: 0x_\n", 1, "has the number"),
        (b"k" * 1000 + b"x" * 1000 + b": 1\n", 1, "expected"),
    ],
)
def test_what_is_not_strict_yaml_is_refused_by_line(data: bytes, line: int, what: str) -> None:
    """Each class of bad input names the file and the line, and says what was there."""
    with pytest.raises(UsageProblem) as caught:
        parse(data, "some.yaml")
    assert str(caught.value).startswith(f"some.yaml:{line}: ")
    assert what in str(caught.value)
    assert "; expected " in str(caught.value)
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", True),
        ("off", False),
        ("y", "y"),
        ("~", None),
        ("0600", 384),
        ("22:22", "22:22"),
        ("2026-01-01", "2026-01-01"),
        ("1.5", 1.5),
        ("'yes'", "yes"),
        ("<<", "<<"),
        ("=", "="),
    ],
)
def test_scalars_mean_what_the_targets_parsers_make_of_them(text: str, value: object) -> None:
    """Booleans and octal numbers as in YAML 1.1; dates and base-60 numbers stay text."""
    assert parse(f"a: {text}".encode(), "x").value == {"a": value}


def test_keys_are_text() -> None:
    """A key is what was written, also where YAML 1.1 would make a boolean of it."""
    assert parse(b"on: 1\n1: 2\nnull: 3\n? x\n: 4\n", "x").value == {"on": 1, "1": 2, "null": 3, "x": 4}


def test_a_value_is_shown_as_it_was_written() -> None:
    """A mode without quotes is an octal number to YAML; a message shows what the user wrote."""
    document: Document = parse(b"mode: 0600\n", "x")
    assert document.written(("mode",)) == "0600"
    assert str(document.problem(("mode",), "text", "quote it")) == "x:1: mode is 0600; expected text; quote it"
