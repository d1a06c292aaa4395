"""The true probe, whose lines are altered on their way out, as the file `alter` beside this one says."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

probe: Any = importlib.import_module("probe")  # they lie beside it when it is laid down
plugin: Any = importlib.import_module("plugin")

Lines = list[Any]

EXPECTED = {
    **dict.fromkeys(("become-uid", "become-gid", "become-groups", "raise", "acl", "chmod", "chown"), "EPERM"),
    **dict.fromkeys(("trusted", "signal", "ptrace", "vm-read", "pidfd-getfd"), "EPERM"),
    **dict.fromkeys(("own", "key-add", "stat"), "OK"),
    "key-search": "ENOKEY",
}
PLAN: list[dict[str, Any]] = []
true_lines = probe.answer_lines


def lines(plan: dict[str, Any], carrier: Any = None, who: Any = None) -> Iterator[bytes]:
    """The answer as it is altered; its digest is left out, as a forger would."""
    PLAN[:] = [plan]
    found = [json.loads(line) for line in true_lines(plan, carrier, who)]
    found[-1].pop("sha256")
    yield from ALTER[Path(__file__).with_name("alter").read_text()](found)


def dump(found: Lines) -> list[bytes]:
    """Lines of JSON."""
    return [json.dumps(line).encode() + b"\n" for line in found]


def other_run(found: Lines) -> list[bytes]:
    """The answer to another plan."""
    found[0]["nonce"] = "0" * 24
    return dump(found)


def duplicates(found: Lines) -> list[bytes]:
    """One record twice."""
    found[1]["at"].append(found[1]["at"][0])
    return dump(found)


def too_few(found: Lines) -> list[bytes]:
    """The last record is missing."""
    found[-2]["at"].pop()
    return dump(found)


def not_a_number(found: Lines) -> list[bytes]:
    """A size that is NaN."""
    found[1]["at"][0][2] = {"size": float("nan")}
    return dump(found)


def not_utf8(found: Lines) -> list[bytes]:
    """Bytes that are no text."""
    head, _, *rest = dump(found)
    return [head, b'{"at":[[0,"OK",{"name":"\xff\xfe"}]]}\n', *rest]


def huge(found: Lines) -> list[bytes]:
    """Of each attempt about as much as it may tell."""
    for record in (record for line in found[1:-1] for record in line["at"][2:]):
        swept = operation_of(record[0]) == "sweep"
        record[2] = {"writable": ["/" + "x" * 240] * 300, "more": 0, "looked": 9} if swept else {"x": [{}] * 120}
    return dump(found)


def denies_as_expected(found: Lines) -> list[bytes]:
    """Each attempt was denied as the wall that there should be denies it, and what must be allowed was allowed."""
    return answered(found, lambda number: EXPECTED.get(operation_of(number), "EACCES"))


def answered(found: Lines, errno: Callable[[int], str]) -> list[bytes]:
    """One answer to each attempt, and nothing seen."""
    for line in found[1:-1]:
        line["at"] = [[number, errno(number), None] for number, _, _ in line["at"]]
    return dump(found)


def operation_of(number: int) -> str:
    """The operation of an attempt of the plan."""
    return str(PLAN[0]["attempts"][number][0])


def better(found: Lines) -> list[bytes]:
    """It says that it could not have any capability."""
    found[0]["who"]["capabilities"] = dict.fromkeys(found[0]["who"]["capabilities"], "0")
    return dump(found)


ALTER: dict[str, Callable[[Lines], list[bytes]]] = {
    **{each.__name__: each for each in (other_run, duplicates, too_few, not_a_number, not_utf8, huge)},
    **{each.__name__: each for each in (denies_as_expected, better)},
    "allows_all": lambda found: answered(found, lambda _: "OK"),
    "denies_all": lambda found: answered(found, lambda _: "EACCES"),
    "not_permitted": lambda found: answered(found, lambda _: "EPERM"),
}
probe.answer_lines = lines
sys.exit(plugin.main())
