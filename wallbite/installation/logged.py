"""Jobs that only a log tells of.

Such a job is named PLUGIN@BYTE: it is what the log says of that plugin from that byte on.
"""

from __future__ import annotations

import time
from typing import Final

from wallbite.installation.gateway import read_bounded, size_of
from wallbite.installation.installation import Installation
from wallbite.installation.jobs import JobState
from wallbite.target.running import JobLog, pattern_of

TICK: Final = 0.05  # seconds between two looks at the log


def name_job(installation: Installation, plugin: str) -> str:
    """The name of the job that is about to be asked for."""
    terms = installation.target.spawn.logged if installation.target.spawn else None
    return f"{plugin}@{size_of(_path(installation, terms)) if terms else 0}"


def plugin_of(job: str) -> str:
    """The plugin of a job that is named so; empty for any other job."""
    return job.rpartition("@")[0]


def logged_state(installation: Installation, terms: JobLog, job: str, within: float) -> JobState:
    """Read the log until it tells of the job's end, or the time is over."""
    deadline = time.monotonic() + within
    while True:
        state = _state(terms, plugin_of(job), read_bounded(_path(installation, terms), int(job.rpartition("@")[2])))
        if state.finished or time.monotonic() > deadline:
            return state
        time.sleep(TICK)


def _state(terms: JobLog, plugin: str, text: str) -> JobState:
    ended = (status for status, pattern in terms.ends.items() if pattern_of(pattern, plugin=plugin).search(text))
    status = next(ended, "")
    error = pattern_of(terms.error, plugin=plugin).search(text) if terms.error else None
    return JobState(
        finished=bool(status),
        status=status,
        attempts=len(pattern_of(terms.attempt, plugin=plugin).findall(text)),
        error=error[1] if error and error.groups() else "",
    )


def _path(installation: Installation, terms: JobLog) -> str:
    return str(installation.expanded(terms.file))
