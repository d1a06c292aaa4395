"""Talking to a running gateway, as root in its stage: HTTP requests, commands, and what it says of a job."""

from __future__ import annotations

import http.client
import json
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from wallbite.installation.installation import Installation
from wallbite.target import Request

BOUND: Final = 8 << 20  # bytes of an answer that are read
TICK: Final = 0.005  # seconds between two questions about a job: its end is announced to nobody


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: the HTTP status (or a command's exit code), and the JSON of the body if it was some."""

    status: int
    body: Any


@dataclass(frozen=True, slots=True)
class JobState:
    """What the gateway says of a job, by the descriptor's names.

    Attributes:
        finished: whether it came to one of its ends.
        status, error: as it names them.
        attempts: how many it says that it made, or None.
    """

    finished: bool
    status: str
    attempts: int | None
    error: str


def ask(installation: Installation, request: Request, values: Mapping[str, Any], timeout: float = 10.0) -> Reply:
    """Make one request with these placeholders filled in.

    Raises:
        OSError: nobody answers.
    """
    if request.command:
        argv = [str(part) for part in installation.expanded(list(request.command), **values)]
        done = subprocess.run(argv, capture_output=True, timeout=timeout, check=False)  # noqa: S603 - the descriptor's
        return Reply(done.returncode, done.stdout[-2000:].decode("utf-8", "backslashreplace"))
    url = str(installation.expanded(request.url, **values))
    body = None if request.body is None else installation.expanded(request.body, **values)
    return http_request(request.method, url, installation.expanded(dict(request.headers), **values), body, timeout)


def http_request(method: str, url: str, headers: Mapping[str, str], body: Any = None, timeout: float = 10.0) -> Reply:
    """One HTTP request to an address in the stage.

    Raises:
        OSError: nobody answers.
    """
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=timeout)
    try:
        data = None if body is None else json.dumps(body)
        sent = {**headers, "Content-Type": "application/json"} if data else dict(headers)
        connection.request(method, parts.path + (f"?{parts.query}" if parts.query else ""), data, sent)
        response = connection.getresponse()
        return Reply(response.status, _json(response.read(BOUND)))
    except http.client.HTTPException as error:
        raise OSError(f"no HTTP answer: {type(error).__name__}") from error
    finally:
        connection.close()


def job_state(installation: Installation, job: str, within: float) -> JobState:
    """Ask about a job until it is finished, or the time is over."""
    assert installation.target.spawn is not None
    terms = installation.target.spawn.job
    assert terms is not None
    deadline = time.monotonic() + within
    while True:
        request = Request(method=terms.method, url=terms.url, headers=terms.headers)
        body = ask(installation, request, {"job": job}).body
        status = str(pick(body, terms.status) or "")
        finished = status in terms.finished
        if finished or time.monotonic() > deadline:
            attempts = pick(body, terms.attempts) if terms.attempts else None
            error = str(pick(body, terms.error) or "") if terms.error else ""
            return JobState(finished, status, attempts if isinstance(attempts, int) else None, error)
        time.sleep(TICK)


def pick(value: Any, path: str) -> Any:
    """The member of nested mappings that a dotted path names, or None."""
    for key in path.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None
