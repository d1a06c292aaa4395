"""Cases ``timeouts``, ``pipes`` and ``stops``: plugins that do not want to end, and the gateway's own end."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from wallbite.cases.drops.drops import ungranted_everywhere
from wallbite.cases.ends.runaways import GRACE, WAYS, Runaway, TooLong, send, state_of_job
from wallbite.cases.ends.seconds import note_seconds
from wallbite.cases.scene import CaseProblem, Scene
from wallbite.cases.walls.events import sizes
from wallbite.installation.document import with_value
from wallbite.installation.gateway import Gateway
from wallbite.installation.installation import PRIVATE
from wallbite.postures import ENFORCING
from wallbite.target import Ends

# Where killing differs: with CAP_KILL, without it, and by the same uid. The other postures only show time-outs.
WHOLE: Final = ("root", "ambient-caps", "unprivileged")
FLOOD: Final = 160 << 20  # bytes; more than a gateway may grow by
FLOODED: Final = 15.0  # seconds
UNREAD: Final = 150_000  # bytes: more than a pipe holds and a plugin takes of its request
DRAINING: Final = 0.2  # seconds in which a gateway that lets a job end does not end itself
STREAMS: Final = {"stdout": 1, "stderr": 2}


def plan(postures: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Time-outs in each posture; the rest where it may be another."""
    for posture in postures:
        for kind in ("timeouts", "pipes", "stops") if posture in WHOLE else ("timeouts",):
            yield {"case": f"{kind}@{posture}", "kind": kind, "posture": posture, "params": {}}


def booted(scene: Scene) -> tuple[Ends, dict[str, Any], Gateway]:
    """A gateway with the small configuration, after it ran a plugin that answers: what is like that is no wonder."""
    ends = scene.target.ends
    if ends is None:
        raise CaseProblem("the descriptor names no plugins that do not want to end")
    document = small_document(scene, ends)
    scene.lay_down(document, plugins={step.name for step in scene.target.install if step.program == "runaway"})
    gateway = scene.gateway()
    scene.boot(gateway)
    note_job(scene, "answers", send(scene, ends.patient))
    return ends, document, gateway


def run_timeouts(scene: Scene) -> None:
    """Plugins that hang, that do not read, and one that answers and leaves processes behind."""
    ends, _, gateway = booted(scene)
    time_out(scene, ends, WAYS if scene.posture.name in WHOLE else ())
    if scene.posture.name in WHOLE:
        leave(scene, ends)
    for then in ("hang", "answer"):  # last: what does not end keeps a worker
        if not leave_unread(scene, ends, then):
            break
    gateway.kill()


def run_pipes(scene: Scene) -> None:
    """Streams that are flooded, and streams that are held, while another job takes all workers but one."""
    ends, _, gateway = booted(scene)
    for name, number in STREAMS.items():
        flood(scene, ends, gateway, name, number)
    hung = [send(scene, ends.patient, then="hang") for _ in range(ends.workers - 1)]
    taken = all(each.appeared() for each in hung)
    for plugin, then in ((ends.patient, "answer"), (ends.brief, "hang")):
        if not hold_pipes(scene, ends, plugin, then, taken=taken):
            break  # no worker is left
    gateway.kill()


def run_stops(scene: Scene) -> None:
    """A second gateway, the order to stop, and a death."""
    ends, document, gateway = booted(scene)
    note_seconds(scene, ends, document, gateway)
    stop(scene, ends, gateway)
    die(scene, ends, gateway)
    gateway.kill()


def small_document(scene: Scene, ends: Ends) -> dict[str, Any]:
    """The configuration: with one account and its grants where the gateway can enforce, else without any."""
    gate = scene.target.gate
    document: dict[str, Any] = scene.installation.expanded(dict(ends.document))
    if gate is None or scene.posture.name not in ENFORCING:
        return ungranted_everywhere(document, gate.grant.rpartition(".")[2]) if gate else document
    account = scene.accounts[0]
    document = with_value(document, gate.accounts, scene.account_entries([account]))
    for place in ends.grants:
        document = with_value(document, place, account)
    return document


def time_out(scene: Scene, ends: Ends, ways: Sequence[str]) -> None:
    """A plugin that does not answer and leaves processes behind."""
    hangs = send(scene, ends.brief, ways=ways, then="hang")
    appeared = hangs.appeared()
    gone = hangs.main.loose(ends.timeout + GRACE)
    seconds = round(time.monotonic() - hangs.asked, 3)
    seen = {"appeared": appeared, "gone": gone, "seconds": seconds, "timeout": ends.timeout, "grace": GRACE}
    state = state_of_job(scene, hangs, GRACE)
    scene.note("timed-out", "plugin", finished=state.finished, status=state.status, error=state.error, **seen)
    if ways:
        note_left(scene, "timed-out", hangs, GRACE)


def leave_unread(scene: Scene, ends: Ends, then: str) -> bool:
    """A plugin that does not read its request, of which there is more than its pipe holds; whether it is gone."""
    try:
        sent = send(scene, ends.brief, then=then, unread=UNREAD)
    except TooLong as problem:
        scene.note("unread", then, refused=str(problem))
        return True
    sent.main.appeared(1)
    gone = sent.main.loose(ends.timeout + GRACE)
    state = state_of_job(scene, sent, GRACE)
    seen = {"refused": "", "deaf": "deaf" in sent.main.holders, "gone": gone, "within": ends.timeout + GRACE}
    scene.note("unread", then, finished=state.finished, status=state.status, error=state.error, **seen)
    return gone


def note_job(scene: Scene, name: str, sent: Runaway, within: float = GRACE) -> bool:
    """How a job ended, and after how many seconds; whether it did."""
    state = state_of_job(scene, sent, within)
    seconds = round(time.monotonic() - sent.asked, 3)
    scene.note("job", name, finished=state.finished, status=state.status, error=state.error, seconds=seconds)
    return state.finished


def note_left(scene: Scene, moment: str, sent: Runaway, within: float) -> None:
    """What a plugin left behind, each by its way: whether it was there, and whether it is gone."""
    gone = sent.leash.loose(within)
    living = [] if gone else sent.leash.alive()
    for way in sent.ways:
        appeared = way in sent.leash.holders
        scene.note("left", f"{moment}/{way}", appeared=appeared, gone=appeared and way not in living, within=within)


def leave(scene: Scene, ends: Ends) -> None:
    """A plugin that answers and leaves processes behind, while another job of its account runs; which must not end."""
    hung = send(scene, ends.patient, ways=WAYS, then="hang")
    hung.appeared()
    before = [*hung.main.alive(), *hung.leash.alive()]
    leaves = send(scene, ends.patient, ways=WAYS)
    leaves.appeared()
    note_job(scene, "leaves", leaves)
    note_left(scene, "answered", leaves, GRACE)
    note_job(scene, "afterwards", send(scene, ends.patient))  # by then a process that was killed besides is gone
    after = [*hung.main.alive(), *hung.leash.alive()]
    scene.note("sibling", "job", before=before, after=after, all=["main", *WAYS])


def hold_pipes(scene: Scene, ends: Ends, plugin: str, then: str, *, taken: bool) -> bool:
    """A descendant keeps the stdout and stderr of a plugin that answers, or is killed; whether the next job ended."""
    holds = send(scene, plugin, ways=("daemon",), keep=True, then=then)
    appeared = holds.appeared()
    note_job(scene, f"holds/{then}", holds)
    freed = note_job(scene, f"next/{then}", send(scene, ends.brief))
    scene.note("holder", then, appeared=appeared, taken=taken)
    return freed


def flood(scene: Scene, ends: Ends, gateway: Gateway, name: str, number: int) -> None:
    """A plugin that writes more than anybody wants; how much memory and disk the gateway took for it."""
    disk, memory = _disk(scene), _memory(gateway.pid, reset=True)
    floods = send(scene, ends.patient, then="flood", to=number, bytes=FLOOD)
    appeared = floods.appeared()
    state = state_of_job(scene, floods, FLOODED if appeared else 0)
    seen = {"appeared": appeared, "gone": floods.main.loose(GRACE), "offered": FLOOD, "memory_before": memory}
    grew, written = _memory(gateway.pid) - memory, _disk(scene) - disk
    ended = {"finished": state.finished, "status": state.status, "error": state.error, "alive": gateway.alive}
    scene.note("flood", name, **seen, **ended, grew=grew, written=written)


def _memory(pid: int, *, reset: bool = False) -> int:
    """The most memory in bytes that a process has held since the mark was last reset; it is reset before if wished."""
    try:
        if reset:
            Path(f"/proc/{pid}/clear_refs").write_text("5")
        fields = dict(
            line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line
        )
        return int(fields["VmHWM"].split()[0]) << 10
    except (OSError, KeyError):
        return 0


def _disk(scene: Scene) -> int:
    """How many bytes lie in the gateway's own directories."""
    return sum(sizes(scene).values())


def stop(scene: Scene, ends: Ends, gateway: Gateway) -> None:
    """Told to stop while one plugin hangs and one is about to answer; then booted again, and asked about that one."""
    hold = f"{PRIVATE}/hold-stop"
    os.mkfifo(hold)
    Path(hold).chmod(0o644)
    hung = send(scene, ends.patient, ways=WAYS, then="hang")
    waits = send(scene, ends.patient, then="wait", hold=hold)
    appeared = hung.appeared() and waits.appeared() and bool(hung.main.alive())
    action = scene.target.gateway.stop
    began = time.monotonic()
    gateway.signal(action.signal or "TERM")
    early = gateway.wait_end(DRAINING)
    _release(hold)
    waits.main.loose(action.within)  # the plugin that was about to answer has, and is gone
    answered = round(time.monotonic() - began, 3)
    ended = early or gateway.wait_end(action.within)
    seen: dict[str, Any] = {
        "appeared": appeared,
        "early": early,
        "ended": ended,
        "seconds": round(time.monotonic() - began, 3),
        "answered": answered,
        "drain": ends.drain,
    }
    gateway.kill()
    gone = hung.main.loose(GRACE) and hung.leash.loose(GRACE)
    seen |= {"exit": gateway.exit_status, "within": action.within, "gone": gone}
    for each in (hung, waits):
        each.cancel()
    scene.boot(gateway)
    note_job(scene, "waits", waits)
    scene.note("stopped", "gateway", **seen)


def _release(hold: str) -> None:
    """Let who waits at a FIFO go on; nobody may be there any more."""
    try:
        os.close(os.open(hold, os.O_WRONLY | os.O_NONBLOCK))
    except OSError:
        return


def die(scene: Scene, ends: Ends, gateway: Gateway) -> None:
    """Killed while a plugin hangs: what is left of that, at once, and after the next start."""
    hangs = send(scene, ends.patient, ways=WAYS, then="hang")
    appeared = hangs.appeared()
    watched = _watched(hangs)
    before = [*hangs.main.alive(), *hangs.leash.alive()]
    gateway.kill()
    living = {"death": _await_gone(watched, GRACE)}
    if living["death"]:
        scene.boot(gateway)
        living["start"] = _await_gone(watched, GRACE)
    for handle in watched.values():
        os.close(handle)
    scene.note("died", "gateway", appeared=appeared, before=before, all=["main", *WAYS], living=living)


def _watched(sent: Runaway) -> dict[str, int]:
    """A handle on each process of a job; one that is gone already has none."""
    found = {}
    for way, pid in {**sent.main.holders, **sent.leash.holders}.items():
        with suppress(ProcessLookupError):
            found[way] = os.pidfd_open(pid)
    return found


def _await_gone(watched: Mapping[str, int], within: float) -> list[str]:
    """Wait until these processes have ended; those that have not."""
    deadline, living = time.monotonic() + within, dict(watched)
    while living:
        ended = select.select(living.values(), [], [], max(0.0, deadline - time.monotonic()))[0]
        if not ended:
            break
        living = {way: handle for way, handle in living.items() if handle not in ended}
    return sorted(living)
