"""Which self-test backs a run: a whole one that passed, of the very suite that runs; else none, and that is said."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from wallbite.selftest import backing, suite

SOUND = {"schema": backing.SCHEMA, "outcome": "passed", "whole": True, "finished": "2026-01-02T03:04:05Z"}


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Where a self-test may lie; nothing lies there."""
    found = [tmp_path / "packaged.json", tmp_path / "own" / "selftest.json"]
    monkeypatch.setattr(backing, "PLACES", found)
    return found


def write(path: Path, **changes: Any) -> str:
    """A self-test of this suite with something changed; its digest."""
    data = json.dumps({**SOUND, "suite": suite.digest(), **changes}).encode()
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def test_nothing_backs_where_nothing_was_tested(places: list[Path]) -> None:
    """The plain word."""
    assert not any(path.exists() for path in places)
    assert backing.backing() == "none"


@pytest.mark.parametrize("place", [0, 1])
def test_digest_and_date_are_named(places: list[Path], place: int) -> None:
    """Of the release, or of this installation."""
    digest = write(places[place])
    assert backing.backing() == f"sha256:{digest} of 2026-01-02T03:04:05Z"


def test_the_packaged_one_goes_first_unless_it_is_of_another_suite(places: list[Path]) -> None:
    """What was changed since is backed by what was run since."""
    first, own = write(places[0]), write(places[1], finished="2026-02-02T00:00:00Z")
    assert first in backing.backing()
    write(places[0], suite="0" * 64)
    assert own in backing.backing()


def test_one_of_another_suite_is_named_and_backs_nothing(places: list[Path]) -> None:
    """It is of another state of Wallbite."""
    write(places[1], suite="0" * 64)
    assert backing.backing() == "none (that of 2026-01-02T03:04:05Z is of another state of Wallbite)"


@pytest.mark.parametrize(
    "changes",
    [{"outcome": "failed"}, {"outcome": "unfinished"}, {"whole": False}, {"whole": "yes"}, {"schema": "other/1"}],
    ids=str,
)
def test_one_that_failed_or_left_something_out_backs_nothing(places: list[Path], changes: dict[str, Any]) -> None:
    """Only a whole one that passed."""
    write(places[1], **changes)
    assert backing.backing() == "none"


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff", b"null"])
def test_what_is_no_document_backs_nothing(places: list[Path], data: bytes) -> None:
    """Nor does it stop a run."""
    places[0].write_bytes(data)
    assert backing.backing() == "none"


def test_it_is_kept_for_later_runs(places: list[Path]) -> None:
    """Beside nothing else; where it cannot be kept, that is no error."""
    assert backing.keep(b"{}")
    assert places[1].read_bytes() == b"{}"
    places[1] = Path("/proc/nowhere/selftest.json")
    assert not backing.keep(b"{}")


def test_the_digest_is_of_what_has_a_part_in_verdicts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A changed check gives another one; bytecode does not."""
    for name in ("conformance", "fixtures", "probes"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(suite, "content", lambda name: tmp_path / name)

    def digest() -> str:
        suite.digest.cache_clear()
        return suite.digest()

    before = digest()
    (tmp_path / "conformance" / "__pycache__").mkdir()
    (tmp_path / "conformance" / "__pycache__" / "test_wall.pyc").write_bytes(b"x")
    assert digest() == before
    (tmp_path / "conformance" / "test_wall.py").write_text("")
    assert digest() != before
    suite.digest.cache_clear()
