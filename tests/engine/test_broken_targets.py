"""Targets that break, hang, flood or lie: nothing is decided, the reason is said, and soon; and nothing is left."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.engine import running, small
from tests.engine.running import Done
from tests.engine.small import gateway, plugin
from wallbite.exits import ExitCode

Wallbite = Callable[..., Done]

ONE_CASE = ("--select", "WALL-01", "--jobs", "1")
SELECTED = ("--select", "WALL-01,WALL-08,DROP-01,DROP-04,DROP-05,DROP-13", "--jobs", "2")
GRACE = 5.0  # seconds past the time-out that applies
MEMORY = 200 << 20

BROKEN = {
    "it never says that it is ready": (gateway("hangs"), "the gateway was not ready after 2"),
    "it dies at start": (gateway("dies"), "the gateway ended at boot with 1: no such luck"),
    "it is ready and then gone": (gateway("leaves"), "the gateway did not take the request: "),
    "it is killed in the middle": (gateway("killed"), "the gateway ended with -9 before the probe answered"),
    "a probe that prints nothing": (plugin("silent"), "'bad_response' without an answer of the probe"),
    "a probe that prints a gigabyte": (plugin("floods_stdout"), "'output_limit' without an answer of the probe"),
    "a gigabyte in the inbox": (plugin("floods_inbox"), "the answer is larger than"),
    "a probe that never ends": (plugin("endless"), "no answer within 2 s"),
    "the answer to another run": (plugin("altered", "other_run"), "the nonce is another plan's"),
    "a record twice": (plugin("altered", "duplicates"), "number 0 is there twice"),
    "a record too few": (plugin("altered", "too_few"), "is missing"),
    "a number that is none": (plugin("altered", "not_a_number"), "a number is NaN"),
    "no UTF-8": (plugin("altered", "not_utf8"), "a line is not UTF-8"),
    "all was allowed": (plugin("altered", "allows_all"), "the probe is not believed: stat of a file that everybody"),
    "all was denied": (plugin("altered", "denies_all"), "the probe is not believed: stat of a file that everybody"),
    "nothing was permitted": (plugin("altered", "not_permitted"), "the probe is not believed: stat of a file"),
    "all was denied as it should be": (plugin("altered", "denies_as_expected"), "the probe is not believed: stat of"),
    "it says that it is less": (plugin("altered", "better"), "the kernel says otherwise: bounding are c0, it said 0"),
    "an interpreter out of reach": (small.interpreter_out_of_reach, "'start_failed' without an answer of the probe"),
    "an account that the gateway has not": (small.account_unknown_to_the_gateway, "account 'alpha', which is not conf"),
    "a user that nobody has": (small.user_unknown_to_the_system, "the request ended with 1: setpriv: failed to parse"),
}
LIARS = {"all was allowed", "all was denied", "nothing was permitted", "it says that it is less"}


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """The small target with nothing broken: what is selected passes, and takes so long on this machine."""
    folder = tmp_path_factory.mktemp("sound")
    return running.run(str(small.write(folder)), *SELECTED, folder=folder)


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_target_is_undecided_for_a_reason_that_is_said(wallbite: Wallbite, name: str, sound: Done) -> None:
    """Exit 3, no failure, the reason in the verdicts, in bounded time and memory, and no process is left."""
    change, reason = BROKEN[name]
    done = wallbite(*(SELECTED if name in LIARS else ONE_CASE), change=change)
    assert done.code == ExitCode.UNDECIDED, done.error
    assert done.seconds < sound.seconds + small.WITHIN + GRACE
    assert done.largest < MEMORY
    assert done.left == ()
    verdicts = done.verdicts
    assert {verdict[4] for verdict in verdicts} == {"inconclusive"}
    assert any(reason in verdict[5] for verdict in verdicts), verdicts


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
