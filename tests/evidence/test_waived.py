"""What waivers come to: real results stay, expired and stale ones are told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.evidence import samples
from wallbite.evidence.reader import read
from wallbite.evidence.summary import Summary, summarise
from wallbite.evidence.waived import WaiverState
from wallbite.exits import ExitCode
from wallbite.verdict import Level, Outcome, Ruling, Verdict
from wallbite.waivers import Waiver

DAY = "2026-06-01"
LEVELS = {"A-1": Level.MUST, "A-2": Level.MUST, "A-3": Level.SHOULD}
PASSES = Verdict("A-2", Ruling.PASS, "fine", "root")
FAILS = Verdict("A-1", Ruling.FAIL, "open", "root", "alpha")


def waiver(requirement: str = "A-1", expires: str = "2026-12-31", **more: Any) -> Waiver:
    """A waiver that Ada answers for."""
    return Waiver(
        requirement=requirement, owner="Ada", justification="j", created="2026-01-01", expires=expires, **more
    )


def total(*verdicts: Verdict, waivers: tuple[Waiver, ...]) -> Summary:
    """Verdicts under waivers, added up."""
    return summarise({**LEVELS, "A-3": Level.SHOULD}, [PASSES, *verdicts], {"A-3": "no"}, waivers, DAY)


def test_a_waived_failure_is_a_failure_that_does_not_decide() -> None:
    """It is counted as what it is, and said."""
    found = total(FAILS, waivers=(waiver(),))
    assert found.outcome is Outcome.CONFORMANT
    assert found.requirements[0].ruling is Ruling.FAIL
    assert found.requirements[0].is_waived
    assert found.requirements[0].reason == "root alpha: open [waived by Ada until 2026-12-31]"
    assert found.line.endswith("(of 3; 2 verdicts) [1 fail is waived: shown, not decisive]")
    assert found.waivers[0].state is WaiverState.IN_FORCE


def test_a_failure_outside_the_scope_decides() -> None:
    """A waiver for alpha says nothing of beta; the reason names what nobody answers for."""
    beta = Verdict("A-1", Ruling.FAIL, "open too", "root", "beta")
    found = total(FAILS, beta, waivers=(waiver(account="alpha"),))
    assert found.outcome is Outcome.NOT_CONFORMANT
    assert not found.requirements[0].is_waived
    assert found.requirements[0].waived == 1
    assert found.requirements[0].reason == "root beta: open too (and 1 more)"


def test_a_waiver_does_not_cover_what_could_not_be_decided_beneath() -> None:
    """The failure is waived, and whether the rest holds is still open."""
    found = total(FAILS, Verdict("A-1", Ruling.INCONCLUSIVE, "hung", "file-caps"), waivers=(waiver(),))
    assert found.outcome is Outcome.UNDECIDED
    assert found.requirements[0].ruling is Ruling.FAIL


@pytest.mark.parametrize("ruling", list(Ruling))
def test_an_expired_waiver_is_not_conformant(ruling: Ruling) -> None:
    """Whatever came of what it was for; it is named with its day."""
    found = total(Verdict("A-1", ruling, "x", "root"), waivers=(waiver(expires="2026-05-31"),))
    assert found.outcome is Outcome.NOT_CONFORMANT
    assert found.waivers[0].state is WaiverState.EXPIRED
    assert "expired on 2026-05-31" in found.waivers[0].detail
    assert "[1 waiver is expired]" in found.line


@pytest.mark.parametrize(
    ("verdict", "detail"),
    [
        (Verdict("A-1", Ruling.PASS, "fine", "root", "alpha"), "passes now"),
        (Verdict("A-1", Ruling.NOT_APPLICABLE, "none", "root", "alpha"), "not applicable"),
        (Verdict("A-1", Ruling.PASS, "fine", "root", "beta"), "no verdict is within its scope"),
    ],
)
def test_a_stale_waiver_must_be_corrected(verdict: Verdict, detail: str) -> None:
    """Passing, not applicable, or never matched: exit 2."""
    found = total(verdict, waivers=(waiver(account="alpha"),))
    assert (found.outcome, found.outcome.code) == (Outcome.WAIVERS_WRONG, ExitCode.USAGE)
    assert detail in found.waivers[0].detail


def test_a_failure_that_nobody_answers_for_comes_before_a_stale_waiver() -> None:
    """Not conformant is the graver thing to say."""
    found = total(FAILS, waivers=(waiver("A-2"),))
    assert found.outcome is Outcome.NOT_CONFORMANT


@pytest.mark.parametrize(
    "verdict",
    [
        Verdict("A-1", Ruling.INCONCLUSIVE, "hung", "root", "alpha"),
        Verdict("A-1", Ruling.INCONCLUSIVE, "the case broke", "root"),  # speaks of every account
        Verdict("A-1", Ruling.INCONCLUSIVE, "the check broke"),
    ],
)
def test_a_waiver_is_not_stale_where_nothing_was_decided(verdict: Verdict) -> None:
    """Who broke the run does not make its waivers useless."""
    found = total(verdict, waivers=(waiver(account="alpha", posture="root"),))
    assert found.outcome is Outcome.UNDECIDED
    assert found.waivers[0].state is WaiverState.IDLE


def test_a_waiver_of_what_was_not_run_is_idle() -> None:
    """A run of one posture keeps its outcome."""
    found = total(Verdict("A-1", Ruling.PASS, "fine", "root"), waivers=(waiver(posture="file-caps", covered=False),))
    assert (found.outcome, found.waivers[0].state) == (Outcome.CONFORMANT, WaiverState.IDLE)


def test_a_run_of_waived_failures_alone_is_conformant() -> None:
    """They count as conformant, and are said."""
    found = summarise({"A-1": Level.MUST}, [FAILS], {}, (waiver(),), DAY)
    assert found.outcome is Outcome.CONFORMANT
    assert "0 pass, 1 fail" in found.line


def test_the_record_keeps_waivers_and_judges_by_its_own_day(tmp_path: Path) -> None:
    """Written, read back, counted in the footer."""
    borne = (
        samples.borne("WALL-01", account="untrusted"),
        samples.borne("WALL-02"),
        samples.borne("BOOT-03", posture="file-caps"),
    )
    written = samples.write(tmp_path / "out", samples.Sample(planted=samples.failing, waivers=borne))
    record = read(tmp_path / "out")
    assert record.header.waivers == borne
    assert record.footer == written.footer
    assert record.footer.counts["waived"] == 3
    assert record.footer.counts["fail"] == 4
    assert record.footer.outcome is Outcome.UNDECIDED  # DROP-01 is; the only other failure is a SHOULD


VERDICTS = st.lists(
    st.builds(
        Verdict,
        st.sampled_from(["A-1", "A-2", "A-3"]),
        st.sampled_from(list(Ruling)),
        st.just("why"),
        st.sampled_from(["root", "file-caps"]),
        st.sampled_from(["alpha", "beta"]),
    ),
    max_size=8,
)
WAIVERS = st.lists(
    st.builds(
        waiver,
        st.sampled_from(["A-1", "A-2", "A-3"]),
        st.sampled_from(["2026-05-31", "2026-12-31"]),
        posture=st.sampled_from(["", "root"]),
        account=st.sampled_from(["", "alpha"]),
        covered=st.booleans(),
    ),
    max_size=3,
)


@given(VERDICTS, WAIVERS)
def test_waivers_change_no_result_and_never_make_an_unwaived_failure_conformant(
    verdicts: list[Verdict], waivers: list[Waiver]
) -> None:
    """The rulings and counts are those without waivers; 0 needs each failing MUST to have its own waiver in force."""
    bare = summarise(LEVELS, verdicts)
    found = summarise(LEVELS, verdicts, {}, tuple(waivers), DAY)
    assert [(item.id, item.ruling) for item in found.requirements] == [
        (item.id, item.ruling) for item in bare.requirements
    ]
    bad = [one for one in verdicts if one.ruling is Ruling.FAIL and LEVELS[one.requirement] is Level.MUST]
    borne = [one for one in bad if any(w.expires >= DAY and w.matches(one) for w in waivers)]
    if found.outcome is Outcome.CONFORMANT:
        assert len(borne) == len(bad)
        assert all(w.expires >= DAY for w in waivers)
        for name in ("A-1", "A-2"):
            rest = {one.ruling for one in verdicts if one.requirement == name}
            assert rest
            assert Ruling.INCONCLUSIVE not in rest
    if len(borne) < len(bad):
        assert found.outcome is Outcome.NOT_CONFORMANT
    if not waivers:
        assert found.outcome is bare.outcome
