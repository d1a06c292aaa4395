"""The shapes that the parts of an answer must have, and the exception for whatever has another."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable, Iterable
from typing import Any, Final, NoReturn

ERRNO_NAMES: Final = frozenset({"OK", *errno.errorcode.values(), "EOPNOTSUPP", "ENOTSUP", "EAGAIN", "EDEADLK"})
# Characters of names and texts, and eight for any other value, in what one attempt saw. Only a sweep has much to tell.
SEEN_SIZE: Final = 1 << 11
SWEEP_SIZE: Final = 1 << 18
SEEN_DEPTH: Final = 6
IDENTITY_SIZE: Final = 1 << 17
WIDEST: Final = 1 << 64  # integers are smaller: addresses and masks are the widest
EMPTY: Final[dict[str, Any]] = {}

Shape = Callable[[Any], bool]


class AnswerProblem(Exception):
    """What a probe wrote is no answer to its plan; its text is the one reason."""


def short(value: Any) -> str:
    """A hostile value in few printable characters."""
    return ascii(value)[:80]


def document(line: bytes) -> dict[str, Any]:
    """One line as a JSON object: UTF-8, finite numbers, no name twice, nothing that cannot be written again."""
    try:
        text = line.decode("utf-8")
        found = json.loads(text, parse_constant=_not_finite, parse_float=_finite, object_pairs_hook=_unique)
        if "\\u" in text:
            json.dumps(found, ensure_ascii=False).encode("utf-8")  # lone surrogates cannot be
    except UnicodeError as error:
        raise AnswerProblem(f"a line is not UTF-8: {short(str(error))}") from None
    except RecursionError:
        raise AnswerProblem("a line is nested too deep") from None
    except ValueError as error:
        raise AnswerProblem(f"a line is not JSON: {short(str(error))}") from None
    if type(found) is not dict:
        raise AnswerProblem("a line is no JSON object")
    return found


def _not_finite(name: str) -> NoReturn:
    raise AnswerProblem(f"a number is {name}")


def _finite(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise AnswerProblem(f"a number is too large: {short(text)}")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise AnswerProblem("an object has a name twice")
    return found


def members(found: dict[str, Any], required: Iterable[str], what: str, optional: Iterable[str] = ()) -> None:
    """Checks that an object has exactly these members.

    Raises:
        AnswerProblem: one is missing, or there is another.
    """
    missing = set(required) - found.keys()
    if missing:
        raise AnswerProblem(f"{what} lacks {', '.join(sorted(missing))}")
    other = found.keys() - set(required) - set(optional)
    if other:
        raise AnswerProblem(f"{what} has an unknown member {short(min(other))}")


def record(found: Any) -> tuple[int, str | None, dict[str, Any]]:
    """Number, errno and seen of one result."""
    if type(found) is not list or len(found) != 3:  # noqa: PLR2004 - number, errno, seen
        raise AnswerProblem(f"a result is not [number, errno, seen]: {short(found)}")
    number, name, seen = found
    if type(number) is not int or number < 0:
        raise AnswerProblem(f"a result's number is {short(number)}")
    if name is not None and (type(name) is not str or name not in ERRNO_NAMES):
        raise AnswerProblem(f"result {number} has an unknown errno {short(name)}")
    if seen is None:
        return number, name, EMPTY
    if type(seen) is not dict:
        raise AnswerProblem(f"result {number} saw no object: {short(seen)}")
    return number, name, seen


def seen_by(operation: str, number: int, seen: dict[str, Any]) -> None:
    """Checks that what one attempt saw is no more than its operation has to tell.

    Raises:
        AnswerProblem: it is too large, too deep, or not a sweep's.
    """
    if operation not in _LARGE or not seen:
        bounded(seen, SEEN_SIZE, f"what result {number} saw")
    elif "error" not in seen and not _LARGE[operation](seen):
        raise AnswerProblem(f"what result {number} saw is not what {operation} sees")
    else:
        bounded(seen, SWEEP_SIZE, f"what result {number} saw")


def bounded(value: Any, size: int, what: str) -> None:
    """Checks that a JSON value is small and shallow.

    Raises:
        AnswerProblem: it is too large, too deep, or holds an integer beyond 64 bits.
    """
    level: list[Any] = [value]
    for _ in range(SEEN_DEPTH):
        below: list[Any] = []
        for one in level:
            size -= len(one) if isinstance(one, str) else 8
            if isinstance(one, dict):
                below += one.keys()
                below += one.values()
            elif isinstance(one, list):
                below += one
            elif type(one) is int and not -WIDEST < one < WIDEST:
                raise AnswerProblem(f"{what} holds an integer beyond 64 bits")
        if size < 0:
            raise AnswerProblem(f"{what} is too large")
        level = below
        if not level:
            return
    raise AnswerProblem(f"{what} is nested too deep")


def _integer(value: Any) -> bool:
    return type(value) is int


def _text(value: Any) -> bool:
    return type(value) is str


def _flag(value: Any) -> bool:
    return type(value) is bool


def _hex(value: Any) -> bool:
    return type(value) is str and 0 < len(value) <= 64 and set(value) <= set("0123456789abcdef")  # noqa: PLR2004 - SHA-256


def _octal(value: Any) -> bool:
    return type(value) is str and 0 < len(value) <= 5 and set(value) <= set("01234567")  # noqa: PLR2004 - 07777


def _or_none(shape: Shape) -> Shape:
    return lambda value: value is None or shape(value)


def _list(shape: Shape, length: int | None = None) -> Shape:
    return lambda value: type(value) is list and length in (None, len(value)) and all(shape(one) for one in value)


def _pair(first: Shape, second: Shape) -> Shape:
    return lambda value: type(value) is list and len(value) == 2 and first(value[0]) and second(value[1])  # noqa: PLR2004


def _map(shape: Shape) -> Shape:
    return lambda value: type(value) is dict and all(shape(one) for one in value.values())


def _object(**shapes: Shape) -> Shape:
    def matches(value: Any) -> bool:
        if type(value) is not dict or value.keys() != shapes.keys():
            return False
        return all(shapes[name](value[name]) for name in shapes)

    return matches


_SWEPT: Final = _object(writable=_list(_text), more=_integer, looked=_integer)
_ENTRIES: Final = _object(
    entries=_list(lambda one: _list(lambda _: True, 3)(one) and _text(one[0]) and _integer(one[1]) and _hex(one[2])),
    more=_integer,
)
_LARGE: Final = {"sweep": _SWEPT, "environ": _ENTRIES}
WHO: Final[dict[str, Shape]] = {
    "pid": _integer,
    "uids": _list(_integer, 4),
    "gids": _list(_integer, 4),
    "groups": _list(_integer),
    "capabilities": _object(permitted=_hex, effective=_hex, inheritable=_hex, ambient=_hex, bounding=_hex),
    "no_new_privs": _flag,
    "seccomp": _integer,
    "descriptors": _list(_pair(_integer, _text)),
    "session": _integer,
    "process_group": _integer,
    "terminal": _or_none(_integer),
    "keyring": _or_none(_integer),
    "cwd": _or_none(_text),
    "umask": _octal,
    "limits": _map(_list(_integer, 2)),
    "environment": _list(_text),
    "directories": _map(_text),
    "signals": _object(blocked=_hex, ignored=_hex, caught=_hex),
    "argv_digest": _hex,
    "python": _text,
}
CARRIER: Final[dict[str, Shape]] = {
    "plugin": _or_none(_text),
    "job": _or_none(_text),
    "command": _or_none(_text),
    "attempt": _or_none(_integer),
    "secrets": _map(_pair(_integer, _hex)),
}


def who(found: Any) -> dict[str, Any]:
    """The identity block."""
    return _checked(found, WHO, "who", {"directories"})


def carrier(found: Any) -> dict[str, Any]:
    """What carried the probe."""
    return _checked(found, CARRIER, "carrier", {"secrets"})


def _checked(found: Any, shapes: dict[str, Shape], what: str, optional: set[str]) -> dict[str, Any]:
    if type(found) is not dict:
        raise AnswerProblem(f"{what} is no object")
    members(found, shapes.keys() - optional, what, optional)
    bounded(found, IDENTITY_SIZE, what)
    for name, value in found.items():
        if not shapes[name](value):
            raise AnswerProblem(f"{what}.{name} has a wrong type or value: {short(value)}")
    return found
