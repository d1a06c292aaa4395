"""Jobs that only a log tells of."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from wallbite.installation.identities import Identities
from wallbite.installation.installation import Installation
from wallbite.installation.jobs import JobState
from wallbite.installation.logged import logged_state, name_job, plugin_of
from wallbite.postures import POSTURES
from wallbite.target import JobLog, load

LINES = {
    "spawned: 'p.1' with pid 7\n": JobState(finished=False, status="", attempts=1, error=""),
    "exited: p.1 (status 3)\nspawned: 'p.1' with pid 8\n": JobState(
        finished=False, status="", attempts=2, error="status 3"
    ),
    "spawned: 'pX1' with pid 9\ngave up: pX1\n": JobState(finished=False, status="", attempts=2, error="status 3"),
    "gave up: p.1\n": JobState(finished=True, status="failed", attempts=2, error="status 3"),
}


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    """A target whose jobs a log tells of."""
    target = load("supervisord")
    assert target.spawn is not None
    terms = JobLog(
        str(tmp_path / "log"),
        attempt="spawned: '{plugin}' with",
        ends={"failed": "gave up: {plugin}"},
        error="exited: {plugin} \\((.*)\\)",
    )
    posture = POSTURES["root"]
    identities = Identities.of(61000, target.identities, posture)
    return Installation(replace(target, spawn=replace(target.spawn, logged=terms)), posture, identities, None)


def state(installation: Installation, job: str) -> JobState:
    """What the log says now."""
    assert installation.target.spawn is not None
    assert installation.target.spawn.logged is not None
    return logged_state(installation, installation.target.spawn.logged, job, 0)


def test_a_job_is_what_the_log_says_from_its_request_on(installation: Installation, tmp_path: Path) -> None:
    """Of that plugin, by its name taken literally; earlier jobs of the same plugin are others."""
    log = tmp_path / "log"
    log.write_text("spawned: 'p.1' with pid 1\ngave up: p.1\n")
    job = name_job(installation, "p.1")
    assert plugin_of(job) == "p.1"
    for line, expected in LINES.items():
        with log.open("a") as file:
            file.write(line)
        assert state(installation, job) == expected


def test_a_log_that_is_not_there_says_nothing(installation: Installation) -> None:
    """The job is not finished, and nothing was tried."""
    job = name_job(installation, "p.1")
    assert state(installation, job) == JobState(finished=False, status="", attempts=0, error="")
