"""Checks: what binds them, and that nothing is green without evidence and control."""

from __future__ import annotations

from collections.abc import Iterator

from wallbite import catalogue, checks, tables
from wallbite.catalogue import Requirement
from wallbite.checks import Bench, Check, check
from wallbite.facts import Facts, Setting
from wallbite.observation import Observation
from wallbite.verdict import Ruling, Verdict


def setting(**changes: object) -> Setting:
    """A setting with one account, one posture and no surface."""
    values = {
        "target": "t", "stage": "namespace", "accounts": ("alpha",), "postures": ("root",), "surfaces": (), "paths": (),
        "excused": {}, "declared": {},
    }  # fmt: skip
    return Setting(**{**values, **changes})  # type: ignore[arg-type]  # a test's shorthand


def seen(**changes: object) -> Observation:
    """An observation by root of the harness."""
    values = {
        "case": "c", "kind": "walls", "posture": "root", "vantage": "harness", "account": "root", "step": "before",
        "operation": "read", "object": "x", "errno": "OK", "id": "o1",
    }  # fmt: skip
    return Observation(**{**values, **changes})  # type: ignore[arg-type]  # a test's shorthand


def requirement() -> Requirement:
    """One that applies in the root posture."""
    return catalogue.load().requirements["DROP-01"]


def bench(*observations: Observation) -> Bench:
    """A bench for it."""
    return Bench(requirement(), Facts(setting(), observations, {}), ("walls",))


def test_a_pass_without_its_control_is_inconclusive() -> None:
    """A denial alone proves nothing."""
    assert bench().passed("fine", [seen()], None).ruling is Ruling.INCONCLUSIVE


def test_a_pass_without_evidence_is_inconclusive() -> None:
    """Nothing is green by not running."""
    assert bench().passed("fine", [], seen()).ruling is Ruling.INCONCLUSIVE


def test_a_pass_names_its_evidence_and_its_control() -> None:
    """What an auditor asks for."""
    verdict = bench().passed("fine", [seen(id="o1")], seen(id="o2"))
    assert (verdict.ruling, verdict.evidence, verdict.control) == (Ruling.PASS, ("o1",), "o2")


def test_a_check_that_breaks_is_inconclusive_never_a_fail() -> None:
    """A crash of ours is not a finding."""

    @check("DROP-01", needs=("walls",))
    def broken(bench: Bench) -> Iterator[Verdict]:
        yield bench.failed("never reached" if 1 / 0 else "", [])

    verdicts = checks.judge([requirement()], Facts(setting(), (), {}), {"DROP-01": broken})
    assert [each.ruling for each in verdicts] == [Ruling.INCONCLUSIVE]
    assert "ZeroDivisionError" in verdicts[0].reason


def test_a_requirement_without_a_check_is_inconclusive() -> None:
    """Deleting a check never makes anything green."""
    verdicts = checks.judge([requirement()], Facts(setting(), (), {}), {})
    assert [each.ruling for each in verdicts] == [Ruling.INCONCLUSIVE]


def test_a_check_that_says_nothing_is_inconclusive() -> None:
    """Silence is not consent."""

    @check("DROP-01", needs=("walls",))
    def silent(_bench: Bench) -> Iterator[Verdict]:
        yield from ()

    verdicts = checks.judge([requirement()], Facts(setting(), (), {}), {"DROP-01": silent})
    assert [each.ruling for each in verdicts] == [Ruling.INCONCLUSIVE]


def test_an_excuse_is_not_applicable_with_its_reason() -> None:
    """What a target declares is listed, not hidden."""
    facts = Facts(setting(excused={"DROP": "it drops nothing"}), (), {})
    verdict = checks.judge([requirement()], facts, {})[0]
    assert (verdict.ruling, verdict.reason) == (Ruling.NOT_APPLICABLE, "it drops nothing")


def test_every_requirement_has_exactly_one_check_and_every_check_a_requirement() -> None:
    """The catalogue and the checks name the same ids, but for those that are judged by their parts."""
    assert set(checks.load()) == {each.id for each in catalogue.load().requirements.values() if not each.parts}


def test_no_check_passes_on_nothing_observed() -> None:
    """Every check, given no observation at all, says inconclusive in every posture."""
    postures = ("root", "ambient-caps", "file-caps", "unprivileged")
    facts = Facts(setting(postures=postures, paths=("handle",), declared=DECLARED), (), tables.load())
    for verdict in checks.judge(catalogue.load().requirements.values(), facts, checks.load()):
        assert verdict.ruling in {Ruling.INCONCLUSIVE, Ruling.NOT_APPLICABLE}, verdict


DECLARED = {"scratch": [], "loopback": ["/x"], "storm": 1, "refusals": {"drop": "d"}, "program": "/p"}


def test_a_check_belongs_to_the_module_that_it_is_written_in() -> None:
    """So that a report can say where it stands."""
    assert all("test_" in found.module for found in checks.load().values())


def test_a_check_sees_no_kind_of_case_that_it_does_not_need() -> None:
    """Two kinds of case may call different things by the same name."""
    one = {"posture": "root", "vantage": "harness", "account": "root", "step": "s", "operation": "raced", "object": "x"}
    mine, other = (Observation(case="c", kind=kind, errno=None, id=kind, seen={}, **one) for kind in ("modes", "races"))
    facts = Facts(setting(), (mine, other), {})
    assert facts.find("root", "raced") == [mine, other]
    assert facts.of(["modes"]).find("root", "raced") == [mine]


def test_an_invariant_reads_what_was_run_for_others() -> None:
    """A kind that it reads is seen where it is there; one that it names nowhere is not."""
    one = {"posture": "root", "vantage": "harness", "account": "root", "step": "s", "operation": "o", "object": "x"}
    kinds = ("walls", "matrix", "races")
    facts = Facts(setting(), [Observation(case="c", kind=k, errno=None, id=k, seen={}, **one) for k in kinds], {})

    def judge(bench: Bench) -> Iterator[Verdict]:
        yield bench.failed(" ".join(each.kind for each in bench.facts.find("root", "o")), ())

    bound = Check(("DROP-01",), ("walls",), judge, "m", ("matrix",))
    assert [one.reason for one in bound.judge(requirement(), facts)] == ["walls matrix"]


def test_a_case_that_gave_up_never_shows_that_all_is_well() -> None:
    """What it saw before it stopped passes; the requirement does not."""
    stopped = seen(operation="case", object="case", errno=None, seen={"problem": "no answer to SIGHUP"}, id="o2")

    def judge(bench: Bench) -> Iterator[Verdict]:
        (one,) = bench.facts.find("root", "read")
        yield bench.passed("closed", [one], one, posture="root")

    bound = Check(("DROP-01",), ("walls",), judge, "m")
    found = checks.judge([requirement()], Facts(setting(), [seen(), stopped], {}), {"DROP-01": bound})
    assert [one.ruling for one in found] == [Ruling.PASS, Ruling.INCONCLUSIVE]
    assert found[1].reason == "c did not come to its end: no answer to SIGHUP"
