"""Cases of tools: payloads through the library's own tool, confined or degraded.

``reach`` is what a payload gets at, ``surroundings`` its environment, ``runaways`` what outlives it, ``commands`` what
is refused before it runs.
"""

from __future__ import annotations

import os
import secrets
import select
import signal
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from wallbite.cases.channels.calling import HOME, Caller, call, lay_library, library, own_directory
from wallbite.cases.channels.tools import WORK, lay_file, lay_work, needs, probe, sandbox_tool, shell
from wallbite.cases.scene import Scene

STATES: Final = ("confined", "degraded")
BRIEF: Final = 6  # seconds that a tool is given which does not want to end
SETTLING: Final = 3.0  # seconds in which everything of it must be gone
PORT: Final = 7411
ABSTRACT: Final = "wallbite-listener"
FLOOD: Final = 4_000_000  # bytes
# Each opens a FIFO for as long as it lives, and says that it does.
_HOLD: Final = "exec 9>fifo-{name}; echo alive > alive-{name}; "
_STAY: Final = "while :; do sleep 1000; done"
RUNAWAYS: Final = {
    "background": "( {hold}{stay} ) &",
    "session": "setsid bash -c '{hold}{stay}' &",
    "double-fork": "( ( setsid bash -c '{hold}{stay}' & ) & )",
    "deaf": "( trap '' TERM HUP INT; {hold}{stay} ) &",
    "closing": "( exec 0<&- 1>&- 2>&-; {hold}{stay} ) &",
}


def plan(postures: Sequence[str]) -> Iterator[dict[str, Any]]:
    """One case for each part and each state in which tools run, as a plain user."""
    if "unprivileged" in postures:
        for kind in PARTS:
            for state in STATES if kind != "reach" else STATES[:1]:  # what is not confined has no wall
                params = {"state": state, "whole_proc": True}
                case = {"kind": kind, "posture": "unprivileged", "params": params, "timeout": 120}
                yield {"case": f"{kind}-{state}@unprivileged", **case}


@dataclass
class Listener:
    """A port and an abstract name of the stage's, and which words came to them."""

    stream: socket.socket = field(default_factory=lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM))
    datagram: socket.socket = field(default_factory=lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    named: socket.socket = field(default_factory=lambda: socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))

    def open(self) -> Listener:
        """Listen."""
        self.stream.bind(("127.0.0.1", PORT))
        self.datagram.bind(("127.0.0.1", PORT))
        self.named.bind(f"\0{ABSTRACT}")
        for one in (self.stream, self.named):
            one.listen(8)
        for one in (self.stream, self.named, self.datagram):
            one.setblocking(False)
        return self

    def heard(self) -> dict[str, int]:
        """How many came to each since the last look."""
        counted = {"stream": 0, "named": 0, "datagram": 0}
        for name in ("stream", "named"):
            with suppress(BlockingIOError):
                while True:
                    getattr(self, name).accept()[0].close()
                    counted[name] += 1
        with suppress(BlockingIOError):
            while True:
                self.datagram.recv(100)
                counted["datagram"] += 1
        return counted


def run(scene: Scene) -> None:
    """Everything that a part asks in this state."""
    needs(scene)
    lay_library(scene)
    state = scene.params["state"]
    more = sandbox_tool(scene, "works" if state == "confined" else "absent")
    lay_work(scene)
    for part in PARTS[scene.kind]:
        part(scene, more)


def places(scene: Scene) -> list[list[Any]]:
    """What a payload tries: outside of its work area, beyond its user, and in the network."""
    outside = own_directory(scene, f"{HOME}/outside", 0o755)
    lay_file(scene, f"{outside}/secret", "host-secret", 0o600)
    stranger = own_directory(scene, "/srv/stranger", 0o755, "other")
    lay_file(scene, f"{stranger}/note", "stranger", 0o644, "other")
    credentials = f"{HOME}/{library(scene).credentials}"
    own_directory(scene, os.path.dirname(credentials), 0o755)
    lay_file(scene, credentials, "stored-credential", 0o600)
    own = own_transcript(scene)
    return [
        ["inside", "write", f"{WORK}/made"],
        ["outside", "write", f"{outside}/made"],
        ["home", "write", f"{HOME}/made"],
        ["system", "write", "/usr/lib/made"],
        ["etc", "write", "/etc/made"],
        ["kernel", "write", "/proc/sys/kernel/core_pattern"],
        ["secret", "read", f"{outside}/secret"],
        ["stranger", "read", f"{stranger}/note"],
        ["credentials", "read", credentials],
        ["connect", "connect", ["127.0.0.1", PORT, "hello"]],
        ["datagram", "datagram", ["127.0.0.1", PORT, "hello"]],
        ["abstract", "abstract", ABSTRACT],
        *(
            [["transcript-read", "read", own], ["transcript-forge", "append", own], ["transcript-erase", "remove", own]]
            if own
            else []
        ),
    ]


def own_transcript(scene: Scene) -> str:
    """The transcript of the run that the work area belongs to, as the product writes it; empty where it writes none."""
    if "own-transcript" not in library(scene).calls:
        return ""
    called = call(scene, [{"call": "own-transcript", "arguments": {"root": WORK, "home": HOME, "text": "transcribed"}}])
    path = str(called.outcomes[0].answer.get("path", "")) if called.outcomes else ""
    return path if os.path.isfile(path) else ""


def reaching(scene: Scene, more: Mapping[str, str]) -> None:
    """The attempts as the state has it, with network declared, and, as a control, with the sandbox opted out of."""
    attempts, listener = places(scene), Listener().open()
    control = {**more, **library(scene).switches.get("unsafe", {})}
    for name, variables, network in (("plain", more, False), ("network", more, True), ("control", control, False)):
        listener.heard()
        ran, _ = probe(scene, attempts if name == "plain" else places(scene), variables, network=network)
        scene.note("reach", name, heard=listener.heard(), said=ran.said, own=own_namespaces(), **ran.seen)


def own_namespaces() -> dict[str, str]:
    """The stage's own, which a confined payload must not be in."""
    return {name: os.readlink(f"/proc/self/ns/{name}") for name in ("mnt", "pid", "net", "ipc", "uts")}


def surrounding(scene: Scene, more: Mapping[str, str]) -> None:
    """A tool whose skill declares every name of the table, and one whose skill declares none."""
    table: Mapping[str, Sequence[str]] = scene.tables["tool_environment"]["classes"]
    names = [name for group in table.values() for name in group]
    outer = {**dict.fromkeys(names, "canary-value"), **more}
    for kind, declared in (("declared", names), ("nothing", [])):
        ran, _ = probe(scene, [], outer, environment=declared)
        seen = ran.said["environment"] if ran.said else None
        scene.note("surroundings", kind, names=seen, **ran.seen)


def running(scene: Scene, more: Mapping[str, str]) -> None:
    """A tool that starts what does not want to end, and stays itself; how long it took, less what any tool takes."""
    holders = lay_runaways(scene)
    lay_file(scene, f"{WORK}/idle.sh", "exit 0\n")
    called = call(scene, [shell("bash idle.sh"), shell("bash runaway.sh", timeout=BRIEF)], 60, more=more)
    took = [one.seconds for one in called.outcomes]
    returned = len(took) > 1
    idle, lasting = (took[0], took[1]) if returned else (0.0, called.seconds)
    scene.note(
        "runaways",
        "time-out",
        alive=alive(),
        left=left_holding(holders),
        seconds=round(max(0.0, lasting - idle), 2),
        brief=BRIEF,
        problem=called.problem,
    )


def parting(scene: Scene, more: Mapping[str, str]) -> None:
    """A tool whose library is killed."""
    holders = lay_runaways(scene)
    caller = Caller(scene, [shell("bash runaway.sh", timeout=60)], more=more).start()
    deadline = time.monotonic() + 20
    while len(alive()) <= len(RUNAWAYS) and time.monotonic() < deadline:
        time.sleep(0.02)  # until all say that they live: files in a work area, announced by nobody
    os.kill(caller.pid, signal.SIGKILL)
    caller.finish(5)
    scene.note("runaways", "parent", alive=alive(), left=left_holding(holders), seconds=0, brief=0, problem="")


def lay_runaways(scene: Scene) -> dict[str, int]:
    """The script and the FIFOs; the harness's end of each."""
    clear_runaways()
    names = [*RUNAWAYS, "payload"]
    for name in names:
        os.mkfifo(f"{WORK}/fifo-{name}", 0o666)
        os.chmod(f"{WORK}/fifo-{name}", 0o666)
    lines = [text.format(hold=_HOLD.format(name=name), stay=_STAY) for name, text in RUNAWAYS.items()]
    lay_file(scene, f"{WORK}/runaway.sh", "\n".join([*lines, _HOLD.format(name="payload") + _STAY]) + "\n")
    return {name: os.open(f"{WORK}/fifo-{name}", os.O_RDONLY | os.O_NONBLOCK) for name in names}


def clear_runaways() -> None:
    """Nothing of an earlier round."""
    for name in os.listdir(WORK):
        if name.startswith(("fifo-", "alive-")):
            os.unlink(f"{WORK}/{name}")


def alive() -> list[str]:
    """Which of them said that they live."""
    return sorted(name.removeprefix("alive-") for name in os.listdir(WORK) if name.startswith("alive-"))


def left_holding(holders: Mapping[str, int]) -> list[str]:
    """Whose FIFO somebody still holds when it should be gone: the kernel says when the last one is."""
    deadline, waiting = time.monotonic() + SETTLING, {number: name for name, number in holders.items()}
    poll = select.poll()
    for number, name in list(waiting.items()):
        if name in alive():
            poll.register(number, select.POLLHUP)
        else:
            waiting.pop(number)
    while waiting and (left := deadline - time.monotonic()) > 0:
        for number, event in poll.poll(left * 1000):
            if event & select.POLLHUP:
                poll.unregister(number)
                waiting.pop(number)
    for number in holders.values():
        os.close(number)
    return sorted(waiting.values())


def flooding(scene: Scene, more: Mapping[str, str]) -> None:
    """A tool that prints without end."""
    lay_file(scene, f"{WORK}/flood.sh", f"echo begin; head -c {FLOOD} /dev/zero | tr '\\0' x\n")
    called = call(scene, [shell("bash flood.sh", timeout=20)], 40, more=more)
    outcome = called.outcomes[0] if called.outcomes else None
    text = str(outcome.answer.get("text", "")) if outcome else ""
    began = "begin" in text[:400]
    error = f"{outcome.error}: {outcome.text}" if outcome and outcome.error else called.problem
    scene.note("flood", "output", length=len(text), began=began, printed=FLOOD, problem=error)


def asking(scene: Scene, more: Mapping[str, str]) -> None:
    """What is refused before anything runs; in the degraded state too, that is all there is."""
    outside = lay_file(scene, f"{HOME}/beyond", f"beyond-{secrets.token_hex(8)}", 0o600)
    beyond = read_text(outside)
    lay_file(scene, f"{WORK}/inner", "inner-text")
    for link, to in (("link-out", outside), ("link-in", "inner")):
        if not os.path.lexists(f"{WORK}/{link}"):
            os.symlink(to, f"{WORK}/{link}")
    commands = {
        "separator": "cat inner; touch marked-separator", "substitution": "cat $(touch marked-substitution)",
        "back-quotes": "cat `touch marked-back-quotes`", "redirect": "cat inner > marked-redirect",
        "conjunction": "cat inner && touch marked-conjunction", "unlisted": "touch marked-unlisted",
        "interpreter": "perl -e 'open(F,\">marked-interpreter\")'", "outside": f"cat {outside}",
        "parent": "cat ../beyond", "through-link": "cat link-out", "through-proc": "cat /proc/self/cwd/../beyond",
        "glob": "cat inne?",
    }  # fmt: skip
    for name, command in {"control": "cat inner", **commands}.items():
        called = call(scene, [shell(command, profile="passive", timeout=5)], 20, more=more)
        outcome = called.outcomes[0] if called.outcomes else None
        text = str(outcome.answer.get("text", "")) if outcome else ""
        seen = {
            "command": command,
            "refused": bool(outcome and outcome.error),
            "text": (outcome.text if outcome else called.problem)[:200],
            "marked": os.path.lexists(f"{WORK}/marked-{name}"),
            "leaked": beyond in text,
            "inner": "inner-text" in text,
        }
        scene.note("command", name, **seen)


def read_text(path: str) -> str:
    """A small file of the harness's own."""
    with open(path, encoding="utf-8") as file:
        return file.read()


PARTS: Final[Mapping[str, tuple[Callable[[Scene, Mapping[str, str]], None], ...]]] = {
    "reach": (reaching,),
    "surroundings": (surrounding,),
    "runaways": (running, parting),
    "commands": (flooding, asking),
}
