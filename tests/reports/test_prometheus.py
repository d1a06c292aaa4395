"""Metrics that Prometheus' own client reads."""

from __future__ import annotations

from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from wallbite.reports import render


def samples_of(folder: Path) -> list[Sample]:
    """Every sample, as the client reads them."""
    families = text_string_to_metric_families(render(folder, "prometheus"))
    return [one for family in families for one in family.samples]


@pytest.mark.parametrize("name", ["failing", "hostile", "large"])
def test_it_is_read_by_prometheus_client(name: str, request: pytest.FixtureRequest) -> None:
    """Every name has our prefix, and every sample says of which target it is."""
    found = samples_of(request.getfixturevalue(name))
    assert {one.name.partition("_")[0] for one in found} == {"wallbite"}
    assert len({one.labels["target"] for one in found}) == 1
    keys = [(one.name, tuple(sorted(one.labels.items()))) for one in found]
    assert len(keys) == len(set(keys))


def test_what_is_open_is_named(failing: Path) -> None:
    """Each failing or inconclusive requirement with its level, and the posture of its verdicts."""
    found = samples_of(failing)
    shown = {
        (one.labels["requirement"], one.labels["level"], one.labels["verdict"])
        for one in found
        if one.name == "wallbite_requirement_open"
    }
    assert ("BOOT-10", "SHOULD", "fail") in shown
    assert ("DROP-01", "MUST", "inconclusive") in shown
    assert len(shown) == 5
    verdicts = [one for one in found if one.name == "wallbite_verdicts"]
    assert sum(one.value for one in verdicts) == 315


def test_when_it_ran(failing: Path) -> None:
    """As seconds since the epoch: an alert for a run that is too old needs it."""
    found = {one.name: one.value for one in samples_of(failing)}
    assert found["wallbite_run_finished_timestamp_seconds"] == 1767323055
