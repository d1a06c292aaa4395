"""A library that is a Python package, in a container: it is given to the image, and asked for there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from tests.containers.conftest import demand_thorough, demanded
from wallbite.containers import running
from wallbite.containers.engines import Engine
from wallbite.containers.equipping import Image
from wallbite.containers.stage import ContainerStage
from wallbite.content import content
from wallbite.evidence.reader import read
from wallbite.options import RunOptions
from wallbite.progress import Silent
from wallbite.run import run
from wallbite.stages.choice import here
from wallbite.target import load

OWN: Final = "WALLBITE_MODULATIO"
PASSED: Final = ("SHARE-03", "BOX-04")
FAILED: Final = ("CHAN-10", "BOX-03", "BOX-13")


def wallbite(engine: Engine, out: Path, *words: str, distro: str = "debian-13") -> tuple[int, str]:
    """Exit code and output of a run in a container, where this machine has no such package."""
    if engine.say("image", "inspect", f"wallbite/{distro}").returncode:
        refuse = pytest.fail if engine.name in demanded() else pytest.skip
        refuse(f"{engine.name} has no image: wallbite image build {distro}")
    stage = ["--stage", "container", "--engine", engine.name, "--distro", distro]
    env = {name: value for name, value in os.environ.items() if name != OWN}
    command = [sys.executable, "-m", "wallbite", "run", *words, *stage, "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
    return done.returncode, done.stdout + done.stderr


def changed(folder: Path, pattern: str, by: str) -> str:
    """Modulatio's descriptor with one thing changed."""
    text = (content("fixtures", "targets") / "modulatio.yaml").read_text(encoding="utf-8")
    text, count = re.subn(pattern, by, text, count=1)
    assert count == 1
    (folder / "changed.yaml").write_text(text, encoding="utf-8")
    return str(folder / "changed.yaml")


def undecided(out: Path) -> set[str]:
    """The reasons for which nothing was decided; nothing else was found."""
    verdicts = read(out).verdicts
    assert {str(one.ruling) for one in verdicts} == {"inconclusive"}
    return {one.reason for one in verdicts}


def test_the_package_is_judged_in_the_image(engine: Engine, tmp_path: Path) -> None:
    """As on a host: each pass has its control, the sandbox works, and the doctor, who is a command, sees it."""
    demand_thorough(engine)
    code, said = wallbite(
        engine, tmp_path / "out", "modulatio", "--select", ",".join([*PASSED, *FAILED]), "--seed", "1"
    )
    assert code == 1, said
    record = read(tmp_path / "out")
    rulings: dict[str, set[str]] = {}
    for one in record.verdicts:
        rulings.setdefault(one.requirement, set()).add(str(one.ruling))
        assert str(one.ruling) != "pass" or one.control
    assert {name: "fail" if "fail" in found else "/".join(found) for name, found in rulings.items()} == {
        **dict.fromkeys(PASSED, "pass"),
        **dict.fromkeys(FAILED, "fail"),
    }
    doctor = [str(one.ruling) for one in record.verdicts if (one.requirement, one.surface) == ("BOX-03", "tool works")]
    assert doctor == ["pass"]
    assert "trixie" in record.header.host["distribution"]


@pytest.mark.parametrize(
    ("distro", "pattern", "by", "reason"),
    [
        ("debian-12", "^", "", "too old or new a Python: {python} is 3.11"),
        (
            "debian-13",
            'versions: "==1.0.4"',
            'versions: "==9.9"',
            "modulatio is 1.0.4, and the descriptor speaks of ==9.9",
        ),
        ("debian-13", r"\{name: modulatio", "{name: modulatiq", "{python} has no package 'modulatiq'"),
    ],
)
def test_what_the_image_lacks_is_inconclusive(
    engine: Engine, tmp_path: Path, distro: str, pattern: str, by: str, reason: str
) -> None:
    """Exit code 3, every requirement with the reason: the Python, the version, the package."""
    target = changed(tmp_path, pattern, by)
    code, said = wallbite(engine, tmp_path / "out", target, "--select", "CHAN-03", distro=distro)
    assert code == 3, said
    wanted = reason.format(python=f"{running.LIBRARY}/bin/python")
    assert all(wanted in told for told in undecided(tmp_path / "out"))
    assert wanted in said


def test_a_descriptor_that_names_nothing_for_a_container_is_inconclusive(tmp_path: Path) -> None:
    """Said before any engine is asked."""
    if os.geteuid() != 0:
        pytest.skip("a run needs root")
    target = changed(tmp_path, r",\n +requires: .*\}\}", "}")
    words = ["--stage", "container", "--select", "CHAN-03", "--out", str(tmp_path / "out")]
    done = subprocess.run(
        [sys.executable, "-m", "wallbite", "run", target, *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 3, done.stdout + done.stderr
    assert all("package.requires" in told for told in undecided(tmp_path / "out"))


def test_this_machines_variable_says_nothing_of_a_container() -> None:
    """The containers of a library name the environment in the image."""
    library: Any = load("modulatio").library
    stage = ContainerStage(Engine("docker", ("docker",), {}), Image("here", "sha256:0"), library=library.package)
    assert stage._changed["envs"][OWN] == running.LIBRARY


def test_what_a_stage_lacks_leaves_every_requirement_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No case is begun, and the record says why; without an engine."""
    lacking = replace(here(), absent="it is not in the image")
    monkeypatch.setattr("wallbite.run.stage_of", lambda *_: nullcontext(lacking))
    options = RunOptions(target="modulatio", stage="container", select=("CHAN-03", "BOX-04"), out=tmp_path / "out")
    result = run(options, Silent())
    assert result.absent == "it is not in the image"
    assert {one.requirement for one in result.record.verdicts} == {"CHAN-03", "BOX-04"}
    assert all("it is not in the image" in told for told in undecided(tmp_path / "out"))
