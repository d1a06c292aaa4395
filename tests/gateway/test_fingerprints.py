"""Fingerprints: what counts as a change, who may lock, and what runs while code changes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from gateway.code import fingerprints
from gateway.code.records import Records
from gateway.code.snapshots import Snapshots
from gateway.refusal import Refusal

from tests.gateway.conftest import ALPHA, DEFAULT, GATEWAY, Layout, Running, launch

Boot = Callable[..., Running]
UNTRUSTED = 61104


@pytest.fixture
def verifying(layout: Layout) -> Layout:
    """A layout in which plugins are verified, none of them locked."""
    tier = layout.top / "var/accounts/untrusted"
    tier.mkdir()
    layout.own(tier, 0o700, UNTRUSTED)
    layout.config["accounts"]["untrusted"] = {"uid": UNTRUSTED, "gid": UNTRUSTED, "state_dir": str(tier)}
    layout.config["service"]["admission"] = {"verify_plugins": True}
    layout.config["snapshot_dir"] = str(layout.top / "var/snapshots")
    layout.config["plugins"]["holder"] = {"uses": "plain", "run_as": "alpha", "principal": "the-holder"}
    (layout.top / "var/snapshots").mkdir()
    layout.own(layout.top / "var/snapshots", 0o711)
    layout.own(layout.top / "var", 0o711)
    layout.write()
    return layout


def lock(layout: Layout, *plugins: str, posture: str = "unprivileged") -> tuple[int, str]:
    """Run the verb."""
    process = launch(layout, posture, "lock", "--config", str(layout.file), *plugins)
    said = process.communicate(timeout=10)[0]
    return process.returncode, said


def uid(gateway: Running, plugin: str) -> int:
    """Who a plugin runs as."""
    job = gateway.run(plugin)
    assert job["status"] == "succeeded", job
    return int(job["result"]["Uid"][0])


def test_locked_bytes_keep_their_account_and_others_lose_it(verifying: Layout, boot: Boot) -> None:
    """Unchanged, never locked, changed, locked again; the running gateway needs no reload."""
    assert lock(verifying, "plain", "holder")[0] == 0
    gateway = boot()
    assert (uid(gateway, "plain"), uid(gateway, "other")) == (ALPHA, UNTRUSTED)
    (verifying.top / "plugins/plain/module.py").write_text("")
    assert uid(gateway, "plain") == UNTRUSTED
    job = gateway.run("holder")
    assert (job["error"]["class"], job["attempts"]) == ("fingerprint_mismatch", 1)
    assert lock(verifying)[0] == 0
    assert (uid(gateway, "plain"), uid(gateway, "holder"), uid(gateway, "free")) == (ALPHA, ALPHA, DEFAULT)
    kinds = [event["type"] for event in gateway.ask("GET", "/events")[1]["events"]]
    assert {"gateway.downgraded", "gateway.fingerprint_mismatch"} <= set(kinds)
    assert len(list((verifying.top / "var/snapshots").iterdir())) == 2  # of two directories of code, whoever uses them


def test_without_the_tier_nothing_runs(verifying: Layout, boot: Boot) -> None:
    """Refused as such, not as a failed drop."""
    del verifying.config["accounts"]["untrusted"]
    job = boot().run("other")
    assert (job["error"]["class"], job["attempts"]) == ("no_tier", 1)


def test_only_the_owner_locks(verifying: Layout) -> None:
    """Neither an account with a configuration of its own, nor root for a gateway that is not root's."""
    own = verifying.top / "own.yaml"
    shutil.copy(verifying.file, own)
    own.chmod(0o644)
    command = [*verifying.command("lock"), "--config", str(own)]
    told = subprocess.run(command, user=ALPHA, group=ALPHA, check=False, capture_output=True, text=True)
    assert told.returncode == 1, told
    assert lock(verifying, posture="root") == (1, f"refused: {verifying.top}/var/state: only its owner locks plugins\n")
    assert not (verifying.top / "var/state/locks.json").exists()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text.replace('"schema": "1"', '"schema": 0'),
        lambda text: text.replace('"seal": "', '"seal": "0'),
        lambda text: text[: len(text) // 2],
        lambda _: "[]",
        lambda _: '{"schema": "1", "records": {"plain": {"root": 1, "fingerprint": [], "seal": null}}}',
        lambda _: "[" * 100_000,
        lambda _: "",
    ],
)
def test_what_is_no_whole_record_is_none(tmp_path: Path, spoil: Callable[[str], str]) -> None:
    """Never an error, never a match."""
    records = Records(str(tmp_path / "state.db"))
    records.lock({"plain": ("/code", "f")})
    assert records.mismatch("plain", "/code", "f") == ""
    assert [bool(records.mismatch(*one)) for one in (("plain", "/other", "f"), ("other", "/code", "f"))] == [True] * 2
    file = tmp_path / "locks.json"
    file.write_text(spoil(file.read_text()))
    assert records.mismatch("plain", "/code", "f")
    records.lock({"plain": ("/code", "g")})
    assert records.mismatch("plain", "/code", "g") == ""
    (tmp_path / "locks.key").write_bytes(os.urandom(32))
    assert records.mismatch("plain", "/code", "g")


def code(folder: Path) -> Path:
    """A directory of code, with everything that a fingerprint covers."""
    (folder / "lib").mkdir(parents=True)
    (folder / "entry").write_text(f"#!{folder.parent}/interpreter -x\n")
    (folder / "entry").chmod(0o755)
    (folder / "lib/native.so").write_bytes(b"\x7fELF")
    (folder.parent / "interpreter").write_bytes(b"\x7fELF of an interpreter")
    (folder.parent / "led-to").write_text("led to")
    for path in (folder.parent / "interpreter", folder.parent / "led-to", folder / "lib/native.so"):
        path.chmod(0o755)
    (folder / "link").symlink_to(folder.parent / "led-to")
    return folder


@pytest.fixture
def place() -> Iterator[Path]:
    """A place that every account may enter."""
    top = Path("/run") / f"fingerprints-{os.getpid()}-{time.monotonic_ns()}"
    top.mkdir(0o755)
    yield top
    shutil.rmtree(top)


CHANGES: dict[str, Callable[[Path], object]] = {
    "bytes": lambda root: (root / "lib/native.so").write_bytes(b"\x7fELf"),
    "entrypoint": lambda root: (root / "entry").write_text(f"#!{root.parent}/interpreter -y\n"),
    "execute-bit": lambda root: (root / "lib/native.so").chmod(0o644),
    "name": lambda root: (root / "lib/native.so").rename(root / "lib/other.so"),
    "new-file": lambda root: (root / "lib/new.py").write_text(""),
    "new-directory": lambda root: (root / "new").mkdir(),
    "gone": lambda root: (root / "link").unlink(),
    "led-to": lambda root: (root.parent / "led-to").write_text("elsewhere"),
    "interpreter": lambda root: (root.parent / "interpreter").write_bytes(b"\x7fELF of another"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_everything_counts(place: Path, change: str) -> None:
    """Each change gives another fingerprint, and a copy is noticed to be old; without one it stays."""
    os.umask(0o022)
    root = code(place / "plugin")
    (place / "snapshots").mkdir()
    snapshots = Snapshots(str(place / "snapshots"))
    first = snapshots.take(str(root), "entry", "one")
    assert first.code == fingerprints.scan(str(root), "entry")
    assert first.code.interpreter == (f"{place}/interpreter", "-x")
    time.sleep(0.06)  # what is younger than the grain of the clock is never kept
    second = snapshots.take(str(root), "entry", "two")
    assert snapshots.take(str(root), "entry", "three") is second
    CHANGES[change](root)
    third = snapshots.take(str(root), "entry", "four")
    assert third.code.digest not in ("", first.code.digest)
    assert Path(first.directory, "code/lib/native.so").read_bytes() == b"\x7fELF"  # in use, and as it was
    for one, user in ((first, "one"), (second, "two"), (second, "three"), (third, "four")):
        assert Path(one.directory).exists()
        snapshots.give_back(user)
    assert [path.name for path in (place / "snapshots").iterdir()] == [Path(third.directory).name]
    snapshots.keep(())
    assert not list((place / "snapshots").iterdir())


@pytest.mark.parametrize(
    "spoil",
    [
        lambda root: (root / "led").symlink_to("/etc/shadow"),
        lambda root: (root / "led").symlink_to("/etc"),
        lambda root: (root / "lib/native.so").chmod(0o750),
        lambda root: os.mkfifo(root / "pipe"),
        lambda root: (root / "led").symlink_to(root.parent / "closed/open"),
        lambda root: (root / "entry").write_text("#!relative\n"),
        lambda root: (root / "entry").write_text("#!/usr/bin/env nowhere-at-all\n"),
        lambda root: (root.parent / "interpreter").write_text("#!/bin/sh\n"),
    ],
)
def test_what_cannot_be_verified_is_refused(place: Path, spoil: Callable[[Path], object]) -> None:
    """Secrets behind links, what is no file, interpreters that cannot be told. Nothing of it stays."""
    os.umask(0o022)
    root = code(place / "plugin")
    (place / "closed").mkdir(0o700)
    (place / "closed/open").write_text("a secret in a closed directory")
    (place / "snapshots").mkdir()
    spoil(root)
    with pytest.raises((Refusal, OSError)):
        Snapshots(str(place / "snapshots")).take(str(root), "entry", "one")
    assert not list((place / "snapshots").iterdir())


def test_the_verb_says_what_it_locked(verifying: Layout) -> None:
    """Names that are none are refused, and then nothing is locked."""
    assert lock(verifying, "plain", "nobody") == (1, "refused: no enabled plugin is named 'nobody'\n")
    status, said = lock(verifying, "plain")
    assert (status, said.split()[:4]) == (0, ["locked", "plain", "at", f"{verifying.top}/plugins/plain"])
    records = json.loads((verifying.top / "var/state/locks.json").read_text())["records"]
    assert list(records) == ["plain"]
    assert (verifying.top / "var/state/locks.key").stat().st_uid == GATEWAY
