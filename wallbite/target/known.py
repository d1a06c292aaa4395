"""Which placeholders a descriptor may hold, and where."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from wallbite.documents import Document, Path, among, nearest
from wallbite.problems import UsageProblem
from wallbite.target.model import ROOT
from wallbite.target.placeholders import ACCOUNT, Slot, names_account, placeholders

_EVERYWHERE: Final = ("program", "config", "python", "inbox", "probe")
_SAYS: Final = ("account", "door", "key", "plugin", "tier", "from", "to")
_ELSEWHERE: Final[dict[Path, tuple[str, ...]]] = {
    ("gateway", "backup"): ("to", "scope"),
    ("gateway", "restore"): ("from",),
    ("spawn",): ("plan", "job", "plugin", "command", "event"),
    ("loopback",): ("job",),
    ("fingerprints",): ("plugin", "plugins"),
    ("beside",): ("plan", "plugin", "command"),
    ("vault",): ("job", "plugin"),
}
_BOUND: Final[tuple[Path, ...]] = (
    ("install",),
    ("surfaces",),
    ("spawn",),
    ("accounts",),
    ("installer",),
    ("vault",),
)  # {account} has a value
_FOREIGN: Final[tuple[Path, ...]] = (("residuals",), ("claims",), ("title",))  # prose


@dataclass(frozen=True, slots=True)
class _Names:
    """The arguments that each kind of placeholder may have."""

    kinds: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, document: Document) -> _Names:
        raw = document.value
        owners = (ROOT, *raw["identities"])
        needs = raw["gateway"].get("requires", ())
        variables = tuple(need["environment"] for need in needs if "environment" in need)
        accounts = tuple(raw["accounts"])
        kinds = {
            "uid": owners,
            "gid": owners,
            "secret": tuple(raw.get("secrets", ())),
            "plan": (*(raw.get("spawn") or {}).get("paths", ()), *accounts, *_plugins(raw.get("spawn") or {})),
            "state": accounts,
            "environment": variables,
        }
        return cls(kinds)


def _plugins(spawn: Mapping[str, Any]) -> Iterator[str]:
    """The plugins that are named and are the same for every account."""
    named = (spawn.get("plugin"), spawn.get("held"), spawn.get("ungranted"), *spawn.get("broken", {}).values())
    yield from (name for name in named if name)
    yield from (path["plugin"] for path in spawn.get("paths", {}).values() if "plugin" in path)


def known_placeholders(document: Document) -> Iterator[UsageProblem]:
    """Each placeholder is known where it stands."""
    names = _Names.of(document)
    for path, text, bound in _templates(document.value, (), bound=False):
        for slot in placeholders(text):
            problem = _problem(document, path, slot, names, bound=bound)
            if problem:
                yield problem


def _problem(document: Document, path: Path, slot: Slot, names: _Names, *, bound: bool) -> UsageProblem | None:
    if path[:2] == ("gateway", "says"):
        return None if str(slot)[1:-1] in _SAYS else _unknown(document, path, slot, _SAYS, "write \\{ for a brace")
    if slot.argument:
        return _argument(document, path, slot, names)
    if slot.name == ACCOUNT:
        remedy = "put it into a key or a list's item, which are repeated for each account"
        return None if bound else document.problem(path, "no {account} here", remedy, what=f"{slot} has no value")
    allowed = [*_EVERYWHERE, *(name for place, more in _ELSEWHERE.items() if _within(path, place) for name in more)]
    return None if slot.name in allowed else _unknown(document, path, slot, allowed, f"write {{{slot}}} if it is text")


def _argument(document: Document, path: Path, slot: Slot, names: _Names) -> UsageProblem | None:
    """Judge ``{kind:argument}``; one that depends on the account is right wherever the account is."""
    if slot.name not in names.kinds:
        kinds = [f"{kind}:NAME" for kind in names.kinds]
        return _unknown(document, path, slot, kinds, f"write {{{slot}}} if it is text")
    if any(isinstance(part, Slot) for part in slot.argument):
        return None
    known = names.kinds[slot.name]
    argument = "".join(map(str, slot.argument))
    return None if argument in known else _unknown(document, path, slot, known, nearest(argument, known, "declare it"))


def _unknown(document: Document, path: Path, slot: Slot, known: Any, remedy: str) -> UsageProblem:
    return document.problem(path, among(known), remedy, what=f"unknown placeholder {slot}")


def _templates(value: Any, path: Path, *, bound: bool) -> Iterator[tuple[Path, str, bool]]:
    """Every text and key, with its path, and whether ``{account}`` has a value there."""
    if any(_within(path, place) for place in _FOREIGN):
        return
    bound = bound or path in _BOUND or path[-1:] == ("each-account",)
    if isinstance(value, str):
        yield path, value, bound
    elif isinstance(value, dict):
        for key, inner in value.items():
            repeated = bound or (len(path) > 1 and names_account(key))
            yield (*path, key), key, repeated
            yield from _templates(inner, (*path, key), bound=repeated)
    elif isinstance(value, list):
        repeats = path[0] in {"config", "gate"} and path != ("config", "parts")
        for place, inner in enumerate(value):
            yield from _templates(inner, (*path, place), bound=bound or (repeats and names_account(inner)))


def _within(path: Path, place: Path) -> bool:
    return path[: len(place)] == place
