"""Configurations made wrong, one edit each, as the table of documents says; and what must lie on disk beside them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from wallbite.cases.gate.boots import TIERS, gate_document
from wallbite.cases.scene import CaseProblem, Scene
from wallbite.installation import users
from wallbite.installation.document import with_value

HOME: Final = "/home/wallbite-real"  # of a real user, whose account is credentialed
LARGE: Final = 100 << 20  # bytes
_CHUNK: Final = b"# nothing to see here\n" * 50_000
_LEVELS: Final = 9  # of an alias bomb: nine to the ninth values
_DEEP: Final = 50_000
_GROUP: Final = re.compile(r"\{group:([a-z-]+)\}")
_BEYOND: Final = 40  # past the first of a stage's numbers: nobody's


class Editor:
    """What placeholders of the table stand for in one stage, and the documents that its edits come to."""

    def __init__(self, scene: Scene, table: Mapping[str, Any]) -> None:
        """Make the groups that the table speaks of, and the home of a real user.

        Raises:
            CaseProblem: the descriptor does not say how an account's entry is written, or has too few accounts.
        """
        gate, confined = scene.target.gate, [name for name in scene.accounts if name not in TIERS]
        assert gate is not None
        if len(confined) < 2 or not {"uid", "gid", "directory"} <= gate.account.keys():
            raise CaseProblem("the descriptor names no two accounts beside the tiers, or not what their entries hold")
        self.scene, self.keys = scene, gate.account
        self.roles = {"one": confined[0], "two": confined[1]}
        config = scene.target.config
        assert config is not None
        place, _, grant = gate.grant.rpartition(".")
        self.words: dict[str, Any] = {
            **self.roles,
            **gate.account,
            "accounts": gate.accounts.rpartition(".")[2],
            "plugin": place.rpartition(".")[2],
            "grant": grant,
            "config-directory": os.path.dirname(config.main.path),
        }
        for role, name in self.roles.items():
            directory = scene.ids(name)["directory"]
            self.words |= {f"uid:{role}": scene.identities.uid(name), f"gid:{role}": scene.identities.gid(name)}
            self.words |= {f"state:{role}": directory, f"parent:{role}": os.path.dirname(directory)}
        groups = sorted(set(_GROUP.findall(str(table["documents"]))))
        self.words |= {f"group:{name}": users.group(name) for name in groups}
        os.makedirs(HOME, exist_ok=True)

    def fill(self, value: Any) -> Any:
        """A value of the table with its placeholders filled in."""
        return self.scene.installation.expanded(value, **self.words)

    def lacks(self, edit: Mapping[str, Any]) -> str:
        """What the descriptor would have to say for this edit; or nothing."""
        named = [*edit.get("set", ()), *edit.get("without", ())]
        return next((f"gate.account.{key}" for key in named if key not in self.keys), "")

    def document(self, edit: Mapping[str, Any]) -> dict[str, Any]:
        """The small configuration with every account, and the edit in it."""
        gate = self.scene.target.gate
        assert gate is not None
        sound = gate_document(self.scene, tuple(self.scene.accounts))
        if "grant" in edit:
            return with_value(sound, gate.grant, self.fill(edit["grant"]))
        name = edit["named"] if "named" in edit else self.roles.get(edit.get("account", ""), edit.get("account"))
        if name is None:
            return sound
        entries = dict(self.scene.account_entries(self.scene.accounts))
        entry = dict(entries.get(name) or self.spare())
        for key in edit.get("without", ()):
            entry.pop(self.keys[key], None)
        entry |= {self.keys[key]: self.fill(value) for key, value in edit.get("set", {}).items()}
        return with_value(sound, gate.accounts, {**entries, name: entry})

    def spare(self) -> dict[str, Any]:
        """An entry for an account that nobody has."""
        number = self.scene.identities.base + _BEYOND
        values = {"uid": number, "gid": number, "directory": f"{self.words['parent:one']}/wallbite-spare"}
        return {self.keys[key]: value for key, value in values.items()}

    def settle(self, edit: Mapping[str, Any]) -> None:
        """Give the directory of the account that is spoken of the ids that a lenient reader would make of the document.

        So what the document says is all that can be wrong.
        """
        name = self.roles.get(edit.get("account", ""), edit.get("account", ""))
        for each in self.scene.accounts:
            ids = self.scene.ids(each)
            given = {key: self.fill(value) for key, value in edit.get("set", {}).items()} if each == name else {}
            given |= dict.fromkeys(edit.get("without", ())) if each == name else {}
            uid, gid = (_lenient(given[key]) if key in given else ids[key] for key in ("uid", "gid"))
            os.chown(ids["directory"], uid, gid)
            if each == name:
                os.chown(HOME, uid, gid)
        if "named" in edit and not os.path.isdir(directory := self.spare()[self.keys["directory"]]):
            os.mkdir(directory, 0o700)
            os.chown(directory, self.spare()[self.keys["uid"]], self.spare()[self.keys["gid"]])

    def write(self, edit: Mapping[str, Any]) -> None:
        """Put the configuration in its place."""
        self.settle(edit)
        self.scene.installation.write_config(self.document(edit))
        if "bytes" in edit:
            assert self.scene.target.config is not None
            BYTES[edit["bytes"]](Path(self.scene.target.config.main.path), self)


def _lenient(value: Any) -> int:
    """The id that a careless conversion makes of a value: of 32 bits, nothing is zero."""
    return (int(value or 0) & 0xFFFFFFFF) % 0xFFFFFFFF  # the highest means "unchanged" to the kernel


def _duplicate_key(path: Path, editor: Editor) -> None:
    """The first key of the document once more, at its end."""
    text = path.read_text()
    first = next(line for line in text.splitlines() if re.match(r"\w", line))
    path.write_text(f"{text}{first.partition(':')[0]}: {{}}\n")


def _duplicate_key_within(path: Path, editor: Editor) -> None:
    """An account's uid twice in its entry: the second is another's."""
    text, key = path.read_text(), editor.keys["uid"]
    line = rf"^( +{re.escape(key)}: ){editor.words['uid:one']}$"
    twice = re.sub(
        line, lambda found: f"{found[0]}\n{found[1]}{editor.words['uid:two']}", text, count=1, flags=re.MULTILINE
    )
    if twice == text:
        raise CaseProblem("no key could be written twice in an account's entry")
    path.write_text(twice)


def _alias_bomb(path: Path, editor: Editor) -> None:
    lines = ["l0: &l0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"l{at}: &l{at} [{', '.join([f'*l{at - 1}'] * 9)}]" for at in range(1, _LEVELS)]
    _append(path, "\n".join(lines).encode() + b"\n")


def _hundred_megabytes(path: Path, editor: Editor) -> None:
    """Sound, but for its size: comments follow."""
    with path.open("ab") as file:
        for _ in range(LARGE // len(_CHUNK) + 1):
            file.write(_CHUNK)


def _tabs(path: Path, editor: Editor) -> None:
    """The first indentation of a sound document as a tab."""
    path.write_text(re.sub(r"^ +", "\t", path.read_text(), count=1, flags=re.MULTILINE))


def _append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


BYTES: Final[Mapping[str, Callable[[Path, Editor], None]]] = {
    "duplicate-key": _duplicate_key,
    "duplicate-key-within": _duplicate_key_within,
    "alias-bomb": _alias_bomb,
    "hundred-megabytes": _hundred_megabytes,
    "not-utf-8": lambda path, _: _append(path, b"# \xff\xfe caf\xe9\n"),
    "tabs": _tabs,
    "deep": lambda path, _: _append(path, b"wallbite: " + b"[" * _DEEP + b"]" * _DEEP + b"\n"),
    "deep-blocks": lambda path, _: _append(path, b"".join(b" " * at + b"k:\n" for at in range(1000))),
    "null-bytes": lambda path, _: _append(path, b"# \0\0\0\n"),
    "two-documents": lambda path, _: _append(path, b"---\naccounts: {}\n"),
}
