"""What lies on disk: modes made right or refused, logs, backups."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tarfile
from collections.abc import Callable

import pytest

from tests.gateway.conftest import ALPHA, GATEWAY, Layout, Running, launch, refused
from wallbite.stages import acl

Boot = Callable[..., Running]


def test_what_is_loose_is_tightened(layout: Layout, boot: Boot) -> None:
    """Directories and files of the gateway's own get exactly their mode; the side files of the database too."""
    for name in ("etc", "etc/secret", "var/state", "log", "run", "backups"):
        (layout.top / name).chmod(0o755)
    for name in ("var", "var/accounts"):
        (layout.top / name).chmod(0o755)
    gateway = boot()
    gateway.signal(signal.SIGUSR1, "log rotated")
    modes = {str(path.relative_to(layout.top)): path.lstat().st_mode & 0o7777
             for name in ("etc", "log", "run", "backups", "var/state")
             for path in (layout.top / name, *(layout.top / name).iterdir())}  # fmt: skip
    assert modes == {
        "etc": 0o700, "etc/config.yaml": 0o600, "etc/secret": 0o700, "log": 0o700, "log/gateway.log": 0o600,
        "log/gateway.log.1": 0o600, "run": 0o700, "run/gateway.pid": 0o600, "run/control.sock": 0o600,
        "backups": 0o700, "var/state": 0o700, "var/state/state.db": 0o600, "var/state/state.db-wal": 0o600,
        "var/state/state.db-shm": 0o600,
    }  # fmt: skip
    assert [(layout.top / name).stat().st_mode & 0o777 for name in ("var", "var/accounts")] == [0o711, 0o711]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda top: (top / "etc/secret/age.key").chmod(0o640),
        lambda top: (top / "etc").chmod(0o777),
        lambda top: os.chown(top / "run", ALPHA, ALPHA),
        lambda top: (top / "var/state/state.db").symlink_to("/etc/passwd"),
        lambda top: os.mkfifo(top / "log/gateway.log"),
        lambda top: (top / "var/accounts/beta").chmod(0o750),
        lambda top: (top / "var/accounts/beta").rmdir(),
        lambda top: os.chown(top / "var/accounts/beta", ALPHA, ALPHA),
        lambda top: (top / "plugins/plain").chmod(0o777),
    ],
    ids=["key", "config-directory", "foreign", "link", "pipe", "loose-account", "no-account-directory",
         "foreign-account", "plugin"],
)  # fmt: skip
def test_what_cannot_be_put_right_is_refused_and_nothing_is_changed(layout: Layout, spoil: Callable[..., None]) -> None:
    """One bad place of many: what could have been tightened stays as it was."""
    (layout.top / "backups").chmod(0o755)
    spoil(layout.top)
    refused(layout)
    assert (layout.top / "backups").stat().st_mode & 0o777 == 0o755
    assert not (layout.top / "run/gateway.pid").exists()


def test_no_archive_holds_the_key(layout: Layout, boot: Boot) -> None:
    """Nor by a hard link among the plugins; and an archive that is there is not written over."""
    boot()
    os.link(layout.top / "etc/secret/age.key", layout.top / "plugins/plain/data")
    to = layout.top / "backups/all.tar"
    verb = ("backup", "--config", str(layout.file), "--scope", "all", "--to", str(to))
    first = launch(layout, "ambient-caps", *verb)
    assert (first.communicate(timeout=20)[0], first.returncode) == ("", 0)
    assert (to.stat().st_mode & 0o7777, to.stat().st_uid) == (0o600, GATEWAY)
    assert b"the very key" not in to.read_bytes()
    with tarfile.open(to) as archive:
        member = archive.extractfile("manifest.json")
        assert member is not None
        manifest = json.load(member)
    assert str(layout.top / "plugins/plain/data") in [each["path"] for each in manifest["excluded"]]
    assert "state/state.db" in [each["name"] for each in manifest["members"]]
    second = launch(layout, "ambient-caps", *verb)
    assert "File exists" in second.communicate(timeout=20)[0]


def test_verbs_gain_nothing(layout: Layout) -> None:
    """An account that runs `check` is stopped where it would be without it."""
    layout.write()
    verb = layout.command("check", "--config", str(layout.file))
    ran = subprocess.run(verb, user=ALPHA, group=ALPHA, extra_groups=[], check=False, capture_output=True, text=True)
    assert (ran.returncode, "Permission denied" in ran.stderr) == (1, True)


def test_http_needs_a_token(boot: Boot) -> None:
    """All but /healthz, whatever the path."""
    gateway = boot()
    for path in ("/job/1", "/events", "/job-logs?job_id=1", "/nothing"):
        assert gateway.ask("GET", path, token="")[0] == 401
        assert gateway.ask("GET", path, token="of another")[0] == 401  # noqa: S106
    assert gateway.ask("POST", "/plugin/plain/handle", {}, token="")[0] == 401
    assert gateway.ask("GET", "/job/1")[0] == 404


@pytest.mark.parametrize("place", ["etc/config.yaml", "var/state/state.db"])
def test_a_directory_in_a_files_place_ends_no_gateway(layout: Layout, boot: Boot, place: str) -> None:
    """A reload is refused, and the gateway goes on."""
    gateway = boot()
    (layout.top / place).rename(layout.top / "away")
    (layout.top / place).mkdir()
    gateway.signal(signal.SIGHUP, "reload refused")
    assert gateway.ask("GET", "/healthz", token="")[0] == 200


def test_access_lists_are_dropped_and_given_back(layout: Layout, boot: Boot) -> None:
    """As a part of the mode: a refusal leaves them, a start removes them."""
    acl.grant(str(layout.top / "backups"), ALPHA, 0o5)
    (layout.top / "var/accounts/beta").chmod(0o750)
    refused(layout)
    assert acl.names(str(layout.top / "backups")) == [acl.ACCESS]
    (layout.top / "var/accounts/beta").chmod(0o700)
    boot()
    assert acl.names(str(layout.top / "backups")) == []
