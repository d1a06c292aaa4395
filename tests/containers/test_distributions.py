"""What stands in fixtures/images."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.evidence import samples
from wallbite.containers import differences
from wallbite.containers.distributions import distribution, distributions
from wallbite.content import content
from wallbite.documents import parse, validate
from wallbite.evidence.model import Record
from wallbite.problems import UsageProblem
from wallbite.verdict import Ruling, Verdict

DECLARED = {
    *("debian-12", "debian-13", "debian-sid", "ubuntu-24.04", "fedora-43", "alpine-3.22", "rocky-9", "opensuse-leap"),
}


def test_the_declared_distributions_are_there() -> None:
    """Each by its name, with a Dockerfile of its family; Debian's have a bootstrap."""
    known = distributions()
    assert set(known) >= DECLARED
    for each in known.values():
        assert (content("fixtures", "images") / f"{each.family}.Dockerfile").is_file()
        assert each.suite or each.init or not each.name.startswith("debian")


def test_a_wrong_name_is_said() -> None:
    """With the nearest."""
    with pytest.raises(UsageProblem, match="did you mean 'debian-1"):
        distribution("debian-1")


@pytest.mark.parametrize("requirement", ["BOOT-01", "DROP-04", "WALL-03.1", "SECR-02"])
def test_no_difference_is_allowed_where_walls_are_judged(requirement: str) -> None:
    """The schema refuses it."""
    text = (
        "schema: wallbite-differences/1\n"
        f"differences: [{{requirement: {requirement}, distribution: debian-12, reason: none}}]\n"
    )
    with pytest.raises(UsageProblem):
        validate(parse(text.encode(), "differences.yaml"), "differences")


@pytest.fixture
def record(tmp_path_factory: pytest.TempPathFactory) -> Record:
    """A record."""
    return samples.write(tmp_path_factory.mktemp("record") / "out")


def test_the_same_verdicts_do_not_differ(record: Record) -> None:
    """Reasons, numbers and evidence may."""
    other = [replace(verdict, reason="another", evidence=("o1",)) for verdict in record.verdicts]
    assert differences.differences(record, replace(record, verdicts=tuple(other))) == []


def test_every_verdict_counts(record: Record) -> None:
    """One that is gone, and one that is another, in whatever scope."""

    def changed(verdict: Verdict) -> Verdict:
        return replace(verdict, ruling=Ruling.FAIL) if verdict == record.verdicts[7] else verdict

    other = tuple(changed(verdict) for verdict in record.verdicts[:-1])
    found = differences.undeclared(record, replace(record, verdicts=other))
    assert [(one.requirement, one.embedded, one.container) for one in found] in (
        [(record.verdicts[7].requirement, "pass", "fail"), (record.verdicts[-1].requirement, "pass", "no verdict")],
        [(record.verdicts[-1].requirement, "pass", "no verdict"), (record.verdicts[7].requirement, "pass", "fail")],
    )
