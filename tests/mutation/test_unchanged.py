"""Which mutants are sorted out before any boot: none that changes what runs."""

from __future__ import annotations

import pytest

from tests.mutation.unchanged import same

HEAD = '"""A module."""\n\nfrom __future__ import annotations\n\nimport os\nimport stat\n\n'
SAME = {
    "an annotation of an argument": (
        "def f(a: int | None) -> str | None: ...",
        "def f(a: int + None) -> str & None: ...",
    ),
    "an annotation of a variable": ("a: int | None = 1", "a: int ** None = 1"),
    "a docstring": ('def f():\n    """One."""\n    return 1', 'def f():\n    """Two."""\n    return 1'),
    "flags without a common bit": ("a = os.O_WRONLY | os.O_CREAT", "a = os.O_WRONLY ^ os.O_CREAT"),
    "a product": ("a = 8 * 1024", "a = 8 << 10"),
}
DIFFERENT = {
    "a union that is evaluated": ("T = int | None", "T = int & None"),
    "flags with a common bit": ("a = os.O_RDWR | os.O_RDWR", "a = os.O_RDWR ^ os.O_RDWR"),
    "a default": ("def f(a: int = 1): ...", "def f(a: int = 2): ..."),
    "a field's name": ("class A:\n    a: int", "class A:\n    b: int"),
    "a text that is no docstring": ('a = "one"', 'a = "two"'),
    "a text on its own, which is no docstring either": ("def f():\n    f()\n    'a'", "def f():\n    f()\n    f()"),
    "a name's value": ("a = stat.S_ISVTX | b", "a = stat.S_ISVTX + b"),
    "a whole number and a fraction": ("a = 8", "a = 8 / 1"),
    "a number and a truth": ("a = 1", "a = True"),
    "a number too large to be computed": ("a = 2 ** 100000", "a = 2 << 99999"),
    "a division by nothing": ("a = 1 // 0", "a = 1 % 0"),
}


@pytest.mark.parametrize("name", SAME)
def test_what_changes_nothing_is_known(name: str) -> None:
    """Neither annotations and docstrings, nor another way to write a constant."""
    one, other = SAME[name]
    assert one != other
    assert same(HEAD + one, HEAD + other)


@pytest.mark.parametrize("name", DIFFERENT)
def test_what_may_change_something_is_tried(name: str) -> None:
    """Everything else."""
    one, other = DIFFERENT[name]
    assert not same(HEAD + one, HEAD + other)


def test_annotations_count_where_they_are_evaluated() -> None:
    """Without the import from `__future__`."""
    assert not same("def f(a: int | None): ...", "def f(a: int + None): ...")
