"""Seeded faults: read, never run; what they replace is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from wallbite.content import content
from wallbite.installation import fault
from wallbite.installation.fault import Fault, Notice
from wallbite.problems import UsageProblem

NOTICE = {"DROP-02": Notice("gid", ("root",))}


def test_a_function_is_replaced_with_its_decorators_and_nothing_else() -> None:
    """The rest of the module stays as it is."""
    source = "import os\n\n\n@cache\ndef one():\n    return 1\n\n\ndef two():\n    return 2\n"
    seeded = Fault("f", "", NOTICE, {"m.py": {"one": "def one():\n    return 3"}})
    assert "return 3" in seeded.rewrite("m.py", source)
    assert "@cache" not in seeded.rewrite("m.py", source)
    assert "return 2" in seeded.rewrite("m.py", source)
    assert seeded.rewrite("other.py", source) == source


def test_a_method_is_replaced_in_its_class() -> None:
    """Named as ``Class.method``."""
    source = "class A:\n    def m(self):\n        return 1\n\n    def n(self):\n        return 2\n"
    seeded = Fault("f", "", NOTICE, {"m.py": {"A.m": "def m(self):\n    return 3"}})
    scope: dict[str, type] = {}
    exec(seeded.rewrite("m.py", source), scope)  # noqa: S102 - this very text is what is tested
    assert (scope["A"]().m(), scope["A"]().n()) == (3, 2)


def test_functions_of_two_modules_go_each_into_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where one safeguard alone would hide that the other is missing."""
    text = '"""Two err."""\nNOTICED_BY = {"DROP-02": "gid"}\nREPLACES = {"a.py": ["one"], "b.py": ["two"]}\n'
    (tmp_path / "both.py").write_text(f"{text}\n\ndef one():\n    return 3\n\n\ndef two():\n    return 4\n")
    monkeypatch.setattr(fault, "content", lambda *_parts: tmp_path)
    seeded = fault.load("both")
    assert "return 3" in seeded.rewrite("a.py", "def one():\n    return 1\n")
    assert "return 4" in seeded.rewrite("b.py", "def two():\n    return 2\n")
    assert "return 4" not in seeded.rewrite("a.py", "def one():\n    return 1\n")


def test_a_fault_that_replaces_nothing_is_refused() -> None:
    """Else it would go unnoticed for the wrong reason."""
    seeded = Fault("f", "", NOTICE, {"m.py": {"three": "def three():\n    pass"}})
    with pytest.raises(UsageProblem, match="replaces nothing"):
        seeded.rewrite("m.py", "def one():\n    pass\n")


@pytest.mark.parametrize("name", fault.names())
def test_every_shipped_fault_says_what_it_breaks_and_changes_something(name: str) -> None:
    """One sentence, at least one requirement, and a change that applies."""
    seeded = fault.load(name)
    assert seeded.breaks.endswith(".")
    assert seeded.noticed_by
    assert seeded.functions or seeded.layout or seeded.config or seeded.texts
    for module in seeded.functions:
        source = Path(content("fixtures", "gateway") / module).read_text()
        assert seeded.rewrite(module, source) != source
    for name_of_file in seeded.texts:
        text = Path(content("fixtures", "gateway") / name_of_file).read_text()
        assert seeded.rewrite_text(name_of_file, text) != text


def test_an_unknown_fault_is_named_with_its_nearest() -> None:
    """So that a typo is mended at once."""
    with pytest.raises(UsageProblem, match="no fault is called 'nonsense'"):
        fault.load("nonsense")
