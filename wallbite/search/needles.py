"""What is looked for: a value, in the forms that it may be written down in."""

from __future__ import annotations

import base64
import dataclasses
import html
import json
import urllib.parse
from collections.abc import Iterator
from typing import Final

SHORTEST: Final = 16  # bytes of a value: a shorter one could be met by chance once it is halved


@dataclasses.dataclass(frozen=True, slots=True)
class Needle:
    """A secret value by a name that may be shown. The value should be random throughout: each half of it counts.

    Halves are looked for since a value may be cut: by a page boundary of a database, or by a limit of a log's lines.

    Raises:
        ValueError: the value is shorter than 16 bytes.
    """

    name: str
    value: bytes = dataclasses.field(repr=False)

    def __post_init__(self) -> None:
        """Refuse what is too short."""
        if len(self.value) < SHORTEST:
            raise ValueError(f"{self.name}: a value of {len(self.value)} bytes is too short to be searched for")

    def patterns(self) -> dict[bytes, str]:
        """Bytes to look for, and the form that they are a half of."""
        patterns: dict[bytes, str] = {}
        for form, written in _forms(self.value):
            middle = len(written) // 2
            for half in (written[:middle], written[middle:]):
                patterns.setdefault(half, form)
        return patterns


def _forms(value: bytes) -> Iterator[tuple[str, bytes]]:
    """Every way in which a value may stand in a stream of bytes; the plain one first."""
    yield "plain", value
    yield "hex", value.hex().encode()
    yield "hex", value.hex().upper().encode()
    for offset in range(3):
        # What stands before and after in the encoded text is unknown: characters that depend on it are left out.
        encoded = base64.b64encode(bytes(offset) + value)
        core = encoded[-(-offset * 8 // 6) : (offset + len(value)) * 8 // 6]
        yield "base64", core
        yield "base64", core.translate(bytes.maketrans(b"+/", b"-_"))
    for offset in range(5):
        encoded = base64.b32encode(bytes(offset) + value)
        yield "base32", encoded[-(-offset * 8 // 5) : (offset + len(value)) * 8 // 5]
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return
    yield "utf-16", text.encode("utf-16-le")
    yield "utf-16", text.encode("utf-16-be")
    yield "json", json.dumps(text)[1:-1].encode()
    yield "json", json.dumps(text, ensure_ascii=False)[1:-1].encode()
    yield "url", urllib.parse.quote(text, safe="").encode()
    yield "url", urllib.parse.quote(text).encode()
    yield "html", html.escape(text).encode()
