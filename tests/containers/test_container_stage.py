"""The stage ``container`` on a real engine: the same verdicts, nothing left, and no verdict that the engine gives."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from tests.containers.conftest import TAG, demand_thorough, demanded
from tests.containers.runs import BRIEF, command, container_of, done
from wallbite.containers import differences, labels, privileges
from wallbite.containers.engines import Engine
from wallbite.containers.equipping import Image
from wallbite.containers.stage import ContainerStage
from wallbite.content import content
from wallbite.evidence.model import Record
from wallbite.evidence.reader import read
from wallbite.evidence.summary import summary_of
from wallbite.options import RunOptions
from wallbite.problems import EnvironmentProblem
from wallbite.progress import Silent
from wallbite.run import run
from wallbite.verdict import Outcome, Ruling

INIT: Final = "wallbite/debian-12-init"


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Record:
    """The record of the embedded stage."""
    out = tmp_path_factory.mktemp("embedded") / "out"
    ended = done(command(out))
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return read(out)


@pytest.fixture(scope="module")
def contained(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Record:
    """The record of a container."""
    out = tmp_path_factory.mktemp("contained") / "out"
    ended = done(command(out, *container_of(engine)))
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return read(out)


def test_verdicts_are_those_of_the_embedded_stage(embedded: Record, contained: Record) -> None:
    """Requirement by requirement, and scope by scope."""
    assert summary_of(contained).outcome is Outcome.CONFORMANT
    assert differences.undeclared(embedded, contained) == []
    assert len(contained.verdicts) == len(embedded.verdicts)


def test_the_record_says_what_it_was_run_on(engine: Engine, contained: Record) -> None:
    """Engine, image, what was confined and what was not, and which control groups there are."""
    host, kernel = contained.header.host, contained.header.kernel
    id_ = engine.say("image", "inspect", "--format", "{{.Id}}", TAG).stdout.strip()
    assert contained.header.stage == "container"
    assert host["engine"] == f"{engine.name} {engine.version}"
    assert (host["image"], host["image digest"]) == ("debian-12", id_)
    assert host["seccomp"] == "unconfined"
    assert host["apparmor"] in {"none", "unconfined"}
    assert host["capabilities"].split() == list(privileges.WANTED)
    assert "bookworm" in host["distribution"]
    assert host["python"].startswith("3.11")
    assert kernel["cgroup"] in {"v1", "hybrid", "v2"}


def test_the_gateway_has_its_postures_capabilities_and_is_not_process_1(contained: Record) -> None:
    """Whatever the container has besides."""
    seen = [one.seen for one in contained.observations if one.operation == "posture"]
    assert seen
    for facts in seen:
        capabilities = facts["capabilities"]
        assert {capabilities[name] for name in ("permitted", "effective", "ambient", "bounding")} == {"c0"}
        assert facts["pid"] != 1


def test_an_engine_that_filters_system_calls_is_refused(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its EPERM is no wall of the gateway's."""
    monkeypatch.setattr(privileges, "SECURITY", ())
    options = RunOptions(stage="container", engine=engine.name, select=BRIEF, out=tmp_path / "out")
    with pytest.raises(EnvironmentProblem, match="filters system calls"):
        run(options, Silent())
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"seccomp": 2}, "filters system calls"),
        ({"apparmor": "docker-default (enforce)"}, "confines by AppArmor"),
        ({"refusal": "cannot make namespaces: EPERM"}, "here: cannot make namespaces"),
    ],
)
def test_what_would_be_judged_instead_of_the_gateway_is_refused(changed: Mapping[str, Any], told: str) -> None:
    """Whatever the engine was asked for, what is found counts."""
    found = {
        "seccomp": 0,
        "apparmor": "unconfined",
        "refusal": "",
        "host": {},
        "kernel": {},
        "boot": "",
        "libc": "",
        "bounding": "",
    }
    stage = ContainerStage(Engine("docker", ("docker",), {}), Image("here", "sha256:0"))
    assert stage._read(found)["host"]["seccomp"] == "unconfined"
    with pytest.raises(EnvironmentProblem, match=told):
        stage._read({**found, **changed})


def test_what_a_filter_answers_is_never_a_pass(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keyrings: add_key and keyctl are refused by the default filter, and the control fails with them."""

    def unread(_: ContainerStage, told: Mapping[str, Any]) -> dict[str, Any]:
        return {"host": told["host"], "kernel": told["kernel"]}

    monkeypatch.setattr(privileges, "SECURITY", ())
    monkeypatch.setattr(ContainerStage, "_read", unread)
    postures, chosen = ("ambient-caps",), ("DROP-09", "WALL-01")
    options = RunOptions(stage="container", engine=engine.name, postures=postures, select=chosen, out=tmp_path / "out")
    standings = {item.id: item.ruling for item in run(options, Silent()).summary.requirements}
    assert standings["DROP-09"] is Ruling.INCONCLUSIVE


def test_an_image_without_python_is_one_line(engine: Engine, tmp_path: Path) -> None:
    """The gateway may be written in anything; the harness needs an interpreter."""
    archive = tmp_path / "empty.tar"
    subprocess.run(
        ["tar", "--create", "--file", archive, "--directory", tmp_path, "--files-from", "/dev/null"], check=True
    )
    reference = "wallbite/test-empty"
    engine.client.image.import_(archive, tag=reference, changes=[f"LABEL {labels.KIND}=test"])
    try:
        ended = done(command(tmp_path / "out", "--stage", "container", "--engine", engine.name, "--image", reference))
    finally:
        engine.say("image", "rm", reference)
    assert ended.returncode == 3
    told = "no python3 in the image; install Python 3.11 or later in it; the gateway may be written in anything"
    assert ended.stderr.splitlines() == [f"wallbite: {reference}: {told}"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--distro", "alpine-3.22"], "build it with: wallbite image build alpine-3.22"),
        (["--image", "localhost/wallbite/none:1"], "no image 'localhost/wallbite/none:1'"),
    ],
)
def test_a_missing_image_is_one_line(engine: Engine, tmp_path: Path, words: list[str], told: str) -> None:
    """Which, and what to do."""
    ended = done(command(tmp_path / "out", "--stage", "container", "--engine", engine.name, *words))
    assert ended.returncode == 3
    assert len(ended.stderr.splitlines()) == 1
    assert told in ended.stderr


def test_an_image_of_ones_own(engine: Engine, tmp_path: Path) -> None:
    """A descriptor's Dockerfile is built, and what it keeps of the image is in every stage."""
    demand_thorough(engine)
    (tmp_path / "Dockerfile").write_text(f"FROM {TAG}\nRUN mkdir /opt/vendor && echo words > /opt/vendor/readme\n")
    text = (content("fixtures", "targets") / "reference.yaml").read_text()
    surface = (
        "  vendor: {path: /opt/vendor/readme, class: code, kind: file, owner: root, mode: '0644', role: plugin-entry}\n"
    )
    text = text.replace("name: reference\n", "name: own\nimage: {dockerfile: Dockerfile, keep: [/opt/vendor]}\n", 1)
    (tmp_path / "own.yaml").write_text(text.replace("\nsurfaces:\n", f"\nsurfaces:\n{surface}", 1))
    stage = ["--stage", "container", "--engine", engine.name, "--posture", "ambient-caps"]
    words = [*stage, str(tmp_path / "own.yaml")]
    ended = done(command(tmp_path / "out", *words, selected=("WALL-09",)))
    assert ended.returncode == 0, ended.stdout + ended.stderr
    record = read(tmp_path / "out")
    judged = [one for one in record.verdicts if one.surface == "vendor"]
    assert judged
    assert {one.ruling for one in judged} == {Ruling.PASS}
    assert json.loads(json.dumps(record.header.host["image"])) == "Dockerfile"
    engine.say("image", "rm", "wallbite/own:own")


def test_a_real_init_starts_the_gateway_by_its_own_unit(engine: Engine, tmp_path: Path) -> None:
    """Systemd is process 1; what its unit confers is what the gateway has, from a clean root on."""
    if engine.say("image", "inspect", INIT).returncode:
        refuse = pytest.fail if engine.name in demanded() else pytest.skip
        refuse(f"{engine.name} has no image: wallbite image build debian-12-init")
    words = ["--stage", "container", "--engine", engine.name, "--distro", "debian-12-init"]
    ended = done(command(tmp_path / "out", *words, selected=("INST-02", "INST-05")))
    assert ended.returncode == 0, ended.stdout + ended.stderr
    seen = [one.seen for one in read(tmp_path / "out").observations if one.operation == "started"]
    assert [one["enforcing"] for one in seen] == [True]
    capabilities = seen[0]["capabilities"]
    assert {capabilities[name] for name in ("permitted", "effective", "ambient", "bounding")} == {"c0"}
    assert seen[0]["init"] == "systemd"


@pytest.mark.parametrize("words", [["--select", "BOOT"], ["--select", "DROP-11"], ["--posture", "root"]])
def test_an_image_with_an_init_is_not_for_all(tmp_path: Path, words: list[str]) -> None:
    """What needs stages without end, or a filter of the harness's, is refused, and not left out."""
    options = ["--stage", "container", "--distro", "debian-12-init", "--out", str(tmp_path / "out")]
    ended = done([sys.executable, "-m", "wallbite", "run", *options, *words])
    assert ended.returncode == 2
    assert "boots a real init, which is not for all" in ended.stderr
