"""The pool: results whatever happens in a stage, and nothing left afterwards, whatever happens to the harness."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from wallbite.problems import EnvironmentProblem
from wallbite.stages.pool import Pool, start_here

CROWD = b"4242"


def _host() -> tuple[str, set[str]]:
    """The mount table, and every process by its command line."""
    return Path("/proc/self/mountinfo").read_text(), _crowd()


def _crowd() -> set[str]:
    """The pids of processes that :func:`conducts.crowd` starts."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (entry / "cmdline").read_bytes().split(b"\0")[-2:-1] == [CROWD]:
                found.add(entry.name)
    return found


def _until(condition: Any, seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


@pytest.mark.parametrize(
    ("then", "problem"),
    [
        ("raise", "ValueError: as asked"),
        ("cut", "the stage ended early: exit status 0"),
        ("exit", "the stage ended early: exit status 3"),
        ("leave", "SystemExit: politely"),
        ("crash", "the stage died: signal 11"),
        ("long", "ValueError: an observation of"),
    ],
)
def test_what_was_seen_before_a_failure_is_kept(run: Any, then: str, problem: str) -> None:
    """However a case ends, its earlier observations are there and the problem is named."""
    result = run("emit_then", then=then)
    assert result.observations == [{"seen": "first"}]
    assert result.problem.startswith(problem)
    assert ("Traceback" in result.trace) == (then in {"raise", "leave", "long"})


def test_a_hang_ends_in_time_and_leaves_nothing(run: Any) -> None:
    """A case that hangs is killed when its time is up, with the processes that it left about."""
    before = _host()
    result = run("crowd", timeout=1.5)
    assert result.problem == "timed out after 1.5 s"
    assert result.observations == [{"seen": "crowded"}]
    assert 1.5 <= result.seconds < 2.5
    assert _host() == before


def test_a_cases_own_timeout_goes_before(pool: Pool) -> None:
    """A case may name its own time."""
    (result,) = pool.run([{"do": "crowd", "timeout": 0.3}], 60.0)
    assert result.problem == "timed out after 0.3 s"


def test_a_flood_is_bounded(run: Any) -> None:
    """Of a gigabyte of observations, 64 MiB are kept, and the case fails."""
    result = run("emit_then", then="flood", timeout=60)
    assert result.problem == f"too much output (over {64 << 20} bytes)"
    assert 60 <= len(result.observations) <= 64


def test_what_is_not_json_is_no_observation(run: Any) -> None:
    """A line that is no JSON makes the case fail."""
    result = run("emit_then", then="raw")
    assert result.observations == [{"seen": "first"}]
    assert "not JSON" in result.problem


def test_processor_time_counts_descendants(run: Any) -> None:
    """What two children burned is in the case's processor time."""
    assert 0.6 <= run("emit_then", then="burn").cpu_seconds < 2.0


def test_a_stage_leaves_no_mount_and_no_process(run: Any) -> None:
    """After a case the host's mounts and processes are as before."""
    before = _host()
    assert run("look").problem is None
    assert run("crowd", seconds=0.01).problem is None
    assert _host() == before


def test_workers_run_at_once_under_uids_of_their_own() -> None:
    """Twenty cases on four workers overlap, and no two workers share a range."""
    started = time.monotonic()
    told: list[Any] = []
    with Pool(4, "conducts:conduct") as pool:
        cases = [{"do": "nap", "number": number, "seconds": 0.3} for number in range(20)]
        results = list(pool.run(cases, 20.0, lambda case: told.append(case["number"]), told.append))
    assert sorted(result.case["number"] for result in results) == list(range(20))
    assert [result.problem for result in results] == [None] * 20
    assert len({result.observations[0]["seen"] for result in results}) == 4
    assert time.monotonic() - started < 20 * 0.3
    assert len(told) == 40


def test_twenty_stages_at_once() -> None:
    """Twenty workers each have their stage at the same time."""
    with Pool(20, "conducts:conduct") as pool:
        results = list(pool.run([{"do": "nap", "seconds": 1.0}] * 20, 30.0))
    assert [result.problem for result in results] == [None] * 20
    assert len({result.observations[0]["seen"] for result in results}) == 20


def test_a_worker_may_have_one_case_only() -> None:
    """Then as many are started as there are cases, no more at once than jobs, and none is left."""
    processes: list[subprocess.Popen[bytes]] = []

    def start(order: dict[str, Any]) -> tuple[subprocess.Popen[bytes], dict[str, Any]]:
        assert sum(process.poll() is None for process in processes) < 2
        process, told = start_here(order)
        processes.append(process)
        return process, told

    with Pool(2, "conducts:conduct", start=start, once=True) as pool:
        results = list(pool.run([{"do": "nap"}] * 5, 30.0))
    assert [result.problem for result in results] == [None] * 5
    assert len(processes) == 5
    assert all(process.poll() is not None for process in processes)


def test_two_pools_do_not_share_uids(run: Any) -> None:
    """A second harness at the same time gets another range."""
    with Pool(1, "conducts:conduct") as other:
        (result,) = other.run([{"do": "nap"}])
    assert result.observations[0]["seen"] != run("nap").observations[0]["seen"]


def test_a_killed_worker_is_replaced() -> None:
    """A worker that dies costs its case and no other."""
    with Pool(1, "conducts:conduct") as pool:
        victim = pool._workers[0].process.pid
        results = pool.run([{"do": "nap", "seconds": 5}, {"do": "nap"}], 20.0, lambda case: _shoot(case, victim))
        problems = [result.problem for result in results]
    assert problems == ["the worker died: exit status -9", None]


def _shoot(case: dict[str, Any], victim: int) -> None:
    if case.get("seconds") == 5:
        os.kill(victim, signal.SIGKILL)


def test_an_abandoned_run_ends_its_stages() -> None:
    """Whoever stops asking for results leaves no stage running, and can use the pool again."""
    with Pool(2, "conducts:conduct") as pool:
        results = pool.run([{"do": "nap"}, {"do": "crowd"}], 60.0)
        assert next(results).problem is None
        results.close()  # type: ignore[attr-defined]
        assert _crowd() == set()
        assert [result.problem for result in pool.run([{"do": "nap"}])] == [None]


def test_a_conduct_that_is_not_there_is_an_environment_problem() -> None:
    """Workers that cannot start say why."""
    with Pool(1, "conducts:nothing") as pool, pytest.raises(EnvironmentProblem, match="nothing"):
        list(pool.run([{"do": "nap"}]))


def test_a_pool_belongs_to_the_main_thread() -> None:
    """Workers would die with the thread that started them."""
    raised: list[BaseException] = []

    def enter() -> None:
        try:
            Pool(1).__enter__()
        except RuntimeError as error:
            raised.append(error)

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert len(raised) == 1


def test_no_worker_is_a_mistake() -> None:
    """A pool of nothing is refused."""
    with pytest.raises(ValueError, match="at least 1"):
        Pool(0)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_nothing_survives_the_harness(number: int) -> None:
    """A harness that is killed or interrupted takes workers, stages and detached processes of every uid with it."""
    before = _host()
    program = (
        f"import sys; sys.path[:] = {sys.path!r}\n"
        "from wallbite.stages.pool import Pool\n"
        "with Pool(3, 'conducts:conduct') as pool:\n"
        "    list(pool.run([{'do': 'crowd'}] * 3))\n"
    )
    harness = subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.DEVNULL)
    assert _until(lambda: len(_crowd()) >= 3 * 12)
    harness.send_signal(number)
    assert harness.wait(10) == -number
    assert _until(lambda: _host() == before)
