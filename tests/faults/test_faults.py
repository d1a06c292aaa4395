"""Whatever can pass can be shown to fail: every seeded fault is noticed, for its reason, and nowhere else."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from tests.faults.noticing import EVERY, Noticed, cover, few, notice
from wallbite import catalogue, checks
from wallbite.catalogue import Catalogue
from wallbite.installation import fault as faults
from wallbite.options import processors

NAMES = faults.names()
RUN = NAMES if EVERY else cover(NAMES)
SECONDS = 600.0

Noticing = Mapping[str, "Future[Noticed]"]


@pytest.fixture(scope="module")
def noticing(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Noticing]:
    """The runs of all faults that are tested, some at a time: one more than processors, since a run also waits."""
    called = [getattr(item, "callspec", None) for item in request.session.items if item.path == request.path]
    wanted = [
        call.params["seeded"] for call in called if call and "seeded" in call.params
    ]  # by that name, those to run
    folder = tmp_path_factory.mktemp("faults")
    with ProcessPoolExecutor(processors() + 1, mp_context=get_context("spawn")) as pool:
        yield {name: pool.submit(notice, name, folder / name) for name in wanted}
        pool.shutdown(cancel_futures=True)


@pytest.fixture(scope="module")
def known() -> Catalogue:
    """The catalogue."""
    return catalogue.load()


@pytest.mark.skipif(os.geteuid() != 0, reason="a run needs root")
@pytest.mark.parametrize("seeded", RUN)
def test_a_fault_is_noticed_for_its_reason_and_nowhere_else(noticing: Noticing, seeded: str) -> None:
    """Exactly what it names turns red, in exactly these postures; nothing is left undecided."""
    found, expected = noticing[seeded].result(SECONDS), faults.load(seeded).noticed_by
    wanted = {(name, at) for name, given in expected.items() for at in given.postures if at in found.postures}
    assert not found.undecided
    assert {key: reasons for key, reasons in found.failed.items() if key not in wanted} == {}
    assert wanted <= found.failed.keys()
    for name, posture in wanted:
        reasons = found.failed[name, posture]
        assert any(expected[name].reason in reason for reason in reasons), (name, posture, reasons)


def test_every_requirement_has_a_fault_and_a_check(known: Catalogue) -> None:
    """No requirement without a fault that turns it red; no requirement that nothing judges."""
    leaves = {requirement.id for requirement in known.requirements.values() if not requirement.parts}
    assert leaves - {name for seeded in NAMES for name in faults.load(seeded).noticed_by} == set()
    assert leaves - checks.load().keys() == set()


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
