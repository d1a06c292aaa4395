"""Cases ``environment`` and ``unconfined``: a gateway started with hundreds of variables, and what reaches a plugin.

Three boots: ``listed`` (every variable of the table; all of them but half of the neutral ones are listed in the
passthrough), ``plain`` (nothing is listed; with hostile names, and hostile values of allowed names), and ``bare`` (none
of the allowed variables).
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from wallbite.cases.asking import answer_to
from wallbite.cases.drops.drops import ungranted_everywhere
from wallbite.cases.scene import CaseProblem, Scene
from wallbite.cases.spawning import Errand
from wallbite.installation.document import Plain, with_value
from wallbite.installation.gateway import Gateway
from wallbite.postures import ENFORCING
from wallbite.probing.answers import Answer
from wallbite.probing.plan import Attempt

BOOTS: Final = ("listed", "bare", "plain")  # the strange one last
OVERRIDDEN: Final = ("root", "ambient-caps")  # where the override has something to override, one of each kind
LARGEST: Final = (1 << 17) - 1  # bytes of one entry that the kernel takes
# Allowed names with values of that size: together more than goes through a socket at once, and less than an exec takes.
LARGE: Final = (b"LC_ADDRESS", b"LC_COLLATE", b"LC_IDENTIFICATION", b"LC_MEASUREMENT", b"LC_MESSAGES", b"LC_MONETARY")
WITHIN: Final = 10.0
TWICE: Final = b"LANGUAGE"  # the kernel passes a name on however often it is there
_PLAIN_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

Entry = tuple[bytes, bytes | None]  # a name and its value; None: an entry without "="


def plan(postures: Sequence[str]) -> Iterator[dict[str, Any]]:
    """One case where a gateway enforces, and one where it does not: for want of privilege, or by the override."""
    for posture in postures:
        if posture in ENFORCING:
            yield {"case": f"environment@{posture}", "kind": "environment", "posture": posture, "params": {}}
        if posture == "unprivileged" or posture in OVERRIDDEN:
            yield {"case": f"unconfined@{posture}", "kind": "unconfined", "posture": posture, "params": {}}


def run(scene: Scene) -> None:
    """The boots, enforcing."""
    scene.lay_down(plugins=only_the_probe(scene))
    look(scene, scene.installation.config_document())


def run_unconfined(scene: Scene) -> None:
    """The same where nothing is dropped."""
    document = unconfined_document(scene)
    scene.lay_down(document=document, plugins=only_the_probe(scene))
    look(scene, document)


def only_the_probe(scene: Scene) -> set[str] | None:
    """The carrier that is asked for, so that a boot starts no other; None where it is not told from others."""
    assert scene.target.spawn is not None
    name = str(scene.installation.expanded(scene.target.spawn.plugin, account=scene.accounts[0]))
    return {name} if any(step.kind == "carrier" and step.name == name for step in scene.target.install) else None


def unconfined_document(scene: Scene) -> dict[str, Any]:
    """The whole configuration, overridden; or without accounts where the gateway has nothing to drop with."""
    gate = scene.target.gate
    assert gate is not None
    document: dict[str, Any] = scene.installation.config_document()
    if scene.posture.enforcing:
        if not gate.override:
            raise CaseProblem("the descriptor names no override")
        return with_value(document, gate.override, Plain("true"))
    document = with_value(document, gate.accounts, None)
    granted: dict[str, Any] = ungranted_everywhere(document, gate.grant.rpartition(".")[2])
    return granted


def look(scene: Scene, document: Mapping[str, Any]) -> None:
    """Each boot: what the gateway was given, by root's word, and what a plugin got, by the probe's."""
    table = scene.tables["environment"]
    key = scene.target.gate.passthrough if scene.target.gate else ""
    for boot in BOOTS:
        entries = entries_of(table, boot, scene.target.gateway.spared)
        listed = [name.decode() for name, _ in entries if _PLAIN_NAME.fullmatch(name.decode("latin-1"))]
        listed = [name for name in listed if name not in table["neutral"][::2]] if boot == "listed" and key else []
        if scene.target.config is not None:
            scene.installation.write_config(with_value(document, key, listed) if listed else document)
        gateway = scene.gateway()
        gateway.entries = tuple(name if value is None else name + b"=" + value for name, value in entries)
        problem = came_up(scene, gateway)
        answer = "" if problem else ask(scene, gateway, boot)
        seen = {
            "entries": [told(entry) for entry in entries],
            "listed": listed,
            "problem": problem or (answer if isinstance(answer, str) else ""),
            "came_up": not problem,
            "alive": not problem and gateway.alive,
            "directory": scene.ids(scene.accounts[0])["directory"],
        }
        gateway.kill()
        scene.note("environment-given", boot, **seen)
        if problem and boot == "listed":  # nothing is strange in this one
            raise CaseProblem(problem)


def came_up(scene: Scene, gateway: Gateway) -> str:
    """Why the gateway did not come up; or nothing."""
    try:
        scene.boot(gateway, WITHIN)
    except CaseProblem as problem:
        return str(problem)
    return ""


def ask(scene: Scene, gateway: Gateway, boot: str) -> Answer | str:
    """A plugin tells its environment as the kernel keeps it, and where it believes to be at home."""
    account, step = scene.accounts[0], f"environment-{boot}"
    attempt = Attempt("environ", boot)
    answer = answer_to(scene, gateway, Errand(account, step, [attempt]))
    if not isinstance(answer, str):
        result = answer.results[-1]
        where = {"directories": dict(answer.who["directories"]), "cwd": answer.who["cwd"]}
        seen = {**result.seen, **where, "expected": scene.ids(account)["directory"], "uid": answer.who["uids"][1]}
        scene.emit("environ", boot, account=account, vantage="spawned", step=step, errno=result.errno, seen=seen)
    return answer


def told(entry: Entry) -> list[Any]:
    """Name, size and digest of an entry, as a probe tells them."""
    name, value = entry
    size = -1 if value is None else len(value)
    digest = hashlib.sha256(value or b"").hexdigest()[:16]
    return [name.decode("utf-8", "backslashreplace")[:200], size, digest]


def entries_of(table: Mapping[str, Any], boot: str, spared: Sequence[str]) -> list[Entry]:
    """What the gateway is started with: every value is one that is found nowhere else."""
    names = table["neutral"] if boot == "bare" else [*table["allowed"], *table["own"], *table["neutral"]]
    names = [*names, *listed_of(table, "secret"), *listed_of(table, "loader")]
    names += [name for group in table["differ"] for name in group["names"]]
    shapes = table["values"]
    values = {name.encode(): shapes.get(name, "{canary}").format(canary=canary()).encode() for name in names}
    if boot == "plain":
        values |= hostile_values()
    entries: list[Entry] = [(name, value) for name, value in values.items() if name.decode() not in spared]
    return [*entries, (TWICE, canary().encode()), *hostile_names()] if boot == "plain" else entries


def listed_of(table: Mapping[str, Any], name: str) -> list[str]:
    """The names of a class that is written in groups."""
    return [each for group in table[name] for each in group]


def canary() -> str:
    """Random letters and digits."""
    return f"canary{secrets.token_hex(16)}"


def hostile_values() -> dict[bytes, bytes]:
    """Allowed names with values that could break out of an entry, or are more than most expect."""
    return {
        b"LC_PAPER": f"C\nWALLBITE_INJECTED={canary()}\n".encode(),
        b"LC_NAME": b"\xff\xfe\x80" + canary().encode(),
        b"LC_TELEPHONE": f'"; ${{IFS}}$(WALLBITE_INJECTED={canary()}) `'.encode(),
        **{name: canary().encode().ljust(LARGEST - len(name) - 1, b"x") for name in LARGE},
    }


def hostile_names() -> list[Entry]:
    """Names that are none, entries that are none, and more of a value or name than most expect."""
    large = b"WALLBITE_LARGE"
    names = [
        b"WALLBITE\nWALLBITE_INJECTED",
        b"PATH\n",
        b" PATH",
        b"PATH\xff",
        b"\xff\xfe\xfd",
        b"WALLBITE_\xc3\xa9",
        b"WALLBITE BLANK",
        b"1WALLBITE",
        b"WALLBITE\x1b[31m",
        b"path",
        b"",
        b"W" * 100_000,
    ]
    return [
        *((name, canary().encode()) for name in names),
        (b"WALLBITE", b"WALLBITE_INJECTED=" + canary().encode()),
        (b"WALLBITE_TWICE", canary().encode()),
        (b"WALLBITE_TWICE", canary().encode()),
        (b"WALLBITE_ALONE", None),
        (b"", None),
        (large, canary().encode().ljust(LARGEST - len(large) - 1, b"x")),
    ]
