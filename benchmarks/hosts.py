"""The same 300 checks of files on one container: Wallbite's probe, and what people use today.

Sixty files; of each its existence, mode, owner and group, and whether an account can read it. Some are not as they
should be; whoever does not find the same ones is not measured.
"""

from __future__ import annotations

import inspect
import json
import os
import shutil
import sys
import time
from collections.abc import Callable
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any, Final

import testinfra

from benchmarks.engine import Absent, Engine, engine
from benchmarks.measuring import Spread, goal, in_turns, ratios
from wallbite.probing.answers import parse
from wallbite.probing.carriers import compiled_probe, probes
from wallbite.probing.plan import Attempt, Plan
from wallbite.stages.pool import Pool

FILES: Final = 60
PLACE: Final = "/opt/checked"
ACCOUNT, ACCOUNT_ID, OWNER, OWNER_ID = "plugin", 991, "gateway", 990
GOAL: Final = 200.0
GOSS: Final = "goss is in no registry of Debian, PyPI or npm (a package of that name on PyPI is another program)"
ABOUT: Final = {
    "wallbite": "Wallbite's probe over one `docker exec`, as root and then, dropped, as the account",
    "testinfra docker": "pytest-testinfra over `docker`, one exec a property",
    "testinfra local": "pytest-testinfra `local`, in a stage with the same files",
    "goss": "goss",
}

Answers = dict[str, tuple[bool, int, str, str, bool]]  # exists, mode, owner, group, readable by the account


def paths(files: int) -> list[str]:
    """The files that are checked; the last one is not there."""
    return [f"{PLACE}/file-{number}" for number in range(files)]


def lay(files: int) -> None:
    """The files: of each seven one has a loose mode, and one another owner."""
    os.makedirs(PLACE, mode=0o755, exist_ok=True)
    for number, path in enumerate(paths(files)[:-1]):
        Path(path).write_bytes(b"x")
        os.chown(path, 0 if number % 7 == 1 else OWNER_ID, OWNER_ID)
        os.chmod(path, 0o644 if number % 7 == 0 else 0o600)


def expected(files: int) -> Answers:
    """What everybody has to find."""
    there: Answers = {
        path: (True, 0o644 if at % 7 == 0 else 0o600, "root" if at % 7 == 1 else OWNER, OWNER, at % 7 == 0)
        for at, path in enumerate(paths(files)[:-1])
    }
    return {**there, paths(files)[-1]: (False, 0, "", "", False)}


def measure(files: int = FILES, rounds: int = 5) -> dict[str, Any]:
    """Seconds of each way, and how many times Wallbite is as fast."""
    try:
        with engine() as found, found.container() as name:
            return compared(found, name, files, rounds)
    except Absent as absent:
        return {"about": ABOUT, "checks": files * 5, "not measured": str(absent)}


def compared(found: Engine, name: str, files: int, rounds: int) -> dict[str, Any]:
    """Lay the files down in the container, and measure in turns."""
    place(found, name, files)
    os.environ["DOCKER_HOST"] = found.address
    goss = shutil.which("goss")
    ways: dict[str, Callable[[], float]] = {
        "wallbite": lambda: timed(lambda: by_probe(found, name, files), files),
        "testinfra docker": lambda: timed(lambda: by_testinfra(name, files), files),
        "testinfra local": lambda: locally(files),
    }
    took = in_turns(rounds, ways)
    faster = {other: ratios(took[other], took["wallbite"]) for other in took if other != "wallbite"}
    return {
        "about": ABOUT,
        "checks": files * 5,
        "rounds": rounds,
        "seconds": {way: Spread.of(each).to_json() for way, each in took.items()},
        "ratios": {other: one.to_json() for other, one in faster.items()},
        "not measured": {"goss": "installed, and no adapter for it" if goss else GOSS},
        "profile": profile(found, name, Spread.of(took["wallbite"]).median),
        "goals": [
            goal(f"Wallbite against: {ABOUT[way]}", f"at least {GOAL:g} times as fast", faster[way], at_least=GOAL)
            for way in ("testinfra docker",)
        ],
    }


def profile(found: Engine, name: str, whole: float) -> dict[str, Any]:
    """What the exec alone takes, with a program that does nothing; and the interpreter beside them."""
    empty = in_turns(5, {
        "a `docker exec` of a program that does nothing": lambda: clock(
            lambda: found.docker("exec", name, "/usr/bin/true")),
        "a `docker exec` of an interpreter that does nothing": lambda: clock(
            lambda: found.docker("exec", name, *PYTHON, "-c", "pass")),
    })  # fmt: skip
    parts = {what: Spread.of(each).to_json() for what, each in empty.items()}
    return {
        "seconds": parts,
        "of Wallbite's time": {what: round(one["median"] / whole, 2) for what, one in parts.items()},
    }


def place(found: Engine, name: str, files: int) -> None:
    """The files, and the probe with its two plans, in the container."""
    source = "\n".join([
        "import os", "from pathlib import Path", f"OWNER_ID, PLACE = {OWNER_ID}, {PLACE!r}",
        f"paths = lambda files: [f'{PLACE}/file-{{number}}' for number in range(files)]",
        inspect.getsource(lay), f"lay({files})",
    ])  # fmt: skip
    found.docker("exec", name, *PYTHON, "-c", source)
    laid = {"probe.py": (probes() / "probe.py").read_bytes(), COMPILED: compiled_probe(), "both.py": BOTH.encode()}
    laid |= {f"{who}.json": plan(who, files).to_json().encode() for who in ("root", ACCOUNT)}
    for each, data in laid.items():
        store = f"mkdir -p {PLACE}/__pycache__; cat > {PLACE}/{each}"
        found.docker("exec", "--interactive", name, "/bin/sh", "-c", store, data=data)


PYTHON: Final = ("/usr/bin/python3", "-IS")
COMPILED: Final = f"__pycache__/{Path(cache_from_source('probe.py')).name}"
# As the vantage `dropped`: a process of root's that becomes the account.
BOTH: Final = f"""
import os, sys
sys.path.insert(0, "{PLACE}")
import probe
for who, number in (("root", 0), ("{ACCOUNT}", {ACCOUNT_ID})):
    child = os.fork()
    if not child:
        if number:
            os.setgroups([])
            os.setresgid(number, number, number)
            os.setresuid(number, number, number)
        probe.answer(probe.load("{PLACE}/" + who + ".json"))
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        sys.exit(1)
"""


def plan(who: str, files: int) -> Plan:
    """What one of the two attempts."""
    operation = "stat" if who == "root" else "read"
    return Plan("0bad", tuple(Attempt(operation, path, path=path) for path in paths(files)), answer="stdout")


def by_probe(found: Engine, name: str, files: int) -> Answers:
    """The answers of both, one after the other, and what they say of each file."""
    told = found.docker("exec", name, *PYTHON, f"{PLACE}/both.py").encode() + b"\n"
    first = told.index(b"\n", told.index(b'{"end":')) + 1
    looked = parse(told[:first], plan("root", files)).results
    read = parse(told[first:], plan(ACCOUNT, files)).results
    names = {0: "root", OWNER_ID: OWNER}
    return {
        path: (
            (True, int(look.seen["mode"], 8), names[look.seen["uid"]], names[look.seen["gid"]], got.errno == "OK")
            if look.errno == "OK"
            else (False, 0, "", "", False)
        )
        for path, look, got in zip(paths(files), looked, read, strict=True)
    }


def by_testinfra(name: str, files: int) -> Answers:
    """As its users write it: a property is asked for where it is looked at."""
    root, account = testinfra.get_host(f"docker://{name}"), testinfra.get_host(f"docker://{ACCOUNT}@{name}")
    return of_hosts(root, lambda path: account.run("test -r %s", path).succeeded, files)


def of_hosts(root: Any, readable: Callable[[str], bool], files: int) -> Answers:
    """The five properties of each file."""
    found: Answers = {}
    for path in paths(files):
        file = root.file(path)
        there = file.exists
        found[path] = (
            (True, file.mode, file.user, file.group, readable(path)) if there else (False, 0, "", "", readable(path))
        )
    return found


def locally(files: int) -> float:
    """The local backend, in a stage where the same files lie: seconds without the stage."""
    with Pool(1, conduct="benchmarks.hosts:conduct") as pool:
        result = next(iter(pool.run([{"case": "local", "files": files}], timeout=300)))
    if result.problem:
        raise RuntimeError(f"{result.problem}\n{result.trace}")
    seconds: float = result.observations[0]["seconds"]
    return seconds


def conduct(request: dict[str, Any], emit: Callable[[dict[str, Any]], None]) -> None:
    """In the stage: the files and the two accounts, then testinfra on them."""
    files = request["files"]
    with open("/etc/passwd", "a") as users, open("/etc/group", "a") as groups:
        for user, number in ((OWNER, OWNER_ID), (ACCOUNT, ACCOUNT_ID)):
            users.write(f"{user}:x:{number}:{number}::/:/bin/sh\n")
            groups.write(f"{user}:x:{number}:\n")
    lay(files)
    host, become = testinfra.get_host("local://"), f"setpriv --reuid={ACCOUNT_ID} --regid={ACCOUNT_ID} --clear-groups"

    def readable(path: str) -> bool:
        return bool(host.run(f"{become} test -r %s", path).succeeded)

    emit({"seconds": timed(lambda: of_hosts(host, readable, files), files)})


def timed(way: Callable[[], Answers], files: int) -> float:
    """Seconds of one way, whose answers must be right."""
    began = time.perf_counter()
    found = way()
    took = time.perf_counter() - began
    if found != expected(files):
        wrong = {path: each for path, each in found.items() if each != expected(files)[path]}
        raise RuntimeError(f"other answers than there are: {dict(list(wrong.items())[:3])}")
    return took


def clock(action: Callable[[], Any]) -> float:
    """Seconds of anything."""
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


if __name__ == "__main__":
    print(json.dumps(measure(*map(int, sys.argv[1:])), indent=2))
