"""Documents against JSON schemas, and the one line that says what is wrong.

A schema's ``description`` is what a message names as expected, so a schema is written for the person who broke it.
"""

from __future__ import annotations

import functools
import itertools
import json
from collections.abc import Iterator
from typing import Any, Final

import jsonschema_rs

from wallbite.content import content
from wallbite.documents.document import Document, Path, named
from wallbite.documents.showing import among, nearest, printable, shown
from wallbite.problems import UsageProblem

_LOOK_AT_MOST: Final = 200  # errors of one document; only one is shown
_FIRST: Final = ("additionalProperties", "unevaluatedProperties", "propertyNames")  # a misspelt key explains the rest
_LAST: Final = ("required",)
_TYPES: Final = {
    "string": "text",
    "object": "a mapping",
    "array": "a list",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "null",
}


def validate(document: Document, schema: str) -> None:
    """Hold a document against the schema of that name.

    Args:
        document: what was read.
        schema: ``target`` for reports/schemas/target.schema.json.

    Raises:
        UsageProblem: the most telling of its errors, by line.
    """
    try:
        errors = list(itertools.islice(_validator(schema).iter_errors(document.value), _LOOK_AT_MOST))
    except ValueError as error:  # a value that has no JSON form
        raise document.problem((), "JSON values", "remove it", what=printable(str(error))) from None
    leaves = [leaf for error in errors for leaf in _leaves(error)]
    if leaves:
        raise _problem(document, min(leaves, key=functools.partial(_rank, document)), _schema(schema))


@functools.cache
def _schema(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(content("reports", "schemas", f"{name}.schema.json").read_bytes())
    return loaded


@functools.cache
def _validator(name: str) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(_schema(name))


def _leaves(error: Any) -> Iterator[Any]:
    """The errors below a choice, of the alternative that was nearest to fitting; else the error itself."""
    branches = [branch for branch in getattr(error.kind, "context", []) if branch]
    if not branches:
        yield error
        return
    for inner in min(branches, key=lambda branch: (-max(len(each.instance_path) for each in branch), len(branch))):
        yield from _leaves(inner)


def _rank(document: Document, error: Any) -> tuple[int, int]:
    """Misspelt keys first, missing ones last, else by line."""
    keyword = error.kind.name
    order = 0 if keyword in _FIRST else 2 if keyword in _LAST else 1
    return order, document.line(tuple(error.instance_path))


def _problem(document: Document, error: Any, schema: dict[str, Any]) -> UsageProblem:
    path: Path = tuple(error.instance_path)
    keyword = error.kind.name
    place = list(error.schema_path)
    if keyword == "additionalProperties":
        return _unknown_key(document, path, error.kind.unexpected, _below(schema, place[:-1]))
    if keyword == "required":
        return _missing_key(document, path, error.kind.property, _below(schema, place[:-1]))
    if keyword == "propertyNames":
        key = str(error.kind.error.instance)
        expected = _expected(error.kind.error, _below(schema, list(error.kind.error.schema_path)[:-1]))
        return document.problem((*path, key), expected, "rename it", what=f"{named(path)} has the key {shown(key)}")
    return document.problem(path, *_wanted(document, path, error, _below(schema, place[:-1])))


def _unknown_key(document: Document, path: Path, unexpected: list[str], schema: dict[str, Any]) -> UsageProblem:
    known = list(schema.get("properties", ()))
    key = min(unexpected, key=lambda each: document.line((*path, each)))
    what = f"unknown key {shown(key)}" + (f" in {named(path)}" if path else "")
    return document.problem((*path, key), among(known), nearest(key, known, "remove it"), what=what)


def _missing_key(document: Document, path: Path, key: str, schema: dict[str, Any]) -> UsageProblem:
    wanted = schema.get("properties", {}).get(key, {})
    wanted = among(map(str, wanted["enum"])) if "enum" in wanted else wanted.get("description", "it to be there")
    return document.problem(path, wanted, f"add '{key}: ...'", what=f"{named(path)} lacks the key {key!r}")


def _wanted(document: Document, path: Path, error: Any, schema: dict[str, Any]) -> tuple[str, str]:
    """What was expected of a value, and what to do."""
    expected = _expected(error, schema)
    if error.kind.name == "enum":
        return expected, nearest(str(document.at(path)), map(str, error.kind.options), "correct it")
    if error.kind.name == "type" and "string" in error.kind.types and path in document.texts:
        return expected, f'put it in quotes: "{document.written(path)}"'
    return expected, "correct it"


def _expected(error: Any, schema: dict[str, Any]) -> str:
    """What the schema's author says is expected, else what the keyword says."""
    kind = error.kind
    if kind.name == "enum":
        return among(map(str, kind.options))
    if "description" in schema:
        return str(schema["description"])
    if kind.name == "type":
        return " or ".join(_TYPES[name] for name in kind.types)
    if hasattr(kind, "limit"):
        return f"{_words(kind.name)} {kind.limit}"
    return f"{_words(kind.name)} {shown(kind.value)}"


def _words(keyword: str) -> str:
    """``minItems`` as ``min items``."""
    return "".join(f" {char.lower()}" if char.isupper() else char for char in keyword)


def _below(schema: Any, place: list[str | int]) -> dict[str, Any]:
    """The part of a schema at a place; empty where it is none."""
    for part in place:
        schema = schema[part]
    return schema if isinstance(schema, dict) else {}
