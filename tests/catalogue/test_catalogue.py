"""The catalogue, and selections from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from wallbite import catalogue
from wallbite.catalogue import PROFILES, select
from wallbite.postures import ENFORCING, POSTURES
from wallbite.problems import UsageProblem
from wallbite.verdict import Level

ROW = """  - id: {id}
    level: SHOULD
    statement: >-
      A statement
      over two lines.
    rationale: r
    source: [s, t]
    observed: o
    expected: e
    remediation: m
    vantage: dropped
    postures: {postures}
    surfaces: [age-key]
    denial: true
    control: c
    mappings: {{nist-800-53: {{AC-6: why}}}}
"""


def family(folder: Path, name: str, *ids: str, postures: str = "enforcing") -> Path:
    """Write a family's file."""
    head = f"schema: wallbite-requirements/1\nfamily: {name}\ntitle: T\nrequirements:\n"
    path = folder / f"{name.lower()}.yaml"
    path.write_text(head + "".join(ROW.format(id=each, postures=postures) for each in ids))
    return path


def refusal(folder: Path) -> str:
    """The line that a catalogue is refused with."""
    with pytest.raises(UsageProblem) as caught:
        catalogue.load(folder)
    return str(caught.value)


def test_the_shipped_catalogue_loads() -> None:
    """In the order of the profile's families, each row with its place, and none of them empty."""
    known = catalogue.load()
    assert known.requirements
    order = [each.name for profile in PROFILES.values() for each in profile.families]
    found = [order.index(each.family) for each in known.requirements.values()]
    assert found == sorted(found)
    for each in known.requirements.values():
        assert each.where.startswith("conformance/requirements/")
        assert not each.denial or each.control


def test_a_row_becomes_a_requirement(tmp_path: Path) -> None:
    """Folded text is one line, postures are names, sources are a list."""
    family(tmp_path, "WALL", "WALL-01")
    found = catalogue.load(tmp_path).requirements["WALL-01"]
    assert found.statement == "A statement over two lines."
    assert found.level is Level.SHOULD
    assert found.postures == ENFORCING
    assert found.source == ("s", "t")
    assert found.mappings == {"nist-800-53": {"AC-6": "why"}}
    assert found.where == f"{tmp_path}/wall.yaml:5"
    assert (found.family, found.parent) == ("WALL", "")


@pytest.mark.parametrize(
    ("written", "meant"), [("all", tuple(POSTURES)), ("[root, unprivileged]", ("root", "unprivileged"))]
)
def test_postures_may_be_a_set_or_a_list(tmp_path: Path, written: str, meant: tuple[str, ...]) -> None:
    """`all`, `enforcing`, or names."""
    family(tmp_path, "WALL", "WALL-01", postures=written)
    assert catalogue.load(tmp_path).requirements["WALL-01"].postures == meant


def test_a_split_row_knows_its_parent_and_parts(tmp_path: Path) -> None:
    """The parent stays, and names its parts in order."""
    family(tmp_path, "WALL", "WALL-04", "WALL-04.1", "WALL-04.2")
    known = catalogue.load(tmp_path).requirements
    assert known["WALL-04"].parts == ("WALL-04.1", "WALL-04.2")
    assert known["WALL-04.1"].parent == "WALL-04"


def test_families_without_a_file_are_missing(tmp_path: Path) -> None:
    """They are told apart from those that have requirements."""
    family(tmp_path, "WALL", "WALL-01")
    missing = catalogue.load(tmp_path).missing()
    assert [each.name for each in missing] == [
        each.name for each in PROFILES["privsep"].families if each.name != "WALL"
    ]
    assert missing[0].title == "The boot gate"


def test_the_digest_speaks_of_the_content(tmp_path: Path) -> None:
    """It changes with a row."""
    family(tmp_path, "WALL", "WALL-01")
    before = catalogue.load(tmp_path).digest
    family(tmp_path, "WALL", "WALL-02")
    assert catalogue.load(tmp_path).digest != before


@pytest.mark.parametrize(
    ("ids", "line"),
    [
        (("WALL-01", "WALL-01"), 'wall.yaml:21: requirements[1].id is "WALL-01"; expected each id once; give it'),
        (("DROP-01",), "expected an id of the family WALL; move it to its family's file"),
        (("WALL-04.1",), "expected a row WALL-04 that it is a part of; add WALL-04"),
        (("WALL-4",), "expected an id such as WALL-04 or WALL-04.1"),
    ],
)
def test_wrong_ids_are_refused_by_line(tmp_path: Path, ids: tuple[str, ...], line: str) -> None:
    """Twice, of another family, without a parent, misspelt."""
    family(tmp_path, "WALL", *ids)
    assert line in refusal(tmp_path)


def test_wrong_families_are_refused(tmp_path: Path) -> None:
    """One that no profile has, and one in two files."""
    family(tmp_path, "WALLS", "WALLS-01")
    assert 'family is "WALLS"; expected one of BOOT,' in refusal(tmp_path)
    (tmp_path / "walls.yaml").unlink()
    (tmp_path / "again.yaml").write_bytes(family(tmp_path, "WALL", "WALL-01").read_bytes())
    assert "expected each family in one file; merge the two files" in refusal(tmp_path)


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        ("    control: c\n", "", "requirements[0] lacks the key 'control'; expected a control, since a denial"),
        ("level: SHOULD", "level: SHOULD\n    level: MUST", 'has the key "level" twice'),
        ("surfaces: [age-key]", "surfaces: age-key", 'surfaces is "age-key"; expected a list of surface roles'),
        ("surfaces: [age-key]", "surfaces: [3]", "surfaces[0] is 3; expected a surface role"),
        ("surfaces: [age-key]", "surfaces: []", "surfaces is []; expected a list of surface roles"),
        ("vantage: dropped", "vantage: droped", "did you mean 'dropped'?"),
        (
            "nist-800-53: {AC-6: why}",
            "nist: [AC-6]",
            'unknown key "nist" in requirements[0].mappings; expected one of nist',
        ),
        ("postures: enforcing", "postures: []", "postures is []; expected enforcing, all, or a list of postures"),
    ],
)
def test_a_wrong_row_is_refused_by_line(tmp_path: Path, before: str, after: str, line: str) -> None:
    """A denial needs its control, keys are unique, and types are what they must be."""
    path = family(tmp_path, "WALL", "WALL-01")
    assert before in path.read_text()
    path.write_text(path.read_text().replace(before, after, 1))
    assert line in refusal(tmp_path)


def test_selections(tmp_path: Path) -> None:
    """All, families, ids in any case; a part brings its parent, a parent its parts."""
    family(tmp_path, "WALL", "WALL-01", "WALL-04", "WALL-04.1", "WALL-04.2")
    family(tmp_path, "BOOT", "BOOT-01")
    known = catalogue.load(tmp_path)

    def ids(*names: str) -> list[str]:
        return [each.id for each in select(known, names)]

    assert ids() == list(known.requirements)
    assert ids("WALL-01", "boot") == ["BOOT-01", "WALL-01"]
    assert ids("WALL-04") == ["WALL-04", "WALL-04.1", "WALL-04.2"]
    assert ids("WALL-04.2") == ["WALL-04", "WALL-04.2"]


@pytest.mark.parametrize(
    ("name", "profile", "line"),
    [
        ("WALL-02", "privsep", "unknown requirement or family \"WALL-02\".*did you mean 'WALL-01'"),
        ("SIDE", "privsep", "family SIDE has no requirements yet; expected WALL; leave it out"),
        ("x\x1b", "privsep", r'unknown requirement or family "X\\u001b"'),
        ("WALL", "privsp", "unknown profile .privsp.; expected one of privsep, channels; did you mean 'privsep'"),
    ],
)
def test_wrong_selections_are_refused(tmp_path: Path, name: str, profile: str, line: str) -> None:
    """Nothing is green because it was misspelt and so not run."""
    family(tmp_path, "WALL", "WALL-01")
    with pytest.raises(UsageProblem, match=line):
        select(catalogue.load(tmp_path), [name], profile)


def test_an_empty_catalogue_selects_nothing_and_says_so(tmp_path: Path) -> None:
    """A run without requirements is no run."""
    with pytest.raises(UsageProblem, match="has no requirements"):
        select(catalogue.load(tmp_path), [])
