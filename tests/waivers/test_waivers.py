"""Waivers: read from a file, held against a catalogue, and what each speaks of."""

from __future__ import annotations

from pathlib import Path

import pytest

from wallbite import catalogue, waivers
from wallbite.problems import UsageProblem
from wallbite.verdict import Ruling, Verdict
from wallbite.waivers import Waiver

ENTRY = """  - requirement: {requirement}
    scope: {scope}
    owner: Ada Lovelace,
      platform team
    justification: The vault moves with release 4.
    created: {created}
    expires: {expires}
"""
SOUND = {"requirement": "WALL-03", "scope": "{posture: root}", "created": "2026-11-02", "expires": "2027-01-31"}


def written(folder: Path, *entries: dict[str, str]) -> Path:
    """A file of waivers."""
    path = folder / "waivers.yaml"
    path.write_text("schema: wallbite-waivers/1\nwaivers:\n" + "".join(ENTRY.format(**SOUND | one) for one in entries))
    return path


def refusal(path: Path) -> str:
    """The line that a file is refused with."""
    with pytest.raises(UsageProblem) as caught:
        waivers.load(path, catalogue.load())
    return str(caught.value)


def waiver(**fields: str) -> Waiver:
    """A waiver of WALL-03, with some fields changed."""
    sound = {"requirement": "WALL-03", "owner": "o", "justification": "j", "created": "2026-01-01"}
    return Waiver(**{"expires": "2026-12-31", **sound, **fields})  # type: ignore[arg-type]


def test_a_file_is_read(tmp_path: Path) -> None:
    """Each entry with its place; folded text is one line; the digest is the file's."""
    path = written(tmp_path, {}, {"requirement": "BOOT-03", "scope": "all"})
    found, digest = waivers.load(path, catalogue.load())
    assert [(one.requirement, one.posture, one.scope) for one in found] == [
        ("WALL-03", "root", "posture root"),
        ("BOOT-03", "", "all of it"),
    ]
    assert found[0].owner == "Ada Lovelace, platform team"
    assert found[1].where == f"{path}:10"
    assert len(digest) == 64


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"requirement": "WALL-99"}, ":3: unknown requirement 'WALL-99'; expected a requirement of the catalogue; did"),
        ({"scope": "{posture: rot}"}, 'scope.posture is "rot"; expected one of root, ambient-caps'),
        ({"scope": "{pasture: root}"}, 'unknown key "pasture"'),
        ({"scope": "{}"}, "waivers[0].scope is {}; expected all, or a mapping of posture, account, surface"),
        ({"scope": "everything"}, 'scope is "everything"; expected all, or a mapping'),
        ({"expires": "never"}, 'waivers[0].expires is "never"; expected a day such as'),
        ({"expires": "2027-02-30"}, "expected a day such as 2027-01-31"),
        ({"expires": "2026-11-01"}, ':9: waivers[0].expires is "2026-11-01"; expected a day on or after 2026-11-02'),
    ],
)
def test_what_is_wrong_is_named_by_line(tmp_path: Path, change: dict[str, str], line: str) -> None:
    """File, line, value, what was expected."""
    found = refusal(written(tmp_path, change))
    assert found.startswith(f"{tmp_path}/waivers.yaml:")
    assert line in found


@pytest.mark.parametrize("name", ["requirement", "scope", "owner", "justification", "created", "expires"])
def test_everything_is_required(tmp_path: Path, name: str) -> None:
    """Above all the day on which it ends."""
    path = written(tmp_path, {})
    lines = path.read_text().replace("Lovelace,\n      platform", "Lovelace, platform").splitlines()
    kept = [line for line in lines if f"{name}:" not in line]
    path.write_text("\n".join(kept).replace("waivers:\n    ", "waivers:\n  - ", 1) + "\n")
    assert f"lacks the key '{name}'" in refusal(path)


def test_the_same_scope_twice_is_refused(tmp_path: Path) -> None:
    """Else nobody knows which of the two owners answers for it."""
    assert "a second waiver of WALL-03, posture root; expected one for each scope" in refusal(written(tmp_path, {}, {}))


def test_it_holds_through_its_last_day() -> None:
    """And not on the next."""
    failure = Verdict("WALL-03", Ruling.FAIL, "open")
    assert waiver().lies_over(failure, "2026-12-31")
    assert not waiver().lies_over(failure, "2027-01-01")


@pytest.mark.parametrize("ruling", [one for one in Ruling if one is not Ruling.FAIL])
def test_it_lies_over_failures_only(ruling: Ruling) -> None:
    """What could not be decided cannot be answered for."""
    assert not waiver().lies_over(Verdict("WALL-03", ruling, "?"), "2026-06-01")


@pytest.mark.parametrize(
    ("scope", "matches"),
    [
        ({}, True),
        ({"posture": "root"}, True),
        ({"posture": "root", "account": "alpha", "surface": "vault"}, True),
        ({"posture": "file-caps"}, False),
        ({"account": "beta"}, False),
        ({"surface": "vault-2"}, False),
        ({"requirement": "WALL-04"}, False),
    ],
)
def test_every_part_of_its_scope_must_match(scope: dict[str, str], matches: bool) -> None:
    """By the whole name."""
    assert waiver(**scope).matches(Verdict("WALL-03", Ruling.FAIL, "", "root", "alpha", "vault")) is matches


def test_a_waiver_of_a_split_requirement_speaks_of_its_parts() -> None:
    """And a waiver of a part of that part alone."""
    part = Verdict("WALL-04.1", Ruling.FAIL, "open")
    assert waiver(requirement="WALL-04").matches(part)
    assert not waiver(requirement="WALL-04.2").matches(part)


@pytest.mark.parametrize(
    ("scope", "selected", "run", "covered"),
    [
        ({}, ["WALL-03"], ["root", "ambient-caps", "file-caps"], True),
        ({}, ["WALL-03"], ["root"], False),
        ({"posture": "root"}, ["WALL-03"], ["root"], True),
        ({"posture": "root"}, ["WALL-03"], ["file-caps"], False),
        ({"posture": "unprivileged"}, ["WALL-03"], ["root"], True),  # the target has no such posture: it is stale
        ({}, ["WALL-01"], ["root", "ambient-caps", "file-caps"], False),
    ],
)
def test_a_run_of_a_part_does_not_say_that_a_waiver_is_stale(
    scope: dict[str, str], selected: list[str], run: list[str], covered: bool
) -> None:
    """Who runs one posture is not told that a waiver for another one is useless."""
    declared = ("root", "ambient-caps", "file-caps")
    (found,) = waivers.covering([waiver(**scope)], catalogue.load(), selected, declared, run)
    assert found.covered is covered


def test_a_waiver_survives_the_record() -> None:
    """As JSON and back; what is none is refused."""
    one = waiver(posture="root")
    assert waivers.from_json(waivers.as_json(one)) == one
    for change in ({"owner": 1}, {"covered": "yes"}, {"expires": "soon"}):
        with pytest.raises(ValueError, match=r"waiver|isoformat"):
            waivers.from_json({**waivers.as_json(one), **change})
