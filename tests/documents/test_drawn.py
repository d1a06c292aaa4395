"""Documents drawn by Hypothesis: the strict reader ends in values or in a problem of one line, and in nothing else."""

from __future__ import annotations

import time

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wallbite.documents import parse
from wallbite.problems import UsageProblem

SECONDS = 2.0
PIECES = st.sampled_from(
    ["a: 1\n", "a: 2\n", "- x\n", "\t", "  ", "&a ", "*a", "!!python/object:os.system ", "{", "}", "[", "]", "? ", ": ",
     "|\n", ">-\n", "'", '"', "---\n", "...\n", "%YAML 9.9\n", "#\n", "\0", "\x85", "\u2028", "\ud7ff", "<<: ", "null",
     "0x1f", "1e999", "2020-01-01", "=", "é", "\\x", "[" * 200, "{a: " * 200]
)  # fmt: skip
BYTES = st.one_of(
    st.binary(max_size=200),
    st.lists(PIECES, max_size=30).map(lambda parts: "".join(parts).encode("utf-8", "surrogatepass")),
)


@settings(max_examples=1000, database=None, deadline=None, suppress_health_check=list(HealthCheck))
@given(BYTES)
def test_whatever_comes_ends_in_values_or_in_a_problem(data: bytes) -> None:
    """In bounded time, and the problem is one line."""
    began = time.process_time()
    try:
        parse(data, "drawn.yaml")
    except UsageProblem as problem:
        assert "\n" not in str(problem)
    assert time.process_time() - began < SECONDS
