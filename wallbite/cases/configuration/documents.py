"""Case ``documents``: many configurations in one stage, given to ``check``, to a boot, and to a running gateway.

A reload costs a tenth of a start, so it takes every document of the table. ``check`` and a boot take those at the core
of each rule, and a few that are drawn; they must agree.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from wallbite.cases.configuration.editing import Editor
from wallbite.cases.gate.boots import gate_plugins
from wallbite.cases.scene import CaseProblem, Scene
from wallbite.cases.walls.events import signalled
from wallbite.installation import processes
from wallbite.installation.gateway import TAIL, Gateway
from wallbite.postures import representative

WITHIN: Final = 10.0  # seconds until a reader is given up
OTHER: Final[tuple[Any, ...]] = (None, True, 7, 1.5, "text", [], {})  # values of every type
READERS: Final = ("check", "boot")


def plan(postures: Sequence[str], table: Mapping[str, Any], seed: int) -> Iterator[dict[str, Any]]:
    """One case, in one posture: what a document may say has no part in privilege."""
    posture, drawn = representative(postures), random.Random(seed)  # noqa: S311 - a reproducible choice, not a secret
    if not posture:
        return
    rest = sorted(name for name, edit in table["documents"].items() if not edit.get("core"))
    params = {
        "drawn": sorted(drawn.sample(rest, table["drawn"])),
        "typed": [[drawn.random(), drawn.randrange(len(OTHER) - 1)] for _ in range(table["typed"])],
    }
    yield {"case": f"documents@{posture}", "kind": "documents", "posture": posture, "params": params}


def run(scene: Scene) -> None:
    """Every document, to its readers."""
    table = scene.tables["documents"]
    scene.lay_down(plugins=gate_plugins(scene.target))
    editor = Editor(scene, table)
    for name, edit in table["sound"].items():
        if not (missing := editor.lacks(edit)):
            read(scene, editor, name, edit, "sound")
        else:
            scene.note("unwritten", name, missing=missing)
    known = {name: edit for name, edit in table["documents"].items() if not editor.lacks(edit)}
    for name in table["documents"].keys() - known.keys():
        scene.note("unwritten", name, missing=editor.lacks(table["documents"][name]))
    everyone: tuple[str, ...] = () if scene.target.gateway.reload else ("check",)
    for name, edit in known.items():
        if readers := READERS if name in scene.params["drawn"] else tuple(edit.get("core", everyone)):
            read(scene, editor, name, edit, edit["requirement"], readers)
    reload_all(scene, editor, {**known, "sound-again": {"requirement": "sound"}})
    read_typed(scene, editor)


def read(
    scene: Scene,
    editor: Editor,
    name: str,
    edit: Mapping[str, Any],
    speaks_for: str,
    readers: Sequence[str] = READERS,
) -> None:
    """One document, given to ``check`` and to a boot, or to one of the two."""
    editor.write(edit)
    for reader in readers:
        note(scene, editor, f"read-{reader}", name, edit, speaks_for, *given_to(scene, reader))


def note(
    scene: Scene,
    editor: Editor,
    operation: str,
    name: str,
    edit: Mapping[str, Any],
    speaks_for: str,
    seen: Mapping[str, Any],
    text: str,
) -> None:
    """What a reader made of a document, and which of the words that it must name are not in what it said."""
    words = [str(editor.fill(word)) for word in edit.get("names", ())]
    unnamed = [word for word in words if not any(_holds(text, one) for one in word.split("|"))]
    scene.note(operation, name, requirement=speaks_for, unnamed=unnamed, **seen)


def _holds(text: str, word: str) -> bool:
    """Whether a text has this word, as a word of its own."""
    return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) is not None


def given_to(scene: Scene, reader: str) -> tuple[dict[str, Any], str]:
    """Have the configuration read by ``check``, or by a start; what came of it, and all that was said."""
    before, known = scene.installation.snapshot(), processes.present()
    if reader == "boot":
        gateway = scene.gateway(burdened=False, ready=scene.target.gate.ready if scene.target.gate else None)
        gateway.start()
        ended = gateway.wait(WITHIN)
    else:
        gateway = scene.verb()
        gateway.start([str(part) for part in scene.installation.expanded(list(scene.target.gateway.check))])
        ended = "exited" if gateway.wait_end(WITHIN) else "timeout"
    if ended == "timeout":
        gateway.seconds = WITHIN
    left = processes.left_over(known) if ended == "exited" else []
    text = gateway.printed()
    status = gateway.exit_status
    gateway.kill()
    seen = {
        "accepted": ended == "ready" or (reader == "check" and status == 0),
        "timed_out": ended == "timeout",
        "exit": status,
        "seconds": round(gateway.seconds, 3),
        "processor": round(gateway.processor, 3),
        "peak": gateway.peak,
        "refused": gateway.says("refused"),
        "left": left,
        "tail": text[-TAIL:].strip(),
    }
    changed = scene.installation.changed(before)
    return {**seen, "changed": changed}, text


def reload_all(scene: Scene, editor: Editor, edits: Mapping[str, Mapping[str, Any]]) -> None:
    """Every document, given to a running gateway; a new one is started where the old one took what was wrong."""
    if scene.target.gateway.reload is None:
        return
    gateway: Gateway | None = None
    for name, edit in edits.items():
        if gateway is None:
            gateway = started(scene, editor)
        editor.write(edit)
        seen, text = told_to_reload(gateway)
        note(scene, editor, "read-reload", name, edit, edit["requirement"], seen, text)
        if edit["requirement"] != "sound" and not seen["refused"]:
            gateway.kill()
            gateway = None
    if gateway is not None:
        gateway.kill()


def started(scene: Scene, editor: Editor) -> Gateway:
    """A gateway that runs on the sound configuration."""
    editor.write({})
    gateway = scene.gateway(burdened=False, ready=scene.target.gate.ready if scene.target.gate else None)
    scene.boot(gateway, WITHIN)
    return gateway


def told_to_reload(gateway: Gateway) -> tuple[dict[str, Any], str]:
    """Tell it to read its configuration again; what came of it, and what it said since."""
    action = gateway.installation.target.gateway.reload
    assert action is not None
    printed, logged = len(gateway.printed()), len(gateway.recent())
    answer, problem = "", ""
    try:
        answer = signalled(gateway, action.signal, ("reload-accepted", "reload-refused"))
    except CaseProblem as unanswered:
        problem = str(unanswered)
    text = gateway.printed()[printed:] + gateway.recent()[logged:]
    seen = {"accepted": answer == "reload-accepted", "refused": answer == "reload-refused", "problem": problem}
    return {**seen, "ended": not gateway.alive, "tail": text[-TAIL:].strip()}, text


def read_typed(scene: Scene, editor: Editor) -> None:
    """Values of a wrong type, at drawn keys of the whole configuration: ``check`` and a boot must agree on each."""
    gate = scene.target.gate
    assert gate is not None
    editor.write({})
    whole = scene.installation.config_document()
    never = {gate.accounts, gate.override, gate.override.rpartition(".")[0]}  # the gate judges these, at a start alone
    keys = [path for path in _paths(whole) if ".".join(map(str, path)) not in never]
    for number, pick in scene.params["typed"]:
        path = keys[int(number * len(keys))]
        old = _at(whole, path)
        wrong = [value for value in OTHER if type(value) is not type(old)][pick % (len(OTHER) - 1)]
        scene.installation.write_config(_changed(whole, path, wrong))
        for reader in READERS:
            seen, _ = given_to(scene, reader)
            name = f"{'.'.join(map(str, path))}: {type(wrong).__name__}"
            scene.note(f"read-{reader}", name, requirement="typed", unnamed=[], **seen)


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every key and list position below a value."""
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield (*path, key)
        yield from _paths(inner, (*path, key))


def _at(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        value = value[key]
    return value


def _changed(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """A copy with another value at a path."""
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = _changed(value[path[0]], path[1:], new)
    return copy
