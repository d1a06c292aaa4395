"""Libraries as targets: their descriptors, and what is missing where one cannot be called."""

from __future__ import annotations

from pathlib import Path

import pytest

from wallbite.documents import parse
from wallbite.problems import UsageProblem
from wallbite.target import load, missing, parse_target
from wallbite.target.library import Package, missing_package

TEXT = (Path(__file__).parents[2] / "fixtures/targets/reference-channels.yaml").read_text()
WRONG = (
    ("call: raw-result", "call: raw-resalt", "did you mean 'raw-result'"),
    ("postures: [root, unprivileged]", "postures: [root, file-caps]", "expected"),
    ("profile: channels", "profile: chanels", "did you mean 'channels'"),
    ("names: outside", "names: inside", "outside"),
    ('answer["state"] = ', 'answer["state" = ', "correct it"),
    ('ends: "^mode 600$"', 'ends: "^mode (600$"', "a regular expression"),
    ('"started", "pid": {pid}', '"started", "pid": ({pid}', "a regular expression"),
    ("daemon: {event:", "# {event:", "say how its log tells of its start"),
)


def package(environment: str = "WALLBITE_TEST_PACKAGE") -> Package:
    """A package that the interpreter of a virtual environment is asked for."""
    return Package("thing", ">=1.0,<1.1", environment, ">=3.12")


def environment(folder: Path, says: str) -> None:
    """A virtual environment whose interpreter answers this."""
    python = folder / "bin" / "python"
    python.parent.mkdir()
    python.write_text(f"#!/bin/sh\necho '{says}'\n")
    python.chmod(0o755)


@pytest.mark.parametrize(("before", "after", "told"), WRONG, ids=[after for _, after, _ in WRONG])
def test_a_wrong_descriptor_is_refused_by_line(before: str, after: str, told: str) -> None:
    """The line, and what to do."""
    assert before in TEXT
    text = TEXT.replace(before, after, 1)
    with pytest.raises(UsageProblem) as caught:
        parse_target(parse(text.encode(), "t.yaml"))
    assert caught.value.where.startswith("t.yaml:")
    assert told in str(caught.value)


def test_what_a_container_is_given_are_packages() -> None:
    """By line; a word for pip is none."""
    text = (Path(__file__).parents[2] / "fixtures/targets/modulatio.yaml").read_text()
    text = text.replace("with-dependencies: [httpx,", 'with-dependencies: ["--index-url=x",', 1)
    with pytest.raises(UsageProblem, match="a package such as") as caught:
        parse_target(parse(text.encode(), "t.yaml"))
    assert caught.value.where.startswith("t.yaml:")


def test_a_library_has_channels_and_nothing_that_boots() -> None:
    """What the descriptor says is there, as objects."""
    target = load("reference-channels")
    assert target.library is not None
    assert {one.mode for one in target.library.channels.values()} == {0o600}
    assert target.gateway.serve == ()
    assert not missing(target)


@pytest.mark.parametrize(
    ("says", "reason"),
    [
        ('["", "3.13.0", "/", "/"]', "has no package 'thing'"),
        ('["1.0.3", "3.11.9", "/", "/"]', "too old or new a Python"),
        ('["1.1.0", "3.13.0", "/", "/"]', "thing is 1.1.0, and the descriptor speaks of >=1.0,<1.1"),
        ("nothing", "does not say what it has"),
        ('["1.0.3", "3.13.0", "/", "/"]', ""),
    ],
)
def test_what_is_missing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str, reason: str) -> None:
    """An absent package, another version, too old a Python: each its own reason."""
    environment(tmp_path, says)
    monkeypatch.setenv("WALLBITE_TEST_PACKAGE", str(tmp_path))
    told = missing_package(package())
    assert (reason in told) if reason else not told


def test_an_unset_variable_and_an_empty_folder_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is looked for elsewhere."""
    monkeypatch.delenv("WALLBITE_TEST_PACKAGE", raising=False)
    assert "WALLBITE_TEST_PACKAGE is not set" in missing_package(package())
    monkeypatch.setenv("WALLBITE_TEST_PACKAGE", str(tmp_path))
    assert "names no virtual environment" in missing_package(package())
    monkeypatch.setenv("WALLBITE_TEST_PACKAGE", "relative/to/what")
    assert "expected an absolute path" in missing_package(package())
