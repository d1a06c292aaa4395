"""Carries the probe in a plugin: one JSON request on stdin, one JSON response on stdout.

Laid down as `entry` beside `probe.py` and `manifest.yaml`. The path of the plan is `payload.plan` or `config.plan` of
the request; the answer goes to the plan's inbox.
"""

# pathlib would cost a third of the start:

from __future__ import annotations

import os
import sys

if False:  # TYPE_CHECKING, without the cost of importing typing
    from types import ModuleType
    from typing import Any, Dict

    Document = Dict[str, Any]

sys.dont_write_bytecode = True  # what is beside a verified program must stay as it was
HERE = os.path.dirname(os.path.realpath(__file__))
REQUEST = 1 << 20  # bytes read of a request


def main() -> int:
    """Answers one request; the exit status is 3 where the plan told a first run to fail."""
    sys.path.insert(0, HERE)
    import probe  # noqa: PLC0415 - late: most probes need none of it, and each costs as much as a start

    sys.path.remove(HERE)  # nothing here stands in for the standard library

    if probe.json is None:
        return respond_text('{"status": "error", "error": "this Python has no json module", "retry": false}')
    who = probe.identity()
    try:
        request = read_request(probe)
        path = find(request, "payload", "plan") or find(request, "config", "plan")
        if not path:
            return respond(probe, {"status": "ok", "result": {"attempts": 0}})
        return carry(probe, request, probe.load(path), who)
    except Exception as error:  # noqa: BLE001
        return respond(probe, {"status": "error", "error": "carrier: " + probe.describe(error), "retry": False})


def read_request(probe: ModuleType) -> Document:
    """The one request."""
    request = probe.json.loads(probe.drain(0, REQUEST).decode("utf-8"))
    if not isinstance(request, dict):
        raise probe.Refused("the request is no object")
    return request


def carry(probe: ModuleType, request: Document, plan: Document, who: Document) -> int:
    """Runs a plan, then does with the response what the plan says."""
    if plan["answer"] != "inbox":
        raise probe.Refused("a plugin's stdout is its response: the plan's answer must be 'inbox'")
    carrier = metadata(probe, request)
    count = probe.answer(plan, carrier, who)
    if not probe.finish(plan, carrier["plugin"]):
        respond(probe, {"status": "error", "error": "told to fail once", "retry": True})
        return probe.FAILED
    result = {"nonce": plan["nonce"], "attempts": count}
    if plan.get("echo"):
        return burst_out(probe, echoed(request, plan["echo"], result), plan["echo"])
    return respond(probe, {"status": "ok", "result": result, **plan.get("respond", {})})


def burst_out(probe: ModuleType, answer: Document, mark: str) -> int:
    """Gives the answer; by a mark that begins with `broken` as no JSON, with `exits` with an exit status of 3."""
    if mark.startswith("broken"):
        os.write(1, mark.encode() + b" ")
    respond(probe, answer)
    return probe.FAILED if mark.startswith("exits") else 0


def echoed(request: Document, mark: str, result: Document) -> Document:
    """A response that tells the secrets of the request wherever something can be told, each time beside a mark.

    A mark that begins with `error` makes it a failure. Part of it goes to stderr, in two writes for each value.
    """
    import base64  # noqa: PLC0415 - late: most probes need none of it, and each costs as much as a start
    import json  # noqa: PLC0415 - late: most probes need none of it, and each costs as much as a start
    import urllib.parse  # noqa: PLC0415 - late: most probes need none of it, and each costs as much as a start

    told: Document = {}
    for name, value in sorted((request.get("secrets") or {}).items()):
        raw = value.encode("utf-8")
        told[name] = [value, raw.hex(), urllib.parse.quote(raw, safe=""), json.dumps({name: value})]
        told[name] += [base64.b64encode(b"." * skip + raw).decode() for skip in range(3)]
        told[name] += [base64.urlsafe_b64encode(raw).decode(), base64.encodebytes(b"." * 50 + raw).decode()]
        for part in (
            mark.encode() + raw[:7],
            raw[7:] + b"\n",
            base64.b64encode(raw) + b"\n",
            raw.hex().encode() + b"\n",
        ):
            os.write(2, part)
    words = [mark, *(text for texts in told.values() for text in texts)]
    answer: Document = {"status": "ok", "result": {**result, "mark": mark, "told": told, mark + words[-1]: words}}
    answer["events"] = [{"type": "echo", "payload": {"mark": mark, "words": words}}]
    answer["logs"] = [{"level": "info", "message": mark + " " + word} for word in words]
    answer["logs"].append({"level": "info", "message": (mark + " ").ljust(4096 - 9, "x") + "".join(words[1:2])})
    answer["state_updates"] = {"mark": mark, "words": words}
    if mark.startswith("error"):
        answer = {"status": "error", "error": " ".join(words), "logs": answer["logs"], "retry": False}
    return answer


def metadata(probe: ModuleType, request: Document) -> Document:
    """What the request says of itself; of its secrets only names, lengths and digests."""
    name = request.get("plugin") or request.get("instance") or os.path.basename(HERE)
    return {
        "plugin": str(name)[:200],
        "job": as_text(request.get("job_id")),
        "command": as_text(request.get("command")),
        "attempt": request.get("attempt") if type(request.get("attempt")) is int else None,
        "secrets": {name: sealed(probe, value) for name, value in (request.get("secrets") or {}).items()},
    }


def sealed(probe: ModuleType, value: Any) -> list[Any]:
    """Length and digest of a secret."""
    import json  # noqa: PLC0415 - late: most probes need none of it, and each costs as much as a start

    plain = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    raw = plain.encode("utf-8", "surrogatepass")
    return [len(raw), probe.digest(raw)]


def as_text(value: Any) -> str | None:
    """A short string, or None."""
    return None if value is None else str(value)[:200]


def find(document: Any, *names: str) -> Any:
    """A value deep in a document, or None."""
    for name in names:
        document = document.get(name) if isinstance(document, dict) else None
    return document


def respond(probe: ModuleType, document: Document) -> int:
    """Prints the response."""
    return respond_text(probe.json.dumps(document))


def respond_text(line: str) -> int:
    """Prints one line and says that all went well."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
