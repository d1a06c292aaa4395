"""What is different between two records of one target: what got worse, what got better, what is no longer the same.

Verdicts are compared by what they speak of: requirement, posture, account, surface. Worse is what fails in NEW and did
not in OLD, waived or not; what can no longer be decided; and what is no longer judged, whatever it came to before: a
failure that nobody looks at any more has not been mended.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from wallbite.evidence.model import Record
from wallbite.evidence.summary import summary_of
from wallbite.observation import Observation
from wallbite.observations import ById
from wallbite.verdict import Outcome, Ruling, Verdict, worst

NOT_JUDGED: Final = "not judged"
_UNJUDGED: Final = (Ruling.NOT_APPLICABLE, NOT_JUDGED)
_OUTCOMES: Final = (Outcome.CONFORMANT, Outcome.WAIVERS_WRONG, Outcome.UNDECIDED, Outcome.NOT_CONFORMANT)

Key = tuple[str, str, str, str]  # requirement, posture, account, surface


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is different.

    Attributes:
        kind: such as ``newly failing``; `KINDS` has them all.
        what: what it is about.
        detail: how it was, and how it is.
        worse: whether something got worse by it.
    """

    kind: str
    what: str
    detail: str
    worse: bool = False


FAILING: Final = "newly failing"
UNDECIDED: Final = "newly inconclusive"
LOST: Final = "no longer judged"
PASSING: Final = "newly passing"
OTHERWISE: Final = "otherwise"
EVIDENCE: Final = "changed evidence"
POPULATION: Final = "changed population"
CATALOGUE: Final = "changed catalogue"
WAIVERS: Final = "changed waivers"
OUTCOME: Final = "changed outcome"
_WORSE: Final = (FAILING, UNDECIDED, LOST)
KINDS: Final = (OUTCOME, FAILING, UNDECIDED, LOST, PASSING, OTHERWISE, EVIDENCE, POPULATION, CATALOGUE, WAIVERS)


def compare(old: Record, new: Record) -> list[Change]:
    """Every difference, in the order of `KINDS`."""
    found = [*_outcome(old, new), *_verdicts(old, new), *_population(old, new), *_catalogue(old, new)]
    found += _waivers(old, new)
    return sorted(found, key=lambda change: KINDS.index(change.kind))


def _outcome(old: Record, new: Record) -> Iterator[Change]:
    before, after = summary_of(old).outcome, summary_of(new).outcome
    if before is not after:
        worse = _OUTCOMES.index(after) > _OUTCOMES.index(before)
        yield Change(OUTCOME, "the run", f"{before} -> {after}", worse)


def _verdicts(old: Record, new: Record) -> Iterator[Change]:
    before, after = _by_key(old), _by_key(new)
    told = _Told(ById(old.observations)), _Told(ById(new.observations))
    for key in dict.fromkeys((*before, *after)):
        yield from _verdict(key, before.get(key, ()), after.get(key, ()), *told)


def _by_key(record: Record) -> Mapping[Key, Sequence[Verdict]]:
    found: dict[Key, list[Verdict]] = {}
    for one in record.verdicts:
        found.setdefault((one.requirement, one.posture, one.account, one.surface), []).append(one)
    return found


def _verdict(
    key: Key, before: Sequence[Verdict], after: Sequence[Verdict], told_before: _Told, told_after: _Told
) -> Iterator[Change]:
    was, is_ = _stands(before), _stands(after)
    what = " ".join(filter(None, key))
    if was != is_:
        reason = next((one.reason for one in after if one.ruling == is_), "")
        detail = f"{was} -> {is_}{f': {reason}' if reason else ''}"
        kind = _kind(was, is_)
        yield Change(kind, what, detail, kind in _WORSE)
    elif (seen := told_before.of(before)) != (now := told_after.of(after)):
        yield Change(EVIDENCE, what, f"{was}: {_difference(seen, now)}")


def _stands(verdicts: Sequence[Verdict]) -> str:
    return worst(one.ruling for one in verdicts) if verdicts else NOT_JUDGED


def _kind(was: str, is_: str) -> str:
    if is_ == Ruling.INCONCLUSIVE:
        return OTHERWISE if was == Ruling.FAIL else UNDECIDED
    if is_ in _UNJUDGED:
        return OTHERWISE if was in _UNJUDGED else LOST
    return FAILING if is_ == Ruling.FAIL else PASSING


@dataclass(frozen=True)
class _Told:
    """What verdicts of a record rest on, without what changes from run to run: names, processes, times."""

    observations: Mapping[str, Observation]

    def of(self, verdicts: Iterable[Verdict]) -> Counter[tuple[str, ...]]:
        found: Counter[tuple[str, ...]] = Counter()
        for one in verdicts:
            found["reason", one.reason] += 1
            found.update(filter(None, map(self._attempt, one.evidence)))
        return found

    def _attempt(self, name: str) -> tuple[str, ...] | None:
        one = self.observations.get(name)
        if one is None:
            return None
        return one.vantage, one.account, one.step, one.operation, one.object, one.layout, str(one.errno)


def _difference(before: Counter[tuple[str, ...]], after: Counter[tuple[str, ...]]) -> str:
    """The first thing that is gone, and the first that is new."""
    gone, come = next(iter((before - after).elements()), ()), next(iter((after - before).elements()), ())
    return f"{' '.join(gone) or 'nothing'} -> {' '.join(come) or 'nothing'}"


def _population(old: Record, new: Record) -> Iterator[Change]:
    before, after = old.header, new.header
    for what, was, is_ in (
        ("target", [before.target], [after.target]),
        ("stage", [before.stage], [after.stage]),
        ("seeded fault", [before.fault or "none"], [after.fault or "none"]),
    ):
        if was != is_:
            yield Change(POPULATION, what, f"{was[0]} -> {is_[0]}")
    for what, were, are in (
        ("postures", before.postures, after.postures),
        ("accounts", before.accounts, after.accounts),
        ("surfaces", _names(before.surfaces), _names(after.surfaces)),
    ):
        yield from _members(POPULATION, what, were, are)


def _names(items: Iterable[Mapping[str, Any]]) -> list[str]:
    return [str(item.get("name", "")) for item in items]


def _members(kind: str, what: str, were: Iterable[str], are: Iterable[str]) -> Iterator[Change]:
    """What is no longer there is worse: nobody looks at it any more."""
    were, are = list(were), list(are)
    if gone := [name for name in were if name not in are]:
        yield Change(kind, what, f"gone: {', '.join(gone)}", worse=True)
    if come := [name for name in are if name not in were]:
        yield Change(kind, what, f"new: {', '.join(come)}")


def _catalogue(old: Record, new: Record) -> Iterator[Change]:
    before = {row["id"]: row for row in old.header.requirements}
    after = {row["id"]: row for row in new.header.requirements}
    yield from _members(CATALOGUE, "requirements", before, after)
    for name in before.keys() & after.keys():
        was, is_ = before[name], after[name]
        if fields := sorted(key for key in was.keys() | is_.keys() if was.get(key) != is_.get(key)):
            weaker = (was["level"], is_["level"]) == ("MUST", "SHOULD")
            yield Change(CATALOGUE, name, f"changed: {', '.join(fields)}", weaker)
    if old.header.harness != new.header.harness:
        yield Change(CATALOGUE, "harness", f"{old.header.harness} -> {new.header.harness}")


def _waivers(old: Record, new: Record) -> Iterator[Change]:
    before = {f"{one.requirement} ({one.scope})": one.expires for one in old.header.waivers}
    after = {f"{one.requirement} ({one.scope})": one.expires for one in new.header.waivers}
    for name in dict.fromkeys((*before, *after)):
        if before.get(name) != after.get(name):
            yield Change(WAIVERS, name, f"{_until(before.get(name))} -> {_until(after.get(name))}")


def _until(day: str | None) -> str:
    return f"until {day}" if day else "none"
