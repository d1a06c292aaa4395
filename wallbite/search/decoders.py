"""Decoders of compressed streams, fed piece by piece; each gives bounded pieces."""

from __future__ import annotations

import base64
import bz2
import lzma
import re
import string
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Any, Final

import zstandard

PIECE: Final = 1 << 20  # bytes given at once
_SLICE: Final = 4096  # bytes decoded at once: what comes before a damaged place is not lost with it
_FEW: Final = 16  # zstd makes up to 128 KiB of three bytes, and takes no bound: so it is given little at once
_FRAME_HEADER: Final = 18  # bytes of zstd within which something else is found out
_WINDOW: Final = 128 << 20  # bytes of memory that a stream may demand
_ZIP_HEADER: Final = 30
_ENCRYPTED: Final = 1
_STORED, _DEFLATED = 0, 8
_TELL_THEMSELVES: Final = (12, 93, 95)  # bzip2, zstd, xz in a ZIP archive begin as they do elsewhere

# How a stream begins. Those of zlib are short and met by chance: what does not go on like a stream is dropped. Text
# that begins as such a stream does in base64 or hex is decoded, and the stream is then met in it.
BEGINNINGS: Final = re.compile(
    rb"(?P<gzip>\x1f\x8b\x08)|(?P<zstd>\x28\xb5\x2f\xfd)|(?P<zip>PK\x03\x04)|(?P<xz>\xfd7zXZ\x00)"
    rb"|(?P<bzip2>BZh[1-9]1AY&SY)|(?P<zlib>x[\x01\x9c\xda])"
    rb"|(?P<base64>H4sI|KLUv/|KLUv_|UEsDB|/Td6WF|_Td6WF|QlpoO)|(?P<hex>1[Ff]8[Bb]08|28[Bb]52[Ff]{2}[Dd]|504[Bb]0304)",
    re.DOTALL,
)
LONGEST_BEGINNING: Final = 10
# What begins so cannot be looked into.
OPAQUE: Final = {
    b"7z\xbc\xaf\x27\x1c": "7-Zip",
    b"Rar!\x1a\x07": "RAR",
    b"\x04\x22\x4d\x18": "LZ4",
    b"\x1f\x9d": "compress",
    b"\x89LZO": "LZO",
    b"LZIP": "lzip",
}


class Damaged(Exception):
    """The bytes do not go on as a stream of this kind."""


class Sealed(Exception):
    """The stream is encrypted, or compressed in a way that is not known here."""


class Decoder:
    """A decoder of a kind that BEGINNINGS names. `ended`: the stream is over."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.ended = False
        self.header = b""
        self.taken = 0  # bytes of a zstd stream
        self.inner: Any = _MAKERS[kind]() if kind in _MAKERS else None

    def decode(self, data: bytes) -> Iterator[bytes]:
        """What the next bytes decode to, in pieces.

        Raises:
            Damaged: they are not what such a stream goes on with.
            Sealed: they cannot be decoded here.
        """
        if self.inner is None:
            data = self.open_member(data)
            if self.ended or self.inner is None:
                return
        way = self.blocks
        if self.kind in ("gzip", "zlib", "zip"):
            way = self.deflated
        elif self.kind == "zstd":
            way = self.frames
        elif self.kind in _ALPHABETS:
            way = self.text
        try:
            yield from way(data)
        except (zlib.error, lzma.LZMAError, OSError, EOFError, zstandard.ZstdError) as error:
            if self.kind in ("xz", "bzip2") or self.taken > _FRAME_HEADER:
                raise Sealed(f"damaged: {error}") from None  # a block of it was lost, and what it held
            raise Damaged(str(error)) from None

    def deflated(self, data: bytes) -> Iterator[bytes]:
        """gzip, zlib and ZIP: up to the very byte that does not fit."""
        view = memoryview(data)
        for start in range(0, len(view), _SLICE):
            before, piece = self.inner.copy(), bytes(view[start : start + _SLICE])
            try:
                while piece and not self.inner.eof:
                    yield self.inner.decompress(piece, PIECE)
                    piece = self.inner.unconsumed_tail
            except zlib.error:
                self.inner = before
                for number in range(start, start + _SLICE):
                    yield self.inner.decompress(view[number : number + 1])
            if self.inner.eof:
                self.ended = True
                return

    def blocks(self, data: bytes) -> Iterator[bytes]:
        """bzip2 and xz."""
        while True:
            yield self.inner.decompress(data, PIECE)
            self.ended, data = self.inner.eof, b""
            if self.ended or self.inner.needs_input:
                return

    def frames(self, data: bytes) -> Iterator[bytes]:
        """zstd, which takes no bound of what it gives."""
        for start in range(0, len(data), _FEW):
            piece = data[start : start + _FEW]
            yield self.inner.decompress(piece)
            self.taken += len(piece)
            self.ended = self.inner.eof
            if self.ended:
                return

    def text(self, data: bytes) -> Iterator[bytes]:
        """base64 and hex, broken into lines or not, up to what is neither."""
        alphabet, size, decode = _ALPHABETS[self.kind]
        text = self.header + data.replace(b"\\n", b"").replace(b"\\r", b"").translate(None, b" \t\r\n")
        strange = text.translate(None, alphabet)
        self.ended = bool(strange)
        text = text[: text.index(strange[:1])] if strange else text
        whole = len(text) - len(text) % size
        self.header = text[whole:]
        for start in range(0, whole, PIECE):
            yield decode(text[start : min(start + PIECE, whole)])
        if self.ended and len(self.header) > 1:  # the rest of base64 that ended
            yield decode(self.header + b"=" * (size - len(self.header)))

    def open_member(self, data: bytes) -> bytes:
        """Read a ZIP member's header; the bytes after it."""
        self.header += data
        if len(self.header) < _ZIP_HEADER:
            return b""
        flags, method = struct.unpack_from("<HH", self.header, 6)
        name, extra = struct.unpack_from("<HH", self.header, 26)
        if len(self.header) < _ZIP_HEADER + name + extra:
            return b""
        if flags & _ENCRYPTED:
            raise Sealed("an encrypted ZIP member")
        if method == _STORED or method in _TELL_THEMSELVES:
            self.ended = True  # whatever it holds is looked at as it lies there
            return b""
        if method != _DEFLATED:
            raise Sealed(f"a ZIP member of compression method {method}")
        self.inner = zlib.decompressobj(-zlib.MAX_WBITS)
        rest, self.header = self.header[_ZIP_HEADER + name + extra :], b""
        return rest


_PLAIN: Final = bytes.maketrans(b"-_", b"+/")
_LETTERS: Final = string.ascii_letters.encode() + string.digits.encode()
# The characters, how many stand for whole bytes, and what decodes them.
_ALPHABETS: Final[dict[str, tuple[bytes, int, Callable[[bytes], bytes]]]] = {
    "base64": (_LETTERS + b"+/-_", 4, lambda text: base64.b64decode(text.translate(_PLAIN))),
    "hex": (string.hexdigits.encode(), 2, lambda text: bytes.fromhex(text.decode())),
}
_MAKERS: Final[dict[str, Any]] = {
    "gzip": lambda: zlib.decompressobj(16 + zlib.MAX_WBITS),
    "zlib": zlib.decompressobj,
    "bzip2": bz2.BZ2Decompressor,
    "xz": lambda: lzma.LZMADecompressor(memlimit=_WINDOW),
    "base64": object,
    "hex": object,
    "zstd": lambda: zstandard.ZstdDecompressor(max_window_size=_WINDOW).decompressobj(),
}
