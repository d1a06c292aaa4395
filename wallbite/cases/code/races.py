"""Case ``code-race``: a plugin's program is swapped, over and over, while the gateway is asked to run it.

There are two programs of one length, which differ in one word: the old one was locked. In one of the ways it is not the
program that is swapped but a file that it loads, in another its interpreter. Each leaves a file in the inbox
that says which of them it is; whose it is says the kernel. A large file beside them makes it last long to look at the
code, so that a gateway which looks at one thing and runs another is soon found out.
"""

from __future__ import annotations

import itertools
import mmap
import os
import random
import select
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from wallbite.cases.code.changing import OUTSIDE, Subject, ask_for, document, lay_subjects, lock, outcome, place_of
from wallbite.cases.scene import CaseProblem, Scene
from wallbite.installation.gateway import Gateway
from wallbite.installation.installation import INBOX
from wallbite.postures import ENFORCING

TRIES: Final = 420  # swaps in each of the ways, while the gateway spawns
SPAWNS: Final = 32  # in each of the ways, at least
BATCH: Final = 16
WITHIN: Final = 15.0  # seconds for one of the ways
REST: Final = 0.0006  # the longest time between two swaps; shorter ones are as likely
LARGE: Final = 1 << 19
WAYS: Final = ("rename", "symlink", "in-place", "module", "interpreter")
SHELL: Final = "/bin/sh"
PROGRAM: Final = """#!{shell}
# Says which of two programs it is.
WORD={word}
: >"{inbox}/race.{way}.$WORD.$$"
echo '{{"status":"ok"}}'
"""


def plan(postures: Sequence[str]) -> Iterator[dict[str, Any]]:
    """In one enforcing posture, the first: what is verified does not depend on how the gateway got its privilege."""
    enforcing = [posture for posture in postures if posture in ENFORCING]
    for posture in enforcing[:1]:
        yield {"case": f"code-race@{posture}", "kind": "code-race", "posture": posture, "params": {}}


def program(way: str, word: str) -> bytes:
    """One of the two programs."""
    words = {"module": '; . "${0%/*}/lib/word"', "interpreter": "; WORD=$(tail -c 3 /proc/$$/exe)"}
    shell = f"{OUTSIDE}/{way}-shell" if way == "interpreter" else SHELL
    return PROGRAM.format(shell=shell, inbox=INBOX, way=way, word=word + words.get(way, "")).encode()


def run(scene: Scene) -> None:
    """Each way of swapping by itself, in one running gateway."""
    subjects = {way: Subject(f"race-{way}", scene.accounts[0]) for way in WAYS}
    scene.lay_down(document(scene, subjects.values()), plugins=())
    lay_subjects(scene, subjects.values())
    for way, subject in subjects.items():
        prepare(scene, way, subject)
    lock(scene, [subject.name for subject in subjects.values()], "at-first")
    gateway = scene.gateway()
    scene.boot(gateway)
    for way, subject in subjects.items():
        note_race(scene, gateway, way, subject)
    gateway.kill()


def prepare(scene: Scene, way: str, subject: Subject) -> None:
    """Both programs, and the plugin's own, which is the old one."""
    root = place_of(scene, subject.name)
    (root / "lib/large").write_bytes(os.urandom(LARGE))
    for word in ("old", "new"):
        path = Path(OUTSIDE, f"{way}-{word}")
        path.write_bytes(program(way, word))
        path.chmod(0o755)
    (root / "entry").write_bytes(program(way, "old"))
    if way in ("symlink", "module", "interpreter"):
        swap(way, root, new=False)


def swap(way: str, root: Path, *, new: bool) -> None:
    """Have the plugin's program be one or the other; or what it loads from beside it; or what it is read by."""
    word, entry, beside = "new" if new else "old", root / "entry", Path(OUTSIDE, f"{way}-beside")
    if way == "in-place":
        with entry.open("r+b", buffering=0) as file:
            file.write(program(way, word))
        return
    if way == "symlink":
        beside.symlink_to(f"{OUTSIDE}/{way}-{word}")
    else:
        texts = {"module": f"WORD={word}\n".encode(), "interpreter": Path(SHELL).read_bytes() + word.encode()}
        beside.write_bytes(texts.get(way) or program(way, word))
        beside.chmod(0o755)
    places = {"module": root / "lib/word", "interpreter": Path(OUTSIDE, f"{way}-shell")}
    beside.rename(places.get(way, entry))


def note_race(scene: Scene, gateway: Gateway, way: str, subject: Subject) -> None:
    """One run in peace, many while the program is swapped, one in peace; then who ran what."""
    quiet = [run_many(scene, gateway, subject, 1)]
    before, began = who_ran(way), time.monotonic()
    ends: Counter[str] = Counter()
    with hammering(lambda new: swap(way, place_of(scene, subject.name), new=new)) as tries:
        for spawns in itertools.count(BATCH, BATCH):
            ends += run_many(scene, gateway, subject, BATCH)
            if (tries() >= TRIES and spawns >= SPAWNS) or time.monotonic() - began > WITHIN:
                break
        swapped = tries()
    seconds, during = time.monotonic() - began, who_ran(way) - before
    quiet.append(run_many(scene, gateway, subject, 1))
    ids = {"expected": scene.ids(subject.account), "gateway": scene.gateway_ids}
    seen = {
        "tries": swapped,
        "spawns": spawns,
        "seconds": round(seconds, 2),
        "ends": dict(ends),
        "quiet": listed(before + (who_ran(way) - before - during)),
        "ran": listed(during),
        "lowered": scene.ids("untrusted") if "untrusted" in scene.accounts else {},
        **ids,
    }
    scene.emit("race", way, account=subject.account, vantage="harness", seen=seen)


def run_many(scene: Scene, gateway: Gateway, subject: Subject, count: int) -> Counter[str]:
    """Ask for some runs at once and wait for their ends; how they ended, in the gateway's words."""
    begun = [ask_for(scene, gateway, subject) for _ in range(count)]
    ends = [outcome(scene, one) for one in begun]
    if not gateway.alive:
        raise CaseProblem(f"the gateway ended with {gateway.exit_status}: {gateway.tail()}")
    return Counter(str(one["error"] or one["status"] or "not told") for one in ends)


def who_ran(way: str) -> Counter[tuple[str, int]]:
    """How often each program ran so far, under which uid."""
    found: Counter[tuple[str, int]] = Counter()
    with os.scandir(INBOX) as entries:
        for entry in entries:
            kind, *words = entry.name.split(".")
            if kind == "race" and len(words) == 3 and words[0] == way:
                found[words[1], entry.stat(follow_symlinks=False).st_uid] += 1
    return found


def listed(found: Counter[tuple[str, int]]) -> list[list[Any]]:
    """Program, uid and number of runs."""
    return sorted([word, uid, count] for (word, uid), count in found.items())


@contextmanager
def hammering(act: Callable[[bool], None]) -> Iterator[Callable[[], int]]:
    """Another process does it, now with True and now with False, until the block ends, which is with False."""
    shared, (listen, tell) = mmap.mmap(-1, 8), os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(tell)
            _hammer(act, listen, shared)
        finally:
            os._exit(0)
    os.close(listen)
    try:
        yield lambda: int.from_bytes(shared[:8], "little")
    finally:
        os.close(tell)
        os.waitpid(pid, 0)


def _hammer(act: Callable[[bool], None], listen: int, shared: mmap.mmap) -> None:
    chance = random.Random(1)  # noqa: S311 (times, no secrets)
    for count in itertools.count(1):
        if select.select([listen], [], [], chance.uniform(0, REST))[0]:
            break
        act(count % 2 == 1)
        shared[:8] = count.to_bytes(8, "little")
    act(False)
