"""The floor of a run: the same boots and spawns in the same stages, and nothing that is observed or judged.

``benchmarks/counting.py`` wrote down when the gateway was started with which configuration, what it was asked to
spawn, and which commands of its own were run. :func:`conduct` does just these. A probe gets a plan without attempts;
everything else is as it was.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import select
import signal
import time
from pathlib import Path
from typing import Any, Final

from benchmarks.counting import Emit, Step, unpacked
from benchmarks.planting import plant
from wallbite.cases import conduct as cases
from wallbite.cases.code.changing import Subject, lay_subjects
from wallbite.cases.scene import Scene
from wallbite.installation import command, talk
from wallbite.installation.gateway import Gateway
from wallbite.installation.installation import PLANS
from wallbite.postures import POSTURES, Posture
from wallbite.probing.plan import Plan
from wallbite.stages.launch import Launch, LaunchError, launch
from wallbite.target import Ready

SPAN: Final = 200  # uids of a worker
PATIENCE: Final = 5.0  # seconds that a job or a command of the floor may take
STORM: Final = 30.0  # seconds for its five hundred jobs

prepare = cases.prepare


def conduct(request: dict[str, Any], emit: Emit) -> None:
    """Lay the target down, and do the steps; says what of the boots and of what was asked for ended as before."""
    base, steps = request["params"]["uid_base"], list(map(unpacked, request["params"]["steps"]))
    scene = Scene.of(request, cases._prepared[0], emit)  # noqa: SLF001 - as the real cases
    laid = next((step for step in steps if step["do"] == "lay"), {"plugins": None, "secrets": {}})
    scene.installation.values |= laid["secrets"]  # the configurations that follow have them
    scene.lay_down(plugins=laid["plugins"])
    gateway: Gateway | None = None
    pending: list[str] = []
    numbers = itertools.count(1)
    unlike, boots = [], 0
    refused, asked = [], 0
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
        elif step["do"] == "verb":
            _verb(step)
        elif step["do"] == "subjects":
            lay_subjects(scene, [Subject(**one) for one in step["subjects"]])
        else:
            asked += "status" in step
            status = _other(scene, step, next(numbers), pending)
            if status != step.get("status"):
                refused.append([step["do"], step["status"], status])
    _end(scene, gateway, pending)
    emit({"boots": boots, "unlike": unlike, "asked": asked, "refused": refused})


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
    plant(step["planted"])
    for text in _configured(step).values():
        for name in set(re.findall(rf"{PLANS}/([\w.-]+)\.json", text)):
            scene.write_plan(name, Plan("0bad", ()))
    gateway = scene.gateway(ready=Ready(**step["ready"]) if step["ready"] else None)
    gateway.user, gateway.posture = step["user"], POSTURES[step["posture"]]
    gateway.start(step["argv"], cwd=step["cwd"] if os.path.isdir(step["cwd"]) else "/")
    return gateway


def _verb(step: Step) -> None:
    """A command of the gateway's program, as whom it was, without a tracer."""
    _configured(step)
    with contextlib.suppress(LaunchError):
        pid = launch(Launch(Posture(**step["posture"]), argv=tuple(step["argv"]), **step["options"]))
        with os.fdopen(os.pidfd_open(pid)) as ended:
            if not select.select([ended], (), (), PATIENCE)[0]:
                os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _configured(step: Step) -> dict[str, str]:
    """Write the configuration as it was."""
    files: dict[str, str] = step["files"]
    for path in [path for path in files if files[path]]:
        Path(path).write_text(files[path])
    return files


def _other(scene: Scene, step: Step, number: int, pending: list[str]) -> int | None:
    """A command, an event or a spawn; a probe's plan has no attempts, and what it is to answer with.

    Returns the status of the reply; 0 where there is none, None for a command.
    """
    terms = scene.target.spawn
    assert terms is not None  # noqa: S101 - it was asked for a spawn
    with contextlib.suppress(OSError):
        if step["do"] == "command":
            _configured(step)
            command.run_bounded(step["argv"], PATIENCE, **step["options"])
            return None
        if step["do"] == "event" and terms.event:
            reply = talk.ask(scene.installation, terms.event, step["values"])
            pending += ["storm"] if _storms(scene, [step["values"]["event"]]) else []
            return reply.status
        if terms.request:
            told = {**step["plan"], "first": "fail" if step["plan"].get("first") == "fail" else None}
            path = scene.write_plan(f"floor-{number}", Plan(f"{number:04x}", (), **told))
            reply = talk.ask(scene.installation, terms.request, {**step["values"], "plan": path})
            events = (told.get("respond") or {}).get("events", ())
            pending += ["storm"] if _storms(scene, [str(one.get("type")) for one in events]) else []
            job = str(talk.pick(reply.body, terms.request.job) or "") if terms.request.job else ""
            pending += [job] if job else []
            return reply.status
    return None if step["do"] == "command" else 0


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
            scene.inbox.await_storm(terms.storm.jobs, time.monotonic() + STORM)
    pending.clear()
    if gateway is not None:
        gateway.kill()
