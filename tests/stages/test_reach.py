"""Reach: interpreter and files at their own paths for every uid."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from wallbite.stages import reach
from wallbite.stages.pool import Pool


def test_the_interpreter_starts_for_a_confined_uid(stage: Any) -> None:
    """Wherever Python lies, an account starts it at the same path, and can neither list its parents nor write it."""
    seen = stage("reachable")
    assert seen["executable"] == sys.executable
    assert seen["root"] == "EACCES"
    assert set(seen["root_has"]) <= {Path(tree).parts[2] for tree in _trees() if tree.startswith("/root/")}
    assert seen["write"] == "EROFS"
    assert seen["package"] > 0


def _trees() -> tuple[str, ...]:
    return reach.survey(reach.python_trees()).trees


def test_an_interpreter_that_does_not_start_is_an_environment_problem(run: Any) -> None:
    """A probe that cannot run must not look denied."""
    result = run("unreachable")
    assert result.problem.startswith("EnvironmentProblem")
    assert "No module named 'no_such_module'" in result.problem


def test_a_tree_below_closed_parents_is_reachable(tmp_path: Path) -> None:
    """A further tree is seen in the stage at its own path, also below a 0700 directory."""
    closed = tmp_path / "closed"
    (closed / "tree").mkdir(parents=True)
    closed.chmod(0o700)
    (closed / "tree" / "file").write_text("here")
    (closed / "other").write_text("not here")
    with Pool(1, "conducts:conduct", trees=[closed / "tree"]) as pool:
        (result,) = pool.run([{"do": "reachable", "tree": str(closed / "tree" / "file")}])
    assert result.problem is None, result.trace
    assert result.observations[0]["seen"]["tree"] == "here"


def test_links_on_the_way_are_laid_too(tmp_path: Path) -> None:
    """A path through links resolves in the stage as it does on the host."""
    (tmp_path / "real" / "tree").mkdir(parents=True)
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "again").symlink_to(tmp_path / "link" / "tree")
    found = reach.survey([tmp_path / "again"])
    assert found.trees == (str(tmp_path / "real" / "tree"),)
    assert dict(found.links) == {
        str(tmp_path / "again"): str(tmp_path / "link" / "tree"),
        str(tmp_path / "link"): "real",
    }


def test_a_tree_within_a_tree_is_laid_once(tmp_path: Path) -> None:
    """Only the outermost of nested trees is bound."""
    (tmp_path / "tree" / "inner").mkdir(parents=True)
    assert reach.survey([tmp_path / "tree" / "inner", tmp_path / "tree"]).trees == (str(tmp_path / "tree"),)


@pytest.mark.parametrize("path", ["/usr/bin/env", "/bin/sh", "/lib"])
def test_the_system_is_there_already(path: str) -> None:
    """Nothing below /usr is bound a second time."""
    assert reach.survey([path]) == reach.Reach()


def test_a_loop_of_links_ends(tmp_path: Path) -> None:
    """A path that never resolves does not hang the survey."""
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    assert reach.survey([tmp_path / "a"]).links
