"""What a storm carrier wrote: cwd, status, environment, request, end."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any, Final

from wallbite.probing import shapes
from wallbite.probing.carriers import STORM_END
from wallbite.probing.shapes import AnswerProblem

# What the shell adds to its environment by itself. It also leaves out every name that is no shell variable's.
OF_THE_SHELL: Final = frozenset({"PWD", "OLDPWD", "SHLVL", "_"})
_STATUS_END: Final = re.compile(rb"^nonvoluntary_ctxt_switches:\t\d+\n", re.MULTILINE)
_CAPABILITIES: Final = {
    "permitted": "CapPrm",
    "effective": "CapEff",
    "inheritable": "CapInh",
    "ambient": "CapAmb",
    "bounding": "CapBnd",
}


def parse_storm(data: bytes, file_uid: int) -> dict[str, Any]:
    """One storm answer.

    Returns:
        ``uids``, ``gids``, ``groups``, ``caps`` (hex by set), ``no_new_privs``, ``cwd``, ``environment`` (sorted names,
        less what the shell adds), ``directories`` (values of HOME, TMPDIR, XDG_...), ``mark``, ``plugin``, ``job``,
        ``secrets`` (length and digest by name), ``file_uid``.

    Raises:
        AnswerProblem: it is not whole, or not what a storm carrier writes.
    """
    if not data.endswith(STORM_END):
        raise AnswerProblem("the storm's answer is not whole")
    cwd, _, rest = data[: -len(STORM_END)].partition(b"\n")
    ends = _STATUS_END.search(rest)
    if not ends:
        raise AnswerProblem("the storm's answer has no process status")
    names, _, request = rest[ends.end() :].rpartition(b"\0")
    try:
        identity = _identity(rest[: ends.end()])
    except (KeyError, ValueError) as error:
        raise AnswerProblem(f"the storm's process status is malformed: {shapes.short(str(error))}") from None
    return {**identity, "cwd": _text(cwd), **_environment(names), **_request(request), "file_uid": file_uid}


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "backslashreplace")


def _identity(status: bytes) -> dict[str, Any]:
    fields = {name: value.strip() for name, _, value in (line.partition(":") for line in _text(status).split("\n"))}
    return {
        "uids": [int(one) for one in fields["Uid"].split()],
        "gids": [int(one) for one in fields["Gid"].split()],
        "groups": sorted(int(one) for one in fields["Groups"].split()),
        "caps": {name: f"{int(fields[key], 16):016x}" for name, key in _CAPABILITIES.items()},
        "no_new_privs": fields["NoNewPrivs"] == "1",
    }


def _environment(block: bytes) -> dict[str, Any]:
    entries = [one.partition(b"=") for one in block.split(b"\0") if one]
    pairs = [(_text(name), _text(value)) for name, _, value in entries]
    return {
        "environment": sorted(name for name, _ in pairs if name not in OF_THE_SHELL),
        "directories": {name: value for name, value in pairs if name in ("HOME", "TMPDIR") or name.startswith("XDG_")},
    }


def _request(raw: bytes) -> dict[str, Any]:
    request = shapes.document(raw.strip() or b"{}")
    config, secrets = request.get("config"), request.get("secrets")
    return {
        "mark": config.get("mark") if isinstance(config, dict) else None,
        "plugin": request.get("plugin"),
        "job": request.get("job_id"),
        "secrets": {name: _sealed(value) for name, value in secrets.items()} if isinstance(secrets, dict) else {},
    }


def _sealed(value: Any) -> list[Any]:
    raw = (value if isinstance(value, str) else json.dumps(value, sort_keys=True)).encode("utf-8", "surrogatepass")
    return [len(raw), hashlib.sha256(raw).hexdigest()]
