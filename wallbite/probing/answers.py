"""Answers: what a probe wrote, taken apart with the suspicion that a hostile target deserves.

An answer is JSON lines: a header with the identity, batches of results, an end line. Nothing of it is believed before
all of it is there and well-formed; whatever is wrong is an `AnswerProblem` with one reason, and there is no answer.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

from wallbite.probing import shapes
from wallbite.probing.plan import Plan
from wallbite.probing.shapes import AnswerProblem

__all__ = ["ANSWER_BYTES", "ANSWER_SCHEMA", "Answer", "AnswerProblem", "Result", "parse"]

ANSWER_SCHEMA: Final = "wallbite-answer/1"
ANSWER_BYTES: Final = 4 << 20  # of one answer


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one attempt.

    Attributes:
        errno: ``OK``, an errno's name, or None where there was none.
        seen: what was seen besides; its ``error`` says why there is no errno.
    """

    errno: str | None
    seen: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer.

    Attributes:
        who: the identity that the probe read of itself.
        carrier: what carried it: plugin, job, command, attempt, secrets.
        results: one for each attempt of the plan, in its order.
        owner_uid: who wrote the file, as the kernel says; None where it came by another's log.
    """

    who: Mapping[str, Any]
    carrier: Mapping[str, Any]
    results: tuple[Result, ...]
    owner_uid: int | None = None


def parse(stream: BinaryIO | bytes, plan: Plan, bound: int = ANSWER_BYTES, owner_uid: int | None = None) -> Answer:
    """Reads one answer, line by line, never more than `bound` bytes.

    Raises:
        AnswerProblem: it is not, in whole, an answer to this plan.
    """
    lines = _lines(io.BytesIO(stream) if isinstance(stream, bytes) else stream, bound)
    whole = hashlib.sha256()
    who, carrier = _header(next(lines, b""), plan, whole)
    results: list[Result | None] = [None] * len(plan.attempts)
    for line in lines:
        document = shapes.document(line)
        if "end" in document:
            _end(document, plan, whole.hexdigest())
            break
        whole.update(line)
        _fill(results, document, plan)
    else:
        raise AnswerProblem("the end line is missing")
    if next(lines, b""):
        raise AnswerProblem("there is more after the end line")
    return Answer(who, carrier, tuple(_complete(results)), owner_uid)


def _lines(stream: BinaryIO, bound: int) -> Iterator[bytes]:
    left = bound
    while line := stream.readline(left + 1):
        left -= len(line)
        if left < 0:
            raise AnswerProblem(f"the answer is larger than {bound} bytes")
        if not line.endswith(b"\n"):
            raise AnswerProblem("the last line is not whole")
        yield line


def _header(line: bytes, plan: Plan, whole: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    if not line:
        raise AnswerProblem("the answer is empty")
    whole.update(line)
    head = shapes.document(line)
    shapes.members(head, {"schema", "nonce", "who", "carrier"}, "the header")
    if head["schema"] != ANSWER_SCHEMA:
        raise AnswerProblem(f"schema is {shapes.short(head['schema'])}, expected {ANSWER_SCHEMA!r}")
    if head["nonce"] != plan.nonce:
        raise AnswerProblem("the nonce is another plan's")
    return shapes.who(head["who"]), shapes.carrier(head["carrier"])


def _end(document: dict[str, Any], plan: Plan, digest: str) -> None:
    shapes.members(document, {"end", "count"}, "the end line", {"sha256"})
    if document["end"] != plan.nonce:
        raise AnswerProblem("the end line has the nonce of another plan")
    if type(document["count"]) is not int or document["count"] != len(plan.attempts):
        raise AnswerProblem(f"count is {shapes.short(document['count'])}, the plan has {len(plan.attempts)} attempts")
    if document.get("sha256", digest) != digest:
        raise AnswerProblem("the lines are not those that the probe wrote: their digest differs")


def _fill(results: list[Result | None], document: dict[str, Any], plan: Plan) -> None:
    shapes.members(document, {"at"}, "a batch")
    if type(document["at"]) is not list:
        raise AnswerProblem("a batch is no list")
    for record in document["at"]:
        number, errno, seen = shapes.record(record)
        if number >= len(results):
            raise AnswerProblem(f"number {number} is out of range, the plan has {len(results)} attempts")
        if results[number] is not None:
            raise AnswerProblem(f"number {number} is there twice")
        shapes.seen_by(plan.attempts[number].operation, number, seen)
        results[number] = Result(errno, seen)


def _complete(results: list[Result | None]) -> Iterator[Result]:
    for number, result in enumerate(results):
        if result is None:
            raise AnswerProblem(f"number {number} is missing")
        yield result
