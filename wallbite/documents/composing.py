"""Plain values out of YAML's events, without recursion and within bounds.

PyYAML's own composer recurses (in C it overflows the stack, and the process is gone), accepts duplicate keys, and lets
aliases multiply. Its parser does none of this: it yields one event at a time. So the values are put together here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from wallbite.documents.document import Document, Path
from wallbite.documents.scalars import NotANumberError, plain
from wallbite.documents.showing import printable, shown
from wallbite.problems import UsageProblem

MAX_DEPTH: Final = 40
MAX_VALUES: Final = 50_000
MAX_KEY: Final = 1024

_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def parse(data: bytes, file: str) -> Document:
    """One strict YAML document out of bytes.

    Args:
        data: the bytes; whoever read them bounded them.
        file: the name for messages.

    Raises:
        UsageProblem: not UTF-8, not YAML, not one document; with aliases, tags, duplicate keys; nested too deeply.
    """
    text = _decoded(data, file)
    composer = _Composer(printable(file))
    for event in _events(text, composer.file):
        composer.take(event)
    if not composer.done:
        raise UsageProblem("is empty", f"{composer.file}:1", "one YAML document", "write one")
    return Document(file, composer.result, composer.lines, composer.texts, hashlib.sha256(data).hexdigest())


def _decoded(data: bytes, file: str) -> str:
    """The text, which must be UTF-8 without NUL."""
    try:
        text = data.decode().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        what = f"byte 0x{data[error.start]:02x} is not UTF-8"
        raise UsageProblem(what, f"{printable(file)}:{line}", "UTF-8", "save it as UTF-8") from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise UsageProblem(
            "has a NUL character", f"{printable(file)}:{line}", "text", "name a YAML file, or remove the character"
        )
    return text


def _events(text: str, file: str) -> Iterator[Any]:
    """The parser's events; what it refuses becomes a problem with its line."""
    try:
        yield from yaml.parse(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = printable(error.problem or "not YAML")
        remedy = (
            "indent with spaces, not tabs"
            if "\\t" in problem or " tab " in problem
            else "correct the line, or the one before it"
        )
        raise UsageProblem(problem, f"{file}:{mark.line + 1 if mark else 1}", "YAML", remedy) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        what = f"has the character {shown(text[error.position : error.position + 1])}"
        raise UsageProblem(what, f"{file}:{line}", "printable characters", "remove or escape it") from None


@dataclass(slots=True)
class _Open:
    """A mapping or list that is not closed yet, and of a mapping the key that waits for its value."""

    value: dict[str, Any] | list[Any]
    path: Path
    key: str | None = None


@dataclass(slots=True)
class _Composer:
    file: str
    lines: dict[Path, int] = field(default_factory=dict)
    texts: dict[Path, str] = field(default_factory=dict)
    result: Any = None
    done: bool = False
    values: int = 0
    open: list[_Open] = field(default_factory=list)

    def take(self, event: Any) -> None:
        """Go on by one event."""
        if isinstance(event, yaml.DocumentStartEvent) and self.done:
            raise self.refuse(event, "is a second document", "one document", "remove the '---' and what follows")
        if isinstance(event, yaml.NodeEvent):
            self.check(event)
        if isinstance(event, yaml.ScalarEvent):
            self.scalar(event)
        elif isinstance(event, yaml.MappingStartEvent):
            self.start(event, {})
        elif isinstance(event, yaml.SequenceStartEvent):
            self.start(event, [])
        elif isinstance(event, yaml.CollectionEndEvent):
            self.open.pop()

    def check(self, event: Any) -> None:
        """Refuse what no document of ours needs, and what could grow without bound."""
        if isinstance(event, yaml.AliasEvent):
            raise self.refuse(
                event, f"has the alias *{printable(str(event.anchor))}", "no aliases", "write the value out"
            )
        if event.anchor is not None:
            raise self.refuse(event, f"has the anchor &{printable(str(event.anchor))}", "no anchors", "remove it")
        if getattr(event, "tag", None) is not None:
            raise self.refuse(event, f"has the tag {shown(event.tag)}", "no tags", "remove it; quote what is text")
        self.values += 1
        if self.values > MAX_VALUES:
            raise self.refuse(event, "has too many values", f"at most {MAX_VALUES}", "split the file")

    def scalar(self, event: Any) -> None:
        """Take a key, or a value."""
        parent = self.open[-1] if self.open else None
        if parent and isinstance(parent.value, dict) and parent.key is None:
            self.key(event, parent, parent.value)
            return
        try:
            value = plain(event.value) if event.implicit[0] else event.value
        except NotANumberError:
            raise self.refuse(
                event, f"has the number {shown(event.value)}", "a finite number of reasonable length", "quote it"
            ) from None
        path = self.put(event, value)
        if not isinstance(value, str):
            self.texts[path] = event.value

    def key(self, event: Any, parent: _Open, mapping: dict[str, Any]) -> None:
        """Take a key: its text, whatever type YAML would give it."""
        path = (*parent.path, event.value)
        if event.value in mapping:
            before = f"remove one of the two; the first is on line {self.lines[path]}"
            raise self.refuse(event, f"has the key {shown(event.value)} twice", "each key once", before)
        if len(event.value) > MAX_KEY:
            raise self.refuse(event, f"has the key {shown(event.value)}", f"at most {MAX_KEY} characters", "shorten it")
        parent.key = event.value
        self.lines[path] = event.start_mark.line + 1

    def start(self, event: Any, value: dict[str, Any] | list[Any]) -> None:
        """Open a mapping or a list."""
        if len(self.open) >= MAX_DEPTH:
            raise self.refuse(event, "is nested too deeply", f"at most {MAX_DEPTH} levels", "flatten it")
        parent = self.open[-1] if self.open else None
        if parent and isinstance(parent.value, dict) and parent.key is None:
            raise self.refuse(event, "has a mapping or list as a key", "text as a key", "quote the key")
        self.open.append(_Open(value, self.put(event, value)))

    def put(self, event: Any, value: Any) -> Path:
        """Put a value where it belongs, note its line, and say its path."""
        path: Path = ()
        if not self.open:
            self.result, self.done = value, True
        elif isinstance(self.open[-1].value, list):
            path = (*self.open[-1].path, len(self.open[-1].value))
            self.open[-1].value.append(value)
        else:
            path = (*self.open[-1].path, str(self.open[-1].key))
            self.open[-1].value[str(self.open[-1].key)] = value
            self.open[-1].key = None
        self.lines.setdefault(path, event.start_mark.line + 1)
        return path

    def refuse(self, event: Any, what: str, expected: str, remedy: str) -> UsageProblem:
        """A problem at the line of an event."""
        return UsageProblem(what, f"{self.file}:{event.start_mark.line + 1}", expected, remedy)
