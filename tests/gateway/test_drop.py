"""The drop: who a plugin is, on each path that starts one."""

from __future__ import annotations

import functools
import marshal
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from gateway import attempt, drop
from gateway.drop import Order

from tests.gateway.conftest import ALPHA, BETA, DEFAULT, GATEWAY, Layout, Running, wait

Boot = Callable[..., Running]


def owner(path: Path) -> int | None:
    """Whose a file is, once it is there."""
    return path.stat().st_uid if path.exists() else None


@pytest.mark.parametrize("posture", ["ambient-caps", "root"])
def test_a_plugin_is_its_account_and_nothing_more(layout: Layout, boot: Boot, posture: str) -> None:
    """Ids, groups, capabilities, descriptors, environment, directory, session."""
    if posture == "root":
        layout.owner = 0
        for path in [layout.top / name for name in ("etc", "var", "log", "run", "backups")]:
            for each in (path, *path.rglob("*")):
                if each.parent.name != "accounts":
                    os.chown(each, 0, 0)
    seen = boot(posture).run("plain")["result"]
    assert seen["Uid"] == seen["Gid"] == [str(ALPHA)] * 4
    assert seen["Groups"] == [str(ALPHA)]
    assert {seen[name][0] for name in ("CapPrm", "CapEff", "CapInh", "CapAmb")} == {"0" * 16}
    assert (seen["NoNewPrivs"], seen["Umask"], seen["descriptors"]) == (["1"], ["0077"], [0, 1, 2])
    assert seen["leader"]
    home = str(layout.top / "var/accounts/alpha")
    assert (seen["cwd"], seen["environment"]["HOME"], seen["environment"]["XDG_CACHE_HOME"]) == (home, home, home)


def test_every_path_lands_on_the_account(layout: Layout, boot: Boot) -> None:
    """Commands, alias, no grant, init, schedule, event, pipeline, retry."""
    gateway = boot()
    for plugin, uid in (("plain", ALPHA), ("other", BETA), ("free", DEFAULT)):
        for command in ("poll", "handle", "health"):
            assert gateway.run(plugin, command)["result"]["Uid"] == [str(uid)] * 4
    retried = gateway.run("other", fail=1)
    assert (retried["attempts"], retried["result"]["Uid"]) == (2, [str(BETA)] * 4)
    gateway.run("plain", events=[{"type": "ping"}, {"type": "tour"}])
    accounts = layout.top / "var/accounts"
    for name, uid in (("alpha/poll.schedule", ALPHA), ("beta/init.init", BETA), ("beta/handle.event", BETA),
                      ("alpha/handle.pipeline", ALPHA), ("beta/handle.pipeline", BETA)):  # fmt: skip
        assert wait(functools.partial(owner, accounts / name)) == uid


def test_a_killed_gateway_takes_its_plugins_along_and_recovers_its_jobs(boot: Boot) -> None:
    """The job runs again after the next start, as the same account."""
    gateway = boot()
    number = gateway.ask("POST", "/plugin/plain/handle", {"payload": {"sleep": 1}})[1]["job_id"]
    wait(lambda: gateway.ask("GET", f"/job/{number}")[1]["status"] == "running")
    gateway.process.kill()
    gateway.process.wait()
    again = boot()
    job = again.job(number)
    assert (job["attempts"], job["result"]["Uid"]) == (2, [str(ALPHA)] * 4)


def test_without_a_tier_a_plugin_without_a_grant_does_not_run(layout: Layout, boot: Boot) -> None:
    """Refused with its own class, once."""
    del layout.config["accounts"]["default"]
    layout.config["plugins"]["free"]["retry"] = {"max_attempts": 3}
    gateway = boot()
    job = gateway.run("free")
    assert (job["attempts"], job["error"]["class"]) == (1, "no_account")
    assert "no account 'default'" in gateway.log()


def test_a_start_error_is_no_failed_drop(layout: Layout, boot: Boot) -> None:
    """A missing interpreter, no program at all, and a directory that cannot be entered."""
    for name, entry in (("no-interpreter", "#!/no/such/program\n"), ("no-program", "neither\n")):
        layout.plugin(name, entry)
        layout.config["plugins"][name] = {"run_as": "alpha"}
    gateway = boot()
    assert gateway.run("no-interpreter")["error"]["class"] == "start_failed"
    assert gateway.run("no-program")["error"]["class"] == "start_failed"
    (layout.top / "var/accounts/alpha").chmod(0)
    assert gateway.run("plain")["error"]["class"] == "start_failed"


def test_a_failed_drop_runs_nothing(tmp_path: Path) -> None:
    """A process that may not change its groups reports the step, and the program is not started."""
    marker = tmp_path / "ran"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {marker}\n")
    program.chmod(0o755)
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        os.setresgid(GATEWAY, GATEWAY, GATEWAY)
        os.setresuid(GATEWAY, GATEWAY, GATEWAY)
        null = os.open(os.devnull, os.O_RDWR)
        drop.become(Order(os.fsencode(program), {}, b"/", ALPHA, ALPHA), [null, null, null, theirs])
    os.close(theirs)
    os.waitpid(child, 0)
    said = marshal.loads(os.read(ours, 4096))  # noqa: S302
    os.close(ours)
    assert said[:2] == ("failed", "groups")
    assert drop.is_failed_drop("groups")
    assert not attempt.Failure("drop_failed", "groups").retry
    assert not marker.exists()


def test_a_reload_that_would_take_the_wall_down_leaves_it(layout: Layout, boot: Boot) -> None:
    """The old configuration stays in force, until one comes that passes."""
    gateway = boot()
    good = layout.config
    layout.config = {**good, "accounts": {}, "plugins": {"plain": {}}, "hooks": [], "pipelines": []}
    layout.write()
    gateway.signal(signal.SIGHUP, "reload refused: ")
    assert gateway.run("plain")["result"]["Uid"] == [str(ALPHA)] * 4
    layout.config = {**good, "plugins": {**good["plugins"], "plain": {"run_as": "beta"}}}
    layout.write()
    gateway.signal(signal.SIGHUP, "reload accepted")
    assert gateway.run("plain")["result"]["Uid"] == [str(BETA)] * 4


def test_under_the_override_nothing_is_dropped_and_each_spawn_says_so(layout: Layout, boot: Boot) -> None:
    """The plugin is the gateway, and no mode is changed."""
    layout.config["service"]["unconfined"] = True
    (layout.top / "log").chmod(0o755)
    gateway = boot()
    assert gateway.run("plain")["result"]["Uid"] == [str(GATEWAY)] * 4
    assert "spawned without a drop" in gateway.log()
    assert "UNCONFINED by service.unconfined" in gateway.log()
    assert (layout.top / "log").stat().st_mode & 0o777 == 0o755
