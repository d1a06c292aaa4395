"""Targets that break, hang, flood or lie: nothing is decided, the reason is said, and soon; and nothing is left."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.engine import running
from tests.engine.running import Done
from wallbite.exits import ExitCode
from wallbite.selftest import small
from wallbite.selftest.fakes import FAKES
from wallbite.selftest.small import plugin

Wallbite = Callable[..., Done]

SELECTED = ("--select", "WALL-01,WALL-08,DROP-01,DROP-04,DROP-05,DROP-13", "--jobs", "2")
GRACE = 5.0  # seconds past the time-out that applies
MEMORY = 200 << 20

MAY_WRITE = "hostile-names"  # what it says is a finding: it is judged by the self-test
BROKEN = {one.name: one for one in FAKES if one.name != MAY_WRITE}


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """The small target with nothing broken: what is selected passes, and takes so long on this machine."""
    folder = tmp_path_factory.mktemp("sound")
    return running.run(str(small.write(folder)), *SELECTED, folder=folder)


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_target_is_undecided_for_a_reason_that_is_said(wallbite: Wallbite, name: str, sound: Done) -> None:
    """Exit 3, no failure, the reason in the verdicts, in bounded time and memory, and no process is left."""
    fake = BROKEN[name]
    done = wallbite("--select", ",".join(fake.select), "--jobs", "2", change=fake.change)
    assert done.code == ExitCode.UNDECIDED, done.error
    assert done.seconds < sound.seconds + small.WITHIN + GRACE
    assert done.largest < MEMORY
    assert done.left == ()
    verdicts = done.verdicts
    assert {verdict[4] for verdict in verdicts} == {"inconclusive"}
    assert any(fake.reason in verdict[5] for verdict in verdicts), verdicts


def test_the_small_target_itself_conforms(sound: Done) -> None:
    """Without anything broken all of it passes: what breaks above is what was changed."""
    assert sound.code == ExitCode.CONFORMANT, sound.out + sound.error
    assert {verdict[4] for verdict in sound.verdicts} == {"pass"}
    assert sound.left == ()


def test_the_most_that_a_probe_may_tell_is_bounded(wallbite: Wallbite) -> None:
    """Every attempt tells as much as it may: memory stays bounded."""
    done = wallbite("--select", "WALL-01,WALL-19", "--jobs", "1", change=plugin("altered", "huge"))
    assert done.code in {ExitCode.NOT_CONFORMANT, ExitCode.UNDECIDED}  # it tells of places that it may write
    assert done.largest < MEMORY


def test_no_requirement_passes_by_a_liars_word(wallbite: Wallbite) -> None:
    """A probe that answers as every wall should answer: what passes rests on the harness's own observations."""
    done = wallbite("--select", "WALL,DROP", "--jobs", "2", change=plugin("altered", "denies_as_expected"))
    assert done.code == ExitCode.UNDECIDED, done.out
    spoken = {one["id"] for one in observations(done) if one["vantage"] == "spawned"}
    passed = [verdict for verdict in done.report["verdicts"] if verdict["verdict"] == "pass"]
    assert spoken
    assert [verdict for verdict in passed if spoken & {*verdict["evidence"], verdict["control"]}] == []


def observations(done: Done) -> list[dict[str, object]]:
    """Every observation of a record."""
    lines = (json.loads(line) for line in (done.folder / "record.jsonl").read_text().splitlines())
    return [one for line in lines for one in line.get("observations", ())]
