"""The search for secrets: every form, every nesting, every bound."""

from __future__ import annotations

import base64
import bz2
import gzip
import io
import json
import lzma
import os
import sqlite3
import tarfile
import urllib.parse
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from wallbite.search import Limits, Needle, search_bytes, search_files

VALUE = b"s3cr+t/" + os.urandom(18).hex().encode() + b'"&'
NEEDLE = Needle("canary", VALUE)
Wrap = Callable[[bytes], bytes]


def forms(data: bytes) -> set[str]:
    """The forms found in bytes, of which everything could be read."""
    found = search_bytes([("it", data)], [NEEDLE])
    assert not found.unread
    return {hit["form"] for hit in found.hits}


def tarred(data: bytes) -> bytes:
    """A tar archive with one member among others."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, content in (("first", b"x" * 700), ("second", data), ("third", b"y")):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


def zipped(data: bytes, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """The same as ZIP."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        archive.writestr("first", "x" * 700)
        archive.writestr("second", data)
    return file.getvalue()


WRITTEN: dict[str, tuple[bytes, str]] = {
    "plain": (VALUE, "plain"),
    "hex": (VALUE.hex().encode(), "hex"),
    "HEX": (VALUE.hex().upper().encode(), "hex"),
    "base64": (base64.b64encode(VALUE), "base64"),
    "base64 after one byte": (base64.b64encode(b"!" + VALUE + b"?"), "base64"),
    "base64 after two bytes": (base64.b64encode(b"!!" + VALUE), "base64"),
    "urlsafe base64": (base64.urlsafe_b64encode(b"\xff\xfe" + VALUE), "base64"),
    "base32": (base64.b32encode(b"abcd" + VALUE), "base32"),
    "utf-16": (VALUE.decode().encode("utf-16"), "utf-16"),
    "json": (json.dumps({"a": VALUE.decode()}).encode(), "json"),
    "url": (urllib.parse.quote(VALUE, safe="").encode(), "url"),
    "first half": (VALUE[: len(VALUE) // 2], "plain"),
    "second half": (VALUE[len(VALUE) // 2 :], "plain"),
    "broken into lines": (base64.encodebytes(b"a" * 60 + VALUE + b"a" * 60), "base64, broken"),
    "broken in JSON": (json.dumps(base64.encodebytes(b"a" * 60 + VALUE).decode()).encode(), "base64, broken"),
}
WRAPS: dict[str, Wrap] = {
    "gzip": gzip.compress,
    "zlib": zlib.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": zstandard.compress,
    "tar": tarred,
    "zip": zipped,
    "zip, stored": lambda data: zipped(data, zipfile.ZIP_STORED),
    "zip, bzip2": lambda data: zipped(data, zipfile.ZIP_BZIP2),
    "base64 of gzip": lambda data: base64.b64encode(gzip.compress(data)),
    "base64 of zip in lines": lambda data: base64.encodebytes(zipped(data)),
    "base64 of zstd for URLs": lambda data: base64.urlsafe_b64encode(zstandard.compress(data)),
    "base64 of xz": lambda data: base64.b64encode(lzma.compress(data)),
    "hex of gzip": lambda data: gzip.compress(data).hex().encode(),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_every_way_of_writing_is_found(name: str) -> None:
    """Encodings, halves, broken lines."""
    data, form = WRITTEN[name]
    assert form in forms(b"before " + data + b" after")


@pytest.mark.parametrize("name", WRITTEN)
@pytest.mark.parametrize("wrap", WRAPS)
def test_every_way_of_writing_is_found_in_every_wrapping(name: str, wrap: str) -> None:
    """The same, compressed and archived."""
    data, form = WRITTEN[name]
    assert form in forms(b"junk" * 50 + WRAPS[wrap](b"before " * 100 + data + b" after"))


@pytest.mark.parametrize("outer", WRAPS)
@pytest.mark.parametrize("inner", WRAPS)
def test_archives_within_archives(outer: str, inner: str) -> None:
    """Each kind within each."""
    assert "plain" in forms(WRAPS[outer](WRAPS[inner](WRAPS["gzip"](b"a " * 3000 + VALUE))))


@pytest.mark.parametrize("wrap", WRAPS)
def test_what_does_not_hold_it_has_no_hits_and_nothing_unread(wrap: str) -> None:
    """No false alarm, and no doubt either."""
    assert forms(WRAPS[wrap](os.urandom(200_000))) == set()


@pytest.mark.parametrize("boundary", [(1 << 20) - 3, (1 << 20) - 20, (1 << 20) - len(VALUE) + 1])
@pytest.mark.parametrize("wrap", ["plain", "gzip", "zstd"])
def test_pieces_do_not_hide_it(boundary: int, wrap: str) -> None:
    """A value or a stream that lies across two pieces that were read."""
    data = VALUE if wrap == "plain" else WRAPS[wrap](VALUE * 3)
    assert "plain" in forms(bytes(boundary) + data + bytes(4000))


def test_a_page_boundary_of_a_database_does_not_hide_it(tmp_path: Path) -> None:
    """Long values go on in other pages of a database."""
    path = str(tmp_path / "state.db")
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE t (v TEXT)")
    for shift in range(0, 60, 5):  # a long row goes on in other pages: some value lies across their boundary
        row = ("a" * (4060 - shift) + VALUE.decode()) * 3
        connection.execute("INSERT INTO t VALUES (?)", (row,))
    connection.commit()
    connection.close()
    found = search_files([str(tmp_path)], [NEEDLE])
    assert {hit["form"] for hit in found.hits} >= {"plain"}
    assert found.files == 1


def test_a_cut_stream_is_searched_up_to_the_cut() -> None:
    """What a damaged archive still gives is looked at."""
    whole = gzip.compress(VALUE + os.urandom(50_000))
    assert "plain" in forms(whole[:5000])
    assert "plain" in forms(whole[:200] + bytes(3000))
    assert "plain" in forms(gzip.compress(VALUE)[:-8] + b"no check sum")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"7z\xbc\xaf\x27\x1c" + bytes(100), "7-Zip"),
        (zipped(VALUE, zipfile.ZIP_LZMA), "method 14"),
        (zipped(VALUE).replace(b"PK\x03\x04\x14\0\0\0", b"PK\x03\x04\x14\0\1\0"), "encrypted"),
        (zstandard.ZstdCompressor(write_checksum=True).compress(os.urandom(3000))[:-4] + b"bad!", "damaged"),
        (lzma.compress(os.urandom(3000))[:1500] + b"\xff" * 3000, "damaged"),
    ],
)
def test_what_cannot_be_read_is_said(data: bytes, why: str) -> None:
    """Not found in what was not read says nothing."""
    found = search_bytes([("it", data)], [NEEDLE])
    assert why in " ".join(each["why"] for each in found.unread)


@pytest.mark.parametrize("wrap", ["gzip", "zstd", "xz", "bzip2", "zip"])
def test_a_bomb_is_bounded(wrap: str) -> None:
    """And the bound is said."""
    found = search_bytes([("it", WRAPS[wrap](bytes(64 << 20)))], [NEEDLE], Limits(size=8 << 20))
    assert found.size <= 8 << 20
    assert "more than 8388608 bytes" in found.unread[0]["why"]


def test_depth_is_bounded_and_said() -> None:
    """As it says."""
    data = VALUE.ljust(3000)
    for _ in range(4):
        data = gzip.compress(data) + bytes(3000)
    assert search_bytes([("it", data)], [NEEDLE], Limits(depth=4)).hits
    found = search_bytes([("it", data)], [NEEDLE], Limits(depth=3))
    assert not found.hits
    assert "deeper than 3" in found.unread[0]["why"]


def test_names_and_links_are_searched_too(tmp_path: Path) -> None:
    """A secret may be a name."""
    name = "x" + os.urandom(12).hex()
    (tmp_path / name).write_text("")
    (tmp_path / "link").symlink_to("/nowhere/" + VALUE.decode())
    found = search_files([str(tmp_path)], [NEEDLE, Needle("name", name.encode())])
    assert {hit["needle"] for hit in found.hits} == {"canary", "name"}
    assert not found.unread


def test_a_path_that_is_not_there_is_unread(tmp_path: Path) -> None:
    """It was named, so it was expected."""
    assert search_files([str(tmp_path / "nothing")], [NEEDLE]).unread


def test_a_pipe_does_not_hold_the_search_up(tmp_path: Path) -> None:
    """Nothing but regular files is opened."""
    os.mkfifo(tmp_path / "pipe")
    assert search_files([str(tmp_path)], [NEEDLE]).files == 0


def test_what_is_found_holds_no_part_of_the_value() -> None:
    """A result may be recorded."""
    found = search_bytes([("it", VALUE)], [NEEDLE])
    assert VALUE[:8].decode() not in repr((found, NEEDLE))


def test_a_short_value_is_refused() -> None:
    """Half of it would be met by chance."""
    with pytest.raises(ValueError, match="too short"):
        Needle("short", b"only15bytes....")
