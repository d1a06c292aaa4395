"""Talking to a running gateway, as root in its stage: HTTP requests, commands, and what it says of a job."""

from __future__ import annotations

import http.client
import json
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from wallbite.installation.environment import own_environment
from wallbite.installation.installation import OUTPUT, Installation
from wallbite.installation.jobs import JobState
from wallbite.installation.logged import logged_state
from wallbite.target import Request

BOUND: Final = 8 << 20  # bytes of an answer that are read
SAID: Final = 2000  # bytes of what a command prints that are read
TICK: Final = 0.005  # seconds between two questions about a job: its end is announced to nobody


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: the HTTP status (or a command's exit code), and the JSON of the body if it was some."""

    status: int
    body: Any


def ask(installation: Installation, request: Request, values: Mapping[str, Any], timeout: float = 10.0) -> Reply:
    """Make one request with these placeholders filled in.

    Raises:
        OSError: nobody answers, or not in time.
    """
    if request.command:
        return _run(installation, request, values, timeout)
    url = str(installation.expanded(request.url, **values))
    body = None if request.body is None else installation.expanded(request.body, **values)
    return http_request(request.method, url, installation.expanded(dict(request.headers), **values), body, timeout)


def _run(installation: Installation, request: Request, values: Mapping[str, Any], timeout: float) -> Reply:
    """A request that is a command. What it prints goes to no pipe: who holds that would hold the harness."""
    argv = [str(part) for part in installation.expanded(list(request.command), **values)]
    with tempfile.TemporaryFile(dir=OUTPUT) as output:
        try:
            done = subprocess.run(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                timeout=timeout,
                check=False,
                cwd="/",
                env=own_environment(installation),
            )
        except subprocess.TimeoutExpired as error:
            raise OSError(f"{argv[0]} did not end within {timeout:g} s") from error
        output.seek(0)
        return Reply(done.returncode, output.read(SAID).decode("utf-8", "backslashreplace"))


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
    """Ask about a job, or look for it in the log that tells of it, until it is finished, or the time is over."""
    assert installation.target.spawn is not None
    if installation.target.spawn.logged is not None:
        return logged_state(installation, installation.target.spawn.logged, job, within)
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
