"""Is a record as it was written, and do its observations give its verdicts?

Without a key nobody can tell who wrote a record: an editor can compute every digest anew. What he cannot do without
knowing the checks is to make the observations give the verdicts that he wants; that is what re-judging finds. With the
public key of who signed the record's attestation, an editor is found whatever he knows.
"""

from __future__ import annotations

import enum
import hashlib
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from wallbite.documents import read_bytes
from wallbite.evidence.folder import RECORD
from wallbite.evidence.lines import Broken, first
from wallbite.evidence.model import SCHEMA, Record
from wallbite.evidence.reader import load, locate
from wallbite.evidence.signing import LARGEST, EnvelopeProblem, load_public, opened
from wallbite.exits import ExitCode
from wallbite.observations import ById
from wallbite.problems import UsageProblem
from wallbite.verdict import Verdict

Judge = Callable[[Record], Iterable[Verdict]]

INTACT: Final = "self-consistent, origin not proven"
_SHORT: Final = 40  # characters of a name that are told
UNALTERED: Final = "unaltered since the attestation was signed with this key"


class State(enum.StrEnum):
    """What a file turns out to be."""

    INTACT = "intact"
    ALTERED = "altered"
    NOT_A_RECORD = "not-a-record"


@dataclass(frozen=True, slots=True)
class Verification:
    """What was found.

    Attributes:
        state: intact, altered, or not a record at all.
        line: the line that is not as it was written; 0 where no single line is to blame.
        detail: one sentence.
        lost: verdicts that the record's observations give, and the record does not hold.
        added: verdicts that the record holds, and its observations do not give.
    """

    state: State
    line: int = 0
    detail: str = ""
    lost: tuple[Verdict, ...] = ()
    added: tuple[Verdict, ...] = ()

    @property
    def code(self) -> ExitCode:
        """The exit code of `wallbite verify`."""
        return _CODES[self.state]

    def __str__(self) -> str:
        """The finding in one line."""
        return f"{self.state}: {f'line {self.line}: ' if self.line else ''}{self.detail}"


_CODES: Final = {
    State.INTACT: ExitCode.CONFORMANT,
    State.ALTERED: ExitCode.ALTERED,
    State.NOT_A_RECORD: ExitCode.USAGE,
}


def verify(place: Path, judge: Judge | None = None) -> Verification:
    """Hold a record against itself, and its verdicts against what `judge` concludes from its observations."""
    path = locate(place)
    try:
        record = load(path)
    except Broken as broken:
        return _broken(path, broken)
    if (name := _dangling(record)) is not None:
        told = repr(name if len(name) <= _SHORT else f"{name[:_SHORT]}...")
        return Verification(State.ALTERED, detail=f"a verdict names the observation {told}, which is not there")
    return _intact() if judge is None else _judged(record, judge)


def hold_against(place: Path, attestation: Path, key: Path, found: Verification) -> Verification:
    """Hold a record, which is otherwise intact, against the attestation that a key has signed.

    Raises:
        UsageProblem: the key is none, or the attestation cannot be read.
    """
    public = load_public(key)
    if found.state is not State.INTACT:
        return found
    try:
        envelope = read_bytes(attestation, limit=LARGEST)
    except UsageProblem as problem:
        what, expected = f"no attestation to hold the record against: {problem.what}", "the one that was signed"
        raise UsageProblem(what, problem.where, expected, "name it with --attestation FILE") from problem
    try:
        vouched = _vouched(opened(envelope, public))
    except EnvelopeProblem as problem:
        return Verification(State.ALTERED, detail=f"the attestation {problem}")
    if vouched != _digest(locate(place)):
        return Verification(State.ALTERED, detail="the attestation vouches for another record than this one")
    return Verification(State.INTACT, detail=UNALTERED)


def _vouched(statement: Any) -> str:
    """The digest of the record that a statement is about."""
    try:
        subjects = {one["name"]: one["digest"]["sha256"] for one in statement["subject"]}
        return str(subjects[RECORD])
    except (KeyError, TypeError):
        raise EnvelopeProblem("is about no record") from None


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _broken(path: Path, broken: Broken) -> Verification:
    """A file that begins as a record does is an altered one; any other is none."""
    if broken.line > 1:
        return Verification(State.ALTERED, broken.line, broken.detail)
    try:
        value = first(path)
    except Broken:
        return Verification(State.NOT_A_RECORD, broken.line, broken.detail)
    ours = value.get("kind") == "header" and value.get("schema") == SCHEMA
    return Verification(State.ALTERED if ours else State.NOT_A_RECORD, broken.line, broken.detail)


def _dangling(record: Record) -> str | None:
    """The first name of an observation that is not there; a verdict may be without a control."""
    known = ById(record.observations)
    for verdict in record.verdicts:
        for name in (*verdict.evidence, *filter(None, [verdict.control])):
            if name not in known:
                return name
    return None


def _intact() -> Verification:
    return Verification(State.INTACT, detail=INTACT)


def _judged(record: Record, judge: Judge) -> Verification:
    """Compare as bags: the order in which checks ran says nothing."""
    stated, missing = Counter(record.verdicts), []
    for verdict in judge(record):  # one by one: there may be a hundred thousand
        if stated[verdict] > 0:
            stated[verdict] -= 1
        else:
            missing.append(verdict)
    lost, added = tuple(missing), tuple((+stated).elements())
    if not lost and not added:
        return _intact()
    detail = (
        f"the observations give other verdicts than the record holds: {len(added)} that they do not give, "
        f"{len(lost)} that are missing (written by Wallbite {record.header.harness})"
    )
    return Verification(State.ALTERED, detail=detail, lost=lost, added=added)
