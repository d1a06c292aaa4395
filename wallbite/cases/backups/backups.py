"""Having the gateway's own user make a backup."""

from __future__ import annotations

from typing import Final

from wallbite.cases.scene import CaseProblem, Scene
from wallbite.installation.command import run_bounded

BACKUP_WITHIN: Final = 30.0  # seconds


def make(scene: Scene, to: str) -> None:
    """Have the gateway's own user make a backup of everything.

    Raises:
        CaseProblem: it failed.
    """
    code, said = attempt(scene, to)
    if code:
        raise CaseProblem(f"the backup verb ended with {code}: {said[-300:]}")


def attempt(scene: Scene, to: str, scope: str = "", umask: int = 0o022) -> tuple[int, str]:
    """Have the gateway's own user run the backup verb; its exit code, and the end of what it said.

    Raises:
        CaseProblem: it could not be run.
    """
    verb = scene.target.gateway
    argv = [str(part) for part in scene.installation.expanded(list(verb.backup), to=to, scope=scope or whole(scene))]
    ids = scene.gateway_ids
    try:
        return run_bounded(
            argv,
            BACKUP_WITHIN,
            user=ids["uid"],
            group=ids["gid"],
            extra_groups=[],
            umask=umask,
            cwd="/",
            env={"PATH": "/usr/bin:/bin"},
        )
    except OSError as error:
        raise CaseProblem(f"the backup verb did not run: {error}") from error


def whole(scene: Scene) -> str:
    """The scope that holds everything: the last one."""
    return next(reversed(list(scene.target.gateway.backup_scopes)), "")
