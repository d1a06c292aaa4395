"""Deleting a check is noticed: over kept observations the self-test ends with 4, and a run with 3, whichever it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from tests.faults.trying import Tried, as_root
from wallbite import checks, run
from wallbite.checks import Check
from wallbite.evidence.summary import summarise
from wallbite.exits import ExitCode
from wallbite.problems import EnvironmentProblem
from wallbite.progress import Silent
from wallbite.selftest import whole
from wallbite.selftest.conducting import Judged, judge, replay
from wallbite.selftest.options import SelfTestOptions
from wallbite.selftest.result import SelfTest
from wallbite.selftest.trials import FaultTrial
from wallbite.verdict import Level, Ruling, Verdict

pytestmark = as_root
FUNCTIONS = sorted({check.function.__name__: check for check in checks.load().values()}.items())


def test_every_check_is_deleted_in_turn() -> None:
    """No two checks have one name, so that none hides behind another."""
    assert sum(len(check.requirements) for _, check in FUNCTIONS) == len(checks.load())


@pytest.mark.parametrize("name", [name for name, _ in FUNCTIONS])
def test_the_self_test_ends_with_4(tried: Tried, name: str) -> None:
    """The requirements have no check, and the faults that name them go unnoticed."""
    deleted = dict(FUNCTIONS)[name]
    one = next(each for each in by_size(tried) if set(deleted.requirements) & named(each))
    assert outcome(tried, one).code == ExitCode.CONFORMANT
    without = outcome(tried, delete(one, deleted))
    assert without.code == ExitCode.SELFTEST_FAILED
    said = "\n".join(without.rows[0].outcome.problems)
    for requirement in set(deleted.requirements) & named(one):
        assert f"{requirement} has no check" in without.gaps
        assert f"{requirement} in " in said
        assert "did not notice it: it did not fail" in said


@pytest.mark.parametrize("name", [name for name, _ in FUNCTIONS])
def test_a_run_ends_with_3(tried: Tried, name: str) -> None:
    """Of what fails because of it, and all that passes besides: not conformant with the check, undecided without."""
    deleted = dict(FUNCTIONS)[name]
    one = next(each for each in by_size(tried) if set(deleted.requirements) & named(each))
    about = set(deleted.requirements) & named(one)
    levels = {each.id: each.level for each in one.trial.planned.requirements if each.id in about | passed(one)}
    musts = {each for each in about if levels[each] is Level.MUST}
    expected = ExitCode.NOT_CONFORMANT if musts else ExitCode.CONFORMANT
    assert summarise(levels, of(levels, one)).outcome.code == expected
    without = delete(one, deleted)
    if musts:
        assert summarise(levels, of(levels, without)).outcome.code == ExitCode.UNDECIDED
    else:  # what should be and is not judged would not decide: such a run is not begun
        with pytest.raises(EnvironmentProblem, match="has no check") as raised:
            run.demand_checks(one.trial.planned.requirements, without.trial.planned.checks, {})
        assert raised.value.code == ExitCode.UNDECIDED


def test_what_is_kept_gives_the_same_verdicts_again(tried: Tried) -> None:
    """Replayed from the records, every trial says what it said when it ran."""
    trials = [one.trial for one in tried.judged.values()]
    for again in replay(trials, tried.folder, Silent()):
        assert again.verdicts == tried.judged[again.trial.name].verdicts, again.trial.key


def named(one: Judged) -> set[str]:
    """What a trial's fault names."""
    assert isinstance(one.trial, FaultTrial)
    return set(one.trial.seeded.noticed_by)


def by_size(tried: Tried) -> list[Judged]:
    """The trials, those with few verdicts first."""
    return sorted(tried.judged.values(), key=lambda one: len(one.verdicts))


def passed(one: Judged) -> set[str]:
    """What passed in a trial, in every verdict."""
    bad = {v.requirement for v in one.verdicts if v.ruling in (Ruling.FAIL, Ruling.INCONCLUSIVE)}
    return {v.requirement for v in one.verdicts if v.ruling is Ruling.PASS} - bad


def of(levels: Mapping[str, Level], one: Judged) -> list[Verdict]:
    """The verdicts of a trial on some requirements."""
    return [v for v in one.verdicts if v.requirement in levels]


def outcome(tried: Tried, one: Judged) -> SelfTest:
    """What the self-test says of one trial alone."""
    base = replace(tried.base, checks=one.trial.planned.checks)
    return whole.of(base, SelfTestOptions(select=tuple(sorted(named(one)))), [one], "")


def delete(one: Judged, deleted: Check) -> Judged:
    """A trial as it is judged without one check: every other requirement's verdicts depend on its own check alone."""
    planned = one.trial.planned
    left: Mapping[str, Check] = {id_: check for id_, check in planned.checks.items() if id_ not in deleted.requirements}
    lost = tuple(each for each in planned.requirements if each.id in deleted.requirements)
    trial = replace(one.trial, planned=replace(planned, checks=left))
    again = judge(replace(trial, planned=replace(trial.planned, requirements=lost)), ())
    kept: list[Verdict] = [v for v in one.verdicts if v.requirement not in deleted.requirements]
    return replace(one, trial=trial, verdicts=(*kept, *again))
