"""Case ``asked``: what the library answers without running anything: files, addresses, declarations, printed steps."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from wallbite.cases.channels.calling import HOME, Outcome, call, lay_library, library, own_directory
from wallbite.cases.channels.tools import WORK, lay_file, lay_work
from wallbite.cases.scene import Scene
from wallbite.target.library import Library


def plan(postures: Sequence[str]) -> Iterator[dict[str, Any]]:
    """One case, as a plain user; a tool may run in it, so /proc is whole."""
    if "unprivileged" in postures:
        params = {"whole_proc": True}
        yield {"case": "asked@unprivileged", "kind": "asked", "posture": "unprivileged", "params": params}


def run(scene: Scene) -> None:
    """Each question that the descriptor has a call for."""
    lay_library(scene)
    lay_work(scene)
    calls = library(scene).calls
    if "read-file" in calls:
        files(scene)
    if "address" in calls:
        addresses(scene)
    if "declarations" in calls:
        note_answer(scene, "declarations", call(scene, [{"call": "declarations", "arguments": {}}]).outcomes)
    if "declared" in calls:
        declared(scene)
    if "skill-call" in calls:
        widened(scene)
    if "page" in calls:
        page = call(scene, [{"call": "page", "arguments": {}}]).outcomes
        text = str(page[0].answer.get("text", "")) if page else ""
        for name, step in library(scene).printed.items():
            printed(scene, name, step, block(text, step["heading"], int(step["block"])))


def files(scene: Scene) -> None:
    """Paths that lead out of the work area, in every way; and one that stays."""
    beyond = f"beyond-{secrets.token_hex(8)}"
    outside = lay_file(scene, f"{HOME}/beyond", beyond)
    lay_file(scene, f"{WORK}/inner", "inner-text")
    own_directory(scene, f"{HOME}/work-twin", 0o755)
    lay_file(scene, f"{HOME}/work-twin/beyond", beyond)
    for link, to in (("link-file", outside), ("link-directory", HOME), ("link-relative", "../beyond")):
        os.symlink(to, f"{WORK}/{link}")
    paths = {
        "control": "inner", "absolute": outside, "parent": "../beyond", "through-file-link": "link-file",
        "through-directory-link": "link-directory/beyond", "through-relative-link": "link-relative",
        "through-proc": f"/proc/self/root{outside}", "through-cwd": "/proc/self/cwd/../../../../../../.." + outside,
        "sibling-prefix": "../work-twin/beyond", "sibling-absolute": f"{HOME}/work-twin/beyond",
        "inside-and-out": "x/../../beyond", "nul": "inner\0../beyond",
    }  # fmt: skip
    steps = [{"call": "read-file", "arguments": {"root": WORK, "path": path}} for path in paths.values()]
    outcomes = call(scene, steps).outcomes
    for (name, path), outcome in zip(paths.items(), outcomes, strict=False):
        text = str(outcome.answer.get("text", ""))
        seen = {"path": path, "leaked": beyond in text, "inner": "inner-text" in text, "error": outcome.error}
        scene.note("file", name, **seen)


def addresses(scene: Scene) -> None:
    """Every literal form of an internal address, and a few that are nobody's."""
    table: Mapping[str, Sequence[str]] = scene.tables["addresses"]
    with open("/etc/hosts", "a", encoding="ascii") as file:  # a name that leads nowhere would be refused for that
        file.write("\n169.254.169.254 metadata.google.internal\n")
    for kind in ("internal", "open"):
        steps = [{"call": "address", "arguments": {"url": f"http://{host}/"}} for host in table[kind]]
        for host, outcome in zip(table[kind], call(scene, steps, 60).outcomes, strict=False):
            seen = {"kind": kind, "refused": bool(outcome.error), "error": f"{outcome.error}: {outcome.text}"[:200]}
            scene.note("address", host, **seen)


def declared(scene: Scene) -> None:
    """Declarations as they are printed, and an empty one."""
    own: Library = library(scene)
    for name, text in own.written.items():
        outcomes = call(scene, [{"call": "declared", "arguments": {"text": text["skill"], "home": HOME}}]).outcomes
        note_answer(scene, "declared", outcomes, name, wanted={key: text[key] for key in ("network", "environment")})


def note_answer(scene: Scene, operation: str, outcomes: Sequence[Outcome], name: str = "", **more: Any) -> None:
    """An answer as it came."""
    outcome = outcomes[0] if outcomes else Outcome(error="none", text="it said nothing")
    scene.note(operation, name or operation, **outcome.seen, **more)


def widened(scene: Scene) -> None:
    """A model's call that asks for more than its skill was given; and, as a control, a skill that was given it."""
    for name, given in (("passive", "passive"), ("control", "full")):
        mark = f"marked-{name}"
        lay_file(scene, f"{WORK}/mark.sh", f"echo ran > {mark}\n")
        arguments = {"root": WORK, "command": "bash mark.sh", "given": given, "asked": "full", "home": HOME}
        outcomes = call(scene, [{"call": "skill-call", "arguments": arguments}], 50).outcomes
        note_answer(scene, "widened", outcomes, name, ran=os.path.exists(f"{WORK}/{mark}"))


def block(page: str, heading: str, number: int) -> str:
    """A block of Python below a heading of a page, counted from 1; empty where there is none."""
    section = page.partition(f"\n{heading}\n")[2].partition("\n## ")[0]
    found = re.findall(r"^```python\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)
    return str(found[number - 1]) if len(found) >= number else ""


def printed(scene: Scene, name: str, step: Mapping[str, Any], source: str) -> None:
    """A verification step, run as it is printed."""
    if not source:
        scene.note("printed", name, ends=False, error="none", text="the page has no such block", tail="")
        return
    called = call(scene, [{"call": "source", "arguments": {}}], 50, sources={"source": source})
    outcome = called.outcomes[0] if called.outcomes else Outcome(error="none", text=called.problem)
    ends = bool(re.search(step["ends"], called.tail, re.MULTILINE))
    scene.note("printed", name, ends=ends, error=outcome.error, text=outcome.text[:300], tail=called.tail[-500:])
