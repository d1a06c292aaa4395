"""Whatever can pass can be shown to fail: every seeded fault is noticed, for its reason, and nowhere else."""

from __future__ import annotations

import pytest

from tests.faults.trying import NAMES, RUN, Tried, as_root
from wallbite import catalogue, checks
from wallbite.catalogue import Catalogue
from wallbite.installation import fault as faults
from wallbite.selftest.breadth import few

BREACH = ("BOOT", "DROP", "WALL", "MODE", "FPR", "SECR", "ENV", "BACK")


@pytest.fixture(scope="module")
def known() -> Catalogue:
    """The catalogue."""
    return catalogue.load()


@as_root
@pytest.mark.parametrize("seeded", RUN)
def test_a_fault_is_noticed_for_its_reason_and_nowhere_else(tried: Tried, seeded: str) -> None:
    """Exactly what it names turns red, in exactly these postures; nothing is left undecided."""
    found = tried.judged[seeded]
    assert found.trial.outcome(found.verdicts).problems == ()


def test_every_requirement_has_a_fault_and_a_check(known: Catalogue) -> None:
    """Two faults where a failure would be a breach, one elsewhere; no requirement that nothing judges."""
    leaves = {requirement.id: requirement for requirement in known.requirements.values() if not requirement.parts}
    named = [name for seeded in NAMES for name in faults.load(seeded).noticed_by]
    needed = {name: 2 if one.family in BREACH else 1 for name, one in leaves.items()}
    assert {name: named.count(name) for name, least in needed.items() if named.count(name) < least} == {}
    assert leaves.keys() - checks.load().keys() == set()


@pytest.mark.parametrize("name", NAMES)
def test_a_fault_names_what_exists_and_says_what_it_breaks(known: Catalogue, name: str) -> None:
    """Requirements that can fail in the named postures, one sentence, and a reason for each."""
    one = faults.load(name)
    assert one.breaks.endswith(".")
    assert one.functions or one.layout or one.config or one.texts
    for requirement, given in one.noticed_by.items():
        assert given.reason
        assert set(given.postures) <= set(known.requirements[requirement].postures), requirement


@pytest.mark.parametrize("name", NAMES)
def test_the_few_postures_show_every_notice(name: str) -> None:
    """None of a fault's notices is left out of its run."""
    one = faults.load(name)
    assert all(set(few(one)) & set(given.postures) for given in one.noticed_by.values())
