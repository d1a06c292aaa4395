"""Having the gateway's own user make a backup."""

from __future__ import annotations

from typing import Final

from wallbite.cases.scene import CaseProblem, Scene
from wallbite.installation.command import run_bounded

BACKUP_WITHIN: Final = 30.0  # seconds


def make(scene: Scene, to: str) -> None:
    """Have the gateway's own user run the backup verb.

    Raises:
        CaseProblem: it failed.
    """
    argv = [str(part) for part in scene.installation.expanded(list(scene.target.gateway.backup), to=to)]
    ids = scene.gateway_ids
    try:
        code, said = run_bounded(
            argv,
            BACKUP_WITHIN,
            user=ids["uid"],
            group=ids["gid"],
            extra_groups=[],
            umask=0o022,
            cwd="/",
            env={"PATH": "/usr/bin:/bin"},
        )
    except OSError as error:
        raise CaseProblem(f"the backup verb did not run: {error}") from error
    if code:
        raise CaseProblem(f"the backup verb ended with {code}: {said[-300:]}")
