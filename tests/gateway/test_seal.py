"""The seal: what was approved, and by whom."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.gateway.conftest import ALPHA, Layout, Running, launch, refused

Boot = Callable[..., Running]


@pytest.fixture
def admitted(layout: Layout) -> Layout:
    """A layout with admission on."""
    layout.config["service"]["admission"] = {"verify_integrity_on_boot": True}
    layout.write()
    return layout


def seal(layout: Layout) -> str:
    """Seal as the gateway's own user: what it said."""
    process = launch(layout, "ambient-caps", "seal", "--config", str(layout.file))
    return process.communicate(timeout=20)[0]


def place(layout: Layout) -> Path:
    """Where the seal lies."""
    return layout.top / "var/state/seal.json"


def test_only_what_was_sealed_is_started(admitted: Layout, boot: Boot) -> None:
    """Not before it is sealed, and not with another byte."""
    assert "not sealed" in refused(admitted)
    assert seal(admitted) == ""
    assert place(admitted).stat().st_mode & 0o777 == 0o600
    gateway = boot()
    with admitted.file.open("a") as file:
        file.write("# a word more\n")
    gateway.signal(signal.SIGHUP, "reload refused")
    assert "changed since it was sealed" in gateway.log()


def test_a_seal_binds_a_configuration_that_denies_it(admitted: Layout) -> None:
    """Switching admission off is a change like any other."""
    seal(admitted)
    admitted.config["service"]["admission"] = {"verify_integrity_on_boot": False}
    assert "changed since it was sealed" in refused(admitted)


@pytest.mark.parametrize("content", ["", "[]", '"text"', "{}", '{"/etc/passwd": "0"}'])
def test_a_damaged_seal_is_none(admitted: Layout, content: str) -> None:
    """Whatever it holds, it approves nothing."""
    seal(admitted)
    place(admitted).write_text(content)
    assert "seal" in refused(admitted)


def test_a_seal_of_another_is_none(admitted: Layout) -> None:
    """Its owner is looked at, not its content alone."""
    seal(admitted)
    admitted.own(place(admitted), 0o644, ALPHA)
    assert str(place(admitted)) in refused(admitted)


def test_without_admission_nothing_is_sealed(layout: Layout) -> None:
    """Nobody would look at it."""
    layout.write()
    assert "verify_integrity_on_boot is not set" in seal(layout)


OTHER = 61199  # nobody's


def test_another_user_seals_nothing(admitted: Layout) -> None:
    """Even where it can read the configuration."""
    admitted.file.chmod(0o644)
    for folder in (admitted.top / "etc", admitted.top / "var/state"):
        folder.chmod(0o755)
    verb = admitted.command("seal", "--config", str(admitted.file))
    ran = subprocess.run(verb, user=OTHER, group=OTHER, extra_groups=[], check=False, capture_output=True, text=True)
    assert ran.returncode == 1, ran.stderr
    assert "may seal" in ran.stderr
    assert not place(admitted).exists()


def test_the_seal_is_of_what_was_read(admitted: Layout) -> None:
    """Every file by its path, with the digest of its bytes."""
    seal(admitted)
    assert set(json.loads(place(admitted).read_text())) == {str(admitted.file)}
