"""An answer is taken whole or not at all."""

from __future__ import annotations

import io
import json
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallbite.probing.answers import AnswerProblem, Result, parse
from wallbite.probing.plan import Attempt, Plan, plan
from wallbite.probing.run_here import load_probe

PLAN = plan("9f00", [Attempt("read", "file", path=path) for path in ("/etc/passwd", "/nowhere", "/")], answer="stdout")


def lines(asked: Plan = PLAN) -> list[bytes]:
    """A real answer, line by line."""
    return list(load_probe().answer_lines(asked.to_document()))


WHOLE = lines()
Change = Callable[[list[Any]], None]


def changed(change: Change) -> bytes:
    """A real answer, changed as documents, without the digest that would notice any change."""
    documents = [json.loads(line) for line in WHOLE]
    del documents[-1]["sha256"]
    change(documents)
    return b"".join(json.dumps(one).encode() + b"\n" for one in documents)


def put(*path: Any, value: Any) -> Change:
    """Sets a value deep in the documents."""

    def change(documents: list[Any]) -> None:
        where: Any = documents
        for key in path[:-1]:
            where = where[key]
        where[path[-1]] = value

    return change


def without(*path: Any) -> Change:
    """Deletes a value deep in the documents."""

    def change(documents: list[Any]) -> None:
        where: Any = documents
        for key in path[:-1]:
            where = where[key]
        del where[path[-1]]

    return change


def test_a_whole_answer_is_parsed() -> None:
    """Results stand in the plan's order, whoever wrote the file is kept."""
    answer = parse(io.BytesIO(b"".join(WHOLE)), PLAN, owner_uid=62_001)
    assert [result.errno for result in answer.results] == ["OK", "ENOENT", "EISDIR"]
    assert answer.owner_uid == 62_001
    assert parse(changed(lambda _: None), PLAN).results == answer.results


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"x" * 2_000, "not whole"),
        (b"".join(WHOLE)[:-1], "not whole"),
        (b"".join(WHOLE[:-1]), "end line is missing"),
        (b"".join(WHOLE) + b"\n", "more after the end"),
        (b"".join(WHOLE) * 2, "more after the end"),
        (b"\n" + b"".join(WHOLE), "not JSON"),
        (b"\xff\n", "not UTF-8"),
        ("{}\n".encode("utf-16"), "not UTF-8"),
        (b"\xef\xbb\xbf" + b"".join(WHOLE), "not JSON"),
        (b"[" * 100_000 + b"\n", "nested|JSON"),
        (b'{"a":' * 100_000 + b"\n", "nested|JSON"),
        (b"[]\n", "no JSON object"),
        (b"null\n", "no JSON object"),
        (b'{"schema": "a", "schema": "b"}\n', "twice"),
        (b'{"schema": NaN}\n', "NaN"),
        (b'{"schema": -Infinity}\n', "Infinity"),
        (b'{"schema": 1e999}\n', "too large"),
        (b'{"schema": ' + b"9" * 5_000 + b"}\n", "not JSON"),
        (b'{"schema": "\\ud800"}\n', "not UTF-8"),
        (WHOLE[0].replace(b"9f00", b"9f01") + b"".join(WHOLE[1:]), "another plan"),
        (WHOLE[0] + WHOLE[1].replace(b"ENOENT", b"EACCES") + WHOLE[2], "digest"),
        (changed(put(0, "schema", value="wallbite-answer/2")), "schema"),
        (changed(put(0, "extra", value=1)), "unknown member"),
        (changed(without(0, "who")), "lacks who"),
        (changed(put(0, "who", value=[])), "no object"),
        (changed(without(0, "who", "uids")), "lacks uids"),
        (changed(put(0, "who", "uids", value=[0, 0, 0])), "who.uids"),
        (changed(put(0, "who", "uids", value=[0, 0, 0, True])), "who.uids"),
        (changed(put(0, "who", "groups", value=["0"])), "who.groups"),
        (changed(put(0, "who", "capabilities", "effective", value="0x0")), "who.capabilities"),
        (changed(without(0, "who", "capabilities", "ambient")), "who.capabilities"),
        (changed(put(0, "who", "no_new_privs", value=1)), "who.no_new_privs"),
        (changed(put(0, "who", "descriptors", value=[[0]])), "who.descriptors"),
        (changed(put(0, "who", "umask", value="0o77")), "who.umask"),
        (changed(put(0, "who", "cwd", value=1)), "who.cwd"),
        (changed(put(0, "who", "limits", value={"core": [0]})), "who.limits"),
        (changed(put(0, "who", "environment", value=["x" * (1 << 21)])), "too large"),
        (changed(put(0, "who", "pid", value=1 << 70)), "64 bits"),
        (changed(put(0, "carrier", value=None)), "carrier is no object"),
        (changed(put(0, "carrier", "attempt", value="1")), "carrier.attempt"),
        (changed(put(0, "carrier", "secrets", value={"a": "plain"})), "carrier.secrets"),
        (changed(put(1, "at", value={})), "no list"),
        (changed(put(1, "more", value=1)), "unknown member"),
        (changed(put(1, "at", 0, value=[0, "OK"])), "not .number, errno, seen"),
        (changed(put(1, "at", 0, 0, value=1)), "there twice"),
        (changed(put(1, "at", 0, 0, value=3)), "out of range"),
        (changed(put(1, "at", 0, 0, value=-1)), "number is -1"),
        (changed(put(1, "at", 0, 0, value=True)), "number is True"),
        (changed(put(1, "at", 0, 0, value=0.0)), "number is 0.0"),
        (changed(without(1, "at", 0)), "number 0 is missing"),
        (changed(put(1, "at", 0, 1, value="EFOO")), "unknown errno"),
        (changed(put(1, "at", 0, 1, value=13)), "unknown errno"),
        (changed(put(1, "at", 0, 1, value=["OK"])), "unknown errno"),
        (changed(put(1, "at", 0, 2, value="x")), "saw no object"),
        (changed(put(1, "at", 0, 2, value={"a": "x" * (1 << 19)})), "too large"),
        (changed(put(1, "at", 0, 2, value={"a": [0] * (1 << 17)})), "too large"),
        (changed(put(1, "at", 0, 2, value={"a": [[[[[[[]]]]]]]})), "too deep"),
        (changed(put(1, "at", 0, 2, value={"a": 1 << 64})), "64 bits"),
        (changed(put(2, "end", value="9f01")), "nonce"),
        (changed(put(2, "count", value=2)), "count is 2"),
        (changed(put(2, "count", value=3.0)), "count is 3.0"),
        (changed(without(2, "count")), "lacks count"),
    ],
)
def test_what_is_no_answer_is_refused_for_its_reason(data: bytes, reason: str) -> None:
    """Each way to be wrong has one reason, in one printable line."""
    with pytest.raises(AnswerProblem, match=reason) as caught:
        parse(data, PLAN)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300


def test_more_than_the_bound_is_never_read() -> None:
    """A flood costs its bound, not its size."""

    class Flood(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            buffer[:] = b"x" * len(buffer)
            return len(buffer)

    tracemalloc.start()
    with pytest.raises(AnswerProblem, match="larger than 1000000 bytes"):
        parse(io.BufferedReader(Flood()), PLAN, bound=1_000_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10_000_000


@given(st.integers(0, len(b"".join(WHOLE)) - 1), st.integers(0, 255))
def test_a_changed_byte_is_noticed_or_means_the_same(at: int, byte: int) -> None:
    """Never another exception, and never another meaning."""
    data = bytearray(b"".join(WHOLE))
    data[at] = byte
    try:
        answer = parse(bytes(data), PLAN)
    except AnswerProblem:
        return
    assert answer == parse(b"".join(WHOLE), PLAN)


@given(st.binary(max_size=200), st.integers(0, len(b"".join(WHOLE))), st.integers(0, 300))
def test_cutting_and_inserting_are_noticed(extra: bytes, at: int, length: int) -> None:
    """Torn, interleaved and doubled answers are none."""
    whole = b"".join(WHOLE)
    data = whole[:at] + extra + whole[at + length :]
    try:
        answer = parse(data, PLAN)
    except AnswerProblem:
        return
    assert answer == parse(whole, PLAN)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
PATHS = [
    ("schema",), ("nonce",), ("who",), ("carrier",), ("who", "pid"), ("who", "uids"), ("who", "capabilities"),
    ("who", "descriptors"), ("who", "limits"), ("who", "environment"), ("who", "signals"), ("carrier", "plugin"),
]  # fmt: skip


@given(st.sampled_from(PATHS), JSON)
def test_any_value_anywhere_is_parsed_or_refused(path: tuple[str, ...], value: Any) -> None:
    """Never another exception than the one."""
    try:
        answer = parse(changed(put(0, *path, value=value)), PLAN)
    except AnswerProblem:
        return
    json.dumps([answer.who, answer.carrier], ensure_ascii=False).encode("utf-8")


@given(JSON)
def test_any_result_is_parsed_or_refused(value: Any) -> None:
    """The same for results."""
    for change in (put(1, "at", value=value), put(1, "at", 0, value=value), put(1, "at", 0, 2, value=value)):
        try:
            answer = parse(changed(change), PLAN)
        except AnswerProblem:
            continue
        assert all(isinstance(result, Result) for result in answer.results)
