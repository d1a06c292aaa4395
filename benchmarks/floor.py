"""The floor of a run: the same boots and spawns in the same stages, and nothing that is observed or judged.

:func:`count` is what a worker runs once, outside of any measurement: a real case, beside which is written down when the
gateway was started with which configuration, what it was asked to spawn, and which commands of its own were run.
:func:`conduct` then does just these. A probe gets a plan without attempts; everything else is as it was.
"""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import itertools
import json
import os
import re
import sys
import time
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from wallbite.cases import conduct as cases
from wallbite.cases.scene import Scene
from wallbite.installation import command, talk
from wallbite.installation.gateway import Gateway, read_bounded
from wallbite.installation.installation import PLANS, Installation
from wallbite.postures import POSTURES
from wallbite.probing.plan import Plan
from wallbite.stages.launch import LaunchError
from wallbite.target import Ready

SPAN: Final = 200  # uids of a worker
PATIENCE: Final = 5.0  # seconds that a job or a command of the floor may take
PLAIN: Final = ("cwd", "env", "umask", "user", "group", "extra_groups")  # options of a command that can be told

Emit = Callable[[dict[str, Any]], None]
Step = dict[str, Any]

prepare = cases.prepare


# -- counting --------------------------------------------------------------------------------------


def count(request: dict[str, Any], emit: Emit) -> None:
    """A real case; its only observation is what it started."""
    steps: list[Step] = []
    _watch(steps)
    with contextlib.suppress(Exception):  # a case that gives up has started what it has
        cases.conduct(request, lambda _: None)
    emit({"uid_base": request["uid_base"], "steps": steps})


def _watch(steps: list[Step]) -> None:
    """Note each start, request and command, wherever it is called from."""
    start, wait = Gateway.start, Gateway.wait

    def started(self: Gateway, argv: Any = None, by: Any = None, cwd: str = "/") -> None:
        begun = argv or self.installation.expanded(list(self.installation.target.gateway.serve))
        posture = (self.posture or self.installation.posture).name
        steps.append({
            "do": "boot", "argv": [str(word) for word in begun], "files": _files(self.installation),
            "ready": dataclasses.asdict(self.ready) if self.ready else None,
            "user": self.user, "posture": posture, "cwd": cwd, "end": "",
        })  # fmt: skip
        start(self, argv, by, cwd)

    def waited(self: Gateway, within: float) -> str:
        boot = next(step for step in reversed(steps) if step["do"] == "boot")
        boot["end"] = wait(self, within)
        return str(boot["end"])

    def asked(installation: Any, request: Any, values: Mapping[str, Any], timeout: float = 10.0) -> Any:
        terms = installation.target.spawn
        if terms is not None and request in (terms.request, terms.event):
            told = {name: str(value) for name, value in values.items() if name != "plan"}
            kept = {name: value for name, value in _plan(values).items() if name in ("respond", "first")}
            steps.append({"do": "spawn" if request == terms.request else "event", "values": told, "plan": kept})
        return ask(installation, request, values, timeout)

    def bounded(argv: Any, timeout: float, *stdin: Any, **options: Any) -> Any:
        kept = {name: value for name, value in options.items() if name in PLAIN}
        steps.append({"do": "command", "argv": [str(word) for word in argv], "options": kept})
        return run_bounded(argv, timeout, *stdin, **options)

    def laid(self: Installation, *given: Any, **options: Any) -> None:
        plugins = options.get("plugins")
        steps.append({"do": "lay", "plugins": None if plugins is None else sorted(plugins)})
        lay_down(self, *given, **options)

    ask, run_bounded, lay_down = talk.ask, command.run_bounded, Installation.lay_down
    Installation.lay_down = laid  # type: ignore[method-assign]  # it tells, and calls the one it stands for
    Gateway.start, Gateway.wait = started, waited  # type: ignore[method-assign]  # as above
    for module in [module for name, module in sys.modules.items() if name.startswith("wallbite.")]:
        for name, old, new in (("ask", ask, asked), ("run_bounded", run_bounded, bounded)):
            if getattr(module, name, None) is old:
                setattr(module, name, new)


def _files(installation: Installation) -> dict[str, str]:
    """The configuration as it lies there, packed, by its paths; what an account sees of it is not asked."""
    config = installation.target.config
    paths = [str(installation.expanded(one.path)) for one in (config.main, *config.parts)] if config else []
    return {path: base64.b64encode(zlib.compress(read_bounded(path).encode())).decode() for path in paths}


def _unpacked(step: Step) -> Step:
    """A step with its files as they were: some are large, and what a worker tells is bounded."""
    files = {path: zlib.decompress(base64.b64decode(text)).decode() for path, text in step.get("files", {}).items()}
    return {**step, "files": files}


def _plan(values: Mapping[str, Any]) -> dict[str, Any]:
    """The plan that a request names, or nothing."""
    try:
        found: dict[str, Any] = json.loads(Path(str(values["plan"])).read_text())
    except (OSError, KeyError, ValueError):
        return {}
    return found


# -- doing just that -------------------------------------------------------------------------------


def conduct(request: dict[str, Any], emit: Emit) -> None:
    """Lay the target down, and do the steps; says how many boots ended as they did before."""
    base, steps = request["params"]["uid_base"], list(map(_unpacked, request["params"]["steps"]))
    scene = Scene.of(request, cases._prepared[0], emit)  # noqa: SLF001 - as the real cases
    laid = next((step["plugins"] for step in steps if step["do"] == "lay"), None)
    scene.lay_down(plugins=laid)
    gateway: Gateway | None = None
    pending: list[str] = []
    numbers = itertools.count(1)
    unlike, boots = [], 0
    for step in (one for one in _moved(steps, base, request["uid_base"]) if one["do"] != "lay"):
        if step["do"] == "boot":
            _end(scene, gateway, pending)
            boots += 1
            try:
                gateway = _boot(scene, step)
            except LaunchError as error:  # a case that lays down more than the target: it is not there
                gateway = None
                unlike.append([step["argv"][-3:], step["end"], "not started", str(error)])
                continue
            ended = gateway.wait(PATIENCE)
            if step["end"] and ended != step["end"]:
                unlike.append([step["argv"][-3:], step["end"], ended, gateway.tail()[-200:]])
        else:
            _other(scene, step, next(numbers), pending)
    _end(scene, gateway, pending)
    emit({"boots": boots, "unlike": unlike})


def _moved(steps: list[Step], before: int, now: int) -> list[Step]:
    """The steps with the uids of this worker."""

    def moved(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: moved(item) for name, item in value.items()}
        if isinstance(value, list):
            return [moved(item) for item in value]
        if isinstance(value, int) and before <= value < before + SPAN:
            return value - before + now
        if isinstance(value, str):
            return re.sub(r"\b\d{4,10}\b", lambda found: str(moved(int(found.group()))), value)
        return value

    found: list[Step] = moved(steps)
    return found


def _boot(scene: Scene, step: Step) -> Gateway:
    """Start it with the configuration that it had; where one names a plan, there is one without attempts."""
    for path, text in step["files"].items():
        if text:
            Path(path).write_text(text)
        for name in set(re.findall(rf"{PLANS}/([\w.-]+)\.json", text)):
            scene.write_plan(name, Plan("0bad", ()))
    gateway = scene.gateway(ready=Ready(**step["ready"]) if step["ready"] else None)
    gateway.user, gateway.posture = step["user"], POSTURES[step["posture"]]
    gateway.start(step["argv"], cwd=step["cwd"] if os.path.isdir(step["cwd"]) else "/")
    return gateway


def _other(scene: Scene, step: Step, number: int, pending: list[str]) -> None:
    """A command, an event or a spawn; a probe's plan has no attempts, and what it is to answer with."""
    terms = scene.target.spawn
    assert terms is not None  # noqa: S101 - it was asked for a spawn
    with contextlib.suppress(OSError):
        if step["do"] == "command":
            command.run_bounded(step["argv"], PATIENCE, **step["options"])
        elif step["do"] == "event" and terms.event:
            talk.ask(scene.installation, terms.event, step["values"])
            pending += ["storm"] if _storms(scene, [step["values"]["event"]]) else []
        elif terms.request:
            told = {**step["plan"], "first": "fail" if step["plan"].get("first") == "fail" else None}
            path = scene.write_plan(f"floor-{number}", Plan(f"{number:04x}", (), **told))
            reply = talk.ask(scene.installation, terms.request, {**step["values"], "plan": path})
            events = (told.get("respond") or {}).get("events", ())
            pending += ["storm"] if _storms(scene, [str(one.get("type")) for one in events]) else []
            job = str(talk.pick(reply.body, terms.request.job) or "") if terms.request.job else ""
            pending += [job] if job else []


def _storms(scene: Scene, events: list[str]) -> bool:
    """Whether these events are those of the storm."""
    storm = scene.target.spawn.storm if scene.target.spawn else None
    names = {str(scene.installation.expanded(storm.event, account=one)) for one in scene.accounts} if storm else set()
    return bool(names & set(events))


def _end(scene: Scene, gateway: Gateway | None, pending: list[str]) -> None:
    """Wait for what was asked for, then end the gateway."""
    terms = scene.target.spawn
    with contextlib.suppress(OSError):
        for job in [job for job in pending if job != "storm"] if gateway and gateway.alive else []:
            talk.job_state(scene.installation, job, PATIENCE)
        if "storm" in pending and terms and terms.storm:
            scene.inbox.await_storm(terms.storm.jobs, time.monotonic() + PATIENCE)
    pending.clear()
    if gateway is not None:
        gateway.kill()
