"""Case ``writers``: two processes write one file at once, and a writer is killed while it writes."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from wallbite.cases.channels.calling import HOME, Caller, call, lay_library, library, own_directory
from wallbite.cases.channels.products import read
from wallbite.cases.scene import CaseProblem, Scene
from wallbite.target.library import Channel

LINES: Final = 300  # records of each of two writers
WHOLES: Final = 12  # files of each, one over the other
SMALL: Final = 1500  # characters of a record
LARGE: Final = 1 << 18  # and of a whole file


def plan(postures: Sequence[str], channels: Sequence[str]) -> Iterator[dict[str, Any]]:
    """One case for each channel, in the last posture: what is asked is no matter of privilege."""
    for channel in channels:
        case = {"kind": "writers", "posture": postures[-1], "params": {"channel": channel}}
        yield {"case": f"writers-{channel}@{postures[-1]}", **case}


def run(scene: Scene) -> None:
    """Both at once, then one that is killed."""
    lay_library(scene)
    channel = library(scene).channels[scene.params["channel"]]
    base = own_directory(scene, f"{HOME}/writers", 0o755)
    at_once(scene, channel, own_directory(scene, f"{base}/at-once", 0o755))
    killed(scene, channel, own_directory(scene, f"{base}/killed", 0o755))


def order(channel: Channel, directory: str, mark: str, times: int, fifo: str = "") -> dict[str, Any]:
    """A step that writes many times."""
    body = mark * ((SMALL if channel.lines else LARGE) // len(mark))
    text = f"<<{mark}{body}{mark}>>"
    path = f"{directory}/{channel.file.replace('{name}', 'probe')}"
    arguments = {"directory": directory, "name": "probe", "text": text, "file": path}
    return {"call": channel.call, "times": times, "arguments": arguments, **({"after": fifo} if fifo else {})}


def at_once(scene: Scene, channel: Channel, directory: str) -> None:
    """Two writers let go together; the file is looked at all the while."""
    times = LINES if channel.lines else WHOLES
    fifo = f"{HOME}/writers/go"
    os.mkfifo(fifo, 0o644)
    os.chmod(fifo, 0o644)
    steps = [order(channel, directory, mark, times, fifo) for mark in ("AAAA", "BBBB")]
    callers = [Caller(scene, [step]).start() for step in steps]
    release(fifo, callers)
    path, torn, looks = str(steps[0]["arguments"]["file"]), 0, 0
    while any(running(one) for one in callers):
        if not channel.lines:
            looks += 1
            torn += not sound(channel, path, steps)
        time.sleep(0.002)  # a look, then the writers' turn
    ended = [one.finish(40) for one in callers]
    problems = [one.problem or next((o.error + ": " + o.text for o in one.outcomes if o.error), "") for one in ended]
    scene.note(
        "together",
        channel.name,
        torn=torn,
        looks=looks,
        problem="; ".join(filter(None, problems)),
        expected=2 * times if channel.lines else 1,
        **tally(channel, path, steps),
    )


def release(fifo: str, callers: Sequence[Caller]) -> None:
    """Let all that wait for a FIFO go on: an open for writing succeeds when somebody reads, and wakes all who do."""
    deadline = time.monotonic() + 30
    while not all(waits(one.pid) for one in callers):
        if time.monotonic() > deadline or not all(running(one) for one in callers):
            raise CaseProblem("the writers did not come to their start")
        time.sleep(0.005)  # nothing announces that a process waits
    os.close(os.open(fifo, os.O_WRONLY))


def waits(pid: int) -> bool:
    """Whether a process is in the open of a FIFO."""
    with suppress(OSError):
        return any(word in Path(f"/proc/{pid}/wchan").read_text() for word in ("fifo", "wait_for_partner"))
    return False


def running(caller: Caller) -> bool:
    """Whether it has not ended; it is not reaped here."""
    found = os.waitid(os.P_PID, caller.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    return found is None


def killed(scene: Scene, channel: Channel, directory: str) -> None:
    """A writer that is killed as soon as there is something of it, and then one more write."""
    step = order(channel, directory, "CCCC", 100_000)
    path = str(step["arguments"]["file"])
    caller = Caller(scene, [step]).start()
    deadline = time.monotonic() + 30
    while not (os.path.exists(path) and os.path.getsize(path) > SMALL * 4) and time.monotonic() < deadline:
        time.sleep(0.001)  # until it writes
    os.kill(caller.pid, signal.SIGKILL)
    ended = caller.finish(10)
    between = sound(channel, path, [step])
    last = order(channel, directory, "DDDD", 1)
    after = call(scene, [last])
    outcome = after.outcomes[0] if after.outcomes else None
    problem = "" if ended.status == -signal.SIGKILL else f"the writer was not killed: {ended.problem}"
    problem = problem or after.problem or (outcome.error if outcome else "it said nothing")
    scene.note("killed", channel.name, sound_then=between, problem=problem, **tally(channel, path, [step, last]))


def sound(channel: Channel, path: str, steps: Sequence[dict[str, Any]]) -> bool:
    """Whether a whole file is one of the texts that were written; a file of lines is looked at at the end."""
    if channel.lines:
        return True
    try:
        data = read(path)
    except FileNotFoundError:
        return True
    return any(step["arguments"]["text"].encode() in data for step in steps)


def tally(channel: Channel, path: str, steps: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """How many records there are, and how many lines are none; by writer."""
    texts = [str(step["arguments"]["text"]) for step in steps]
    data = read(path) if os.path.exists(path) else b""
    if not channel.lines:
        return {"records": int(any(text.encode() in data for text in texts)), "bad": 0, "by": []}
    counted, bad = [0] * len(texts), 0
    for line in data.splitlines():
        try:
            held = json.dumps(json.loads(line))
        except ValueError:
            bad += 1
            continue
        found = [number for number, text in enumerate(texts) if text in held]
        for number in found:
            counted[number] += 1
        bad += not found
    return {"records": sum(counted), "bad": bad, "by": counted}
