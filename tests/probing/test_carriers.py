"""Carriers speak the plugin protocol and bring the answer to the inbox."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.probing.conftest import ACCOUNT, PYTHON, SIBLING, Scene
from wallbite.probing.answers import AnswerProblem, parse
from wallbite.probing.carriers import COMMANDS, STORM_END, lay_down
from wallbite.probing.inbox import Inbox
from wallbite.probing.plan import Attempt, Plan, plan
from wallbite.probing.storm import parse_storm
from wallbite.problems import UsageProblem

CONTENT = "canary-é"


@pytest.fixture
def inbox(scene: Scene) -> Inbox:
    """An inbox that all can put into."""
    made = Inbox(scene.root / "inbox")
    made.make()
    return made


def request(**members: Any) -> dict[str, Any]:
    """A request as a gateway writes it."""
    return {
        "protocol": 2, "job_id": 17, "plugin": "probe-alpha", "command": "handle", "attempt": 1, "config": {},
        "secrets": {"token": CONTENT}, "state": {}, "payload": {}, "context": {}, **members,
    }  # fmt: skip


def call(entry: Path, document: Any, uid: int = ACCOUNT, **settings: Any) -> subprocess.CompletedProcess[bytes]:
    """Spawns a carrier as a gateway would."""
    text = document if isinstance(document, bytes) else json.dumps(document).encode()
    given = {"user": uid, "group": uid, "extra_groups": [], "cwd": "/", "env": {"HOME": "/h"}, **settings}
    return subprocess.run([str(entry)], input=text, capture_output=True, check=False, timeout=30, **given)


def planned(scene: Scene, inbox: Inbox, **settings: Any) -> tuple[Plan, str]:
    """A plan and its path."""
    made = plan("ab12", [Attempt("read", "file", path=str(scene.closed / "file"))], inbox=str(inbox.path), **settings)
    path = scene.root / "plan"
    path.write_text(made.to_json())
    return made, str(path)


def test_a_plugin_directory_is_laid_down_by_root_and_nothing_is_added_by_running(scene: Scene, inbox: Inbox) -> None:
    """Entry 0755, the rest 0644, the probe's bytecode beside it: code as well, and so there before the first run."""
    where = scene.root / "plugins" / "init-alpha"
    lay_down("plugin", where, "init-alpha", PYTHON)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in where.iterdir()}
    assert modes == {"entry": 0o755, "probe.py": 0o644, "manifest.yaml": 0o644, "__pycache__": 0o755}
    laid = sorted(path.name for path in (where / "__pycache__").iterdir())
    assert (where / "entry").read_text().startswith(f"#!{PYTHON} -IS\n")
    manifest = yaml.safe_load((where / "manifest.yaml").read_text())
    assert (manifest["manifest_spec"], manifest["manifest_version"], manifest["protocol"]) == ("ductile.plugin", 1, 2)
    assert (manifest["name"], manifest["entrypoint"]) == ("init-alpha", "entry")
    assert {one["name"]: one["type"] for one in manifest["commands"]} == {
        "poll": "write", "handle": "write", "health": "read", "init": "write",
    }  # fmt: skip
    _, path = planned(scene, inbox)
    assert call(where / "entry", request(payload={"plan": path}), uid=0).returncode == 0
    assert {path.name for path in where.iterdir()} == modes.keys()
    assert sorted(path.name for path in (where / "__pycache__").iterdir()) == laid
    with pytest.raises(FileExistsError):
        lay_down("plugin", where, "init-alpha", PYTHON)


def test_only_an_init_carrier_has_the_init_command(scene: Scene) -> None:
    """A plugin with it is run at start."""
    lay_down("storm", scene.root / "storm", "storm-alpha", PYTHON)
    manifest = yaml.safe_load((scene.root / "storm" / "manifest.yaml").read_text())
    assert tuple(one["name"] for one in manifest["commands"]) == COMMANDS


@pytest.mark.parametrize("where", ["payload", "config"])
def test_the_plan_is_found_in_payload_or_config(scene: Scene, inbox: Inbox, where: str) -> None:
    """The answer is in the inbox with what the request said; the response is the protocol's."""
    lay_down("plugin", scene.root / "p", "probe-alpha", PYTHON)
    made, path = planned(scene, inbox, respond={"events": [{"type": "x"}]})
    done = call(scene.root / "p" / "entry", request(**{where: {"plan": path}}))
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout) == {
        "status": "ok", "result": {"nonce": "ab12", "attempts": 1}, "events": [{"type": "x"}],
    }  # fmt: skip
    ((_, owner, data),) = inbox.await_answers("ab12", 1, time.monotonic() + 5)
    answer = parse(data, made, owner_uid=owner)
    assert (owner, answer.results[0].errno) == (ACCOUNT, "EACCES")
    assert answer.who["descriptors"][0][0] == 0
    assert [number for number, _ in answer.who["descriptors"]] == [0, 1, 2]
    raw = CONTENT.encode()
    assert answer.carrier == {
        "plugin": "probe-alpha", "job": "17", "command": "handle", "attempt": 1,
        "secrets": {"token": [len(raw), hashlib.sha256(raw).hexdigest()]},
    }  # fmt: skip
    assert raw not in data


def test_without_a_plan_it_is_fine_and_says_that_it_did_nothing(scene: Scene) -> None:
    """A health check of a gateway's own must not fail."""
    lay_down("plugin", scene.root / "p", "probe-alpha", PYTHON)
    done = call(scene.root / "p" / "entry", request())
    assert json.loads(done.stdout) == {"status": "ok", "result": {"attempts": 0}}


@pytest.mark.parametrize(
    "sent", [b"", b"[", b"\xff", b"[]", b'{"payload": {"plan": "/nowhere"}}', b'{"payload": {"plan": 7}}']
)
def test_what_is_no_request_is_an_error_response(scene: Scene, sent: bytes) -> None:
    """One JSON response, no traceback."""
    lay_down("plugin", scene.root / "p", "probe-alpha", PYTHON)
    done = call(scene.root / "p" / "entry", sent)
    assert done.stderr == b""
    assert (json.loads(done.stdout)["status"], json.loads(done.stdout)["retry"]) == ("error", False)


def test_a_first_run_fails_with_a_retry(scene: Scene, inbox: Inbox) -> None:
    """Once for each plugin: an alias has a first run of its own."""
    lay_down("plugin", scene.root / "p", "probe-alpha", PYTHON)
    _, path = planned(scene, inbox, first="fail")
    entry, document = scene.root / "p" / "entry", request(payload={"plan": path})
    first, second = call(entry, document), call(entry, document)
    assert (first.returncode, json.loads(first.stdout)["status"], json.loads(first.stdout)["retry"]) == (
        3,
        "error",
        True,
    )
    assert (second.returncode, json.loads(second.stdout)["status"]) == (0, "ok")
    assert call(entry, {**document, "plugin": "other"}).returncode == 3
    assert len(inbox.await_answers("ab12", 3, time.monotonic() + 5)) == 3


@pytest.mark.parametrize("interpreter", ["python3", "/a b/python", "/" + "x" * 200])
def test_an_interpreter_that_no_first_line_can_hold_is_refused(scene: Scene, interpreter: str) -> None:
    """The kernel would cut it or split it, and the spawn would fail as if denied."""
    with pytest.raises(UsageProblem, match="first line"):
        lay_down("plugin", scene.root / "p", "p", interpreter)


def test_a_storm_tells_who_it_is_in_one_file(scene: Scene, inbox: Inbox) -> None:
    """Ids, cwd, environment, mark, job and secrets of each, from many at once."""
    lay_down("storm", scene.root / "s", "storm-alpha", PYTHON, inbox=str(inbox.path))

    def spawn(at: int) -> subprocess.CompletedProcess[bytes]:
        document = request(job_id=at, plugin=f"storm-{at % 2}", config={"mark": f"mark-{at % 2}"})
        folder = scene.root / ("open" if at % 2 else "s")
        settings: dict[str, Any] = {"cwd": str(folder), "env": {"HOME": "/h", "ODD": "1\n2"}}
        return call(scene.root / "s" / "entry", document, (ACCOUNT, SIBLING)[at % 2], **settings)

    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(spawn, range(40)))
    assert {(one.returncode, one.stdout, one.stderr) for one in done} == {(0, b'{"status":"ok"}\n', b"")}
    letters = inbox.await_storm(40, time.monotonic() + 10)
    found = {}
    for _, owner, data in letters:
        one = parse_storm(data, owner)
        found[one["job"]] = one
    assert sorted(found) == list(range(40))
    for at, one in found.items():
        uid = (ACCOUNT, SIBLING)[at % 2]
        assert (one["uids"], one["gids"], one["groups"], one["file_uid"]) == ([uid] * 4, [uid] * 4, [], uid)
        assert (one["mark"], one["plugin"]) == (f"mark-{at % 2}", f"storm-{at % 2}")
        assert one["cwd"] == str(scene.root / ("open" if at % 2 else "s"))
        assert (one["environment"], one["directories"]) == (["HOME", "ODD"], {"HOME": "/h"})
        assert int(one["caps"]["effective"], 16) == 0
        assert one["secrets"]["token"][0] == len(CONTENT.encode())
        assert not one["no_new_privs"]


def test_a_storm_without_environment_or_room_is_told(scene: Scene, inbox: Inbox) -> None:
    """An empty environment is empty; an inbox that is not there is an error, and no answer."""
    lay_down("storm", scene.root / "s", "storm-alpha", PYTHON, inbox=str(inbox.path))
    assert call(scene.root / "s" / "entry", request(), env={}).returncode == 0
    ((_, owner, data),) = inbox.await_storm(1, time.monotonic() + 5)
    assert parse_storm(data, owner)["environment"] == []
    lay_down("storm", scene.root / "t", "storm-alpha", PYTHON, inbox="/nowhere")
    done = call(scene.root / "t" / "entry", request())
    assert done.returncode
    assert not done.stdout


@pytest.mark.parametrize(
    "data", [b"", b"/\n", STORM_END, b"/\nUid:\t1\n" + STORM_END, b"/\nnonvoluntary_ctxt_switches:\t1\n" + STORM_END]
)
def test_half_a_storm_is_no_answer(data: bytes) -> None:
    """Cut or foreign, it is refused."""
    with pytest.raises(AnswerProblem):
        parse_storm(data, os.getuid())
