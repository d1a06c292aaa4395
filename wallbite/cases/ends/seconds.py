"""A second gateway on the state of one that runs: it must be refused, and the first must not suffer by it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from wallbite.cases.scene import Scene
from wallbite.installation.document import dump, with_value
from wallbite.installation.gateway import Gateway
from wallbite.target import Ends, Ready

WITHIN: Final = 5.0  # seconds in which it must have ended


def note_seconds(scene: Scene, ends: Ends, document: Mapping[str, Any], first: Gateway) -> None:
    """One with the same configuration, one that shares nothing but the state, and one that shares nothing."""
    other = changed(scene, document, ends.second)
    documents = {"same": document, "other": other, "apart": changed(scene, other, ends.apart)}
    for name, each in documents.items():
        if name == "same" or ends.second:
            note_second(scene, ends, name, each, first)


def changed(scene: Scene, document: Mapping[str, Any], keys: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration with other values at some dotted places."""
    value = dict(document)
    for place, new in keys.items():
        value = with_value(value, place, scene.installation.expanded(new))
    return value


def note_second(scene: Scene, ends: Ends, name: str, document: Mapping[str, Any], first: Gateway) -> None:
    """Start it, see what becomes of it, and end it."""
    config = scene.target.config
    assert config is not None
    path = Path(os.path.dirname(config.main.path), "second.yaml")
    path.write_text(dump(document))
    ids = scene.gateway_ids
    os.chown(path, ids["uid"], ids["gid"])
    path.chmod(config.main.mode)
    serve = scene.installation.expanded(list(scene.target.gateway.serve), config=str(path))
    second = scene.gateway(ready=ends.second_ready or Ready(file="/nowhere"))
    second.start([str(part) for part in serve])
    # The first answers wherever the second would with the same configuration: there only its end can be seen.
    if name == "same" or not ends.second_ready:
        ended = "exited" if second.wait_end(WITHIN) else "timeout"
    else:
        ended = second.wait(WITHIN)
    seen = {"ended": ended, "exit": second.exit_status, "refused": second.says("refused"), "tail": second.tail()}
    second.kill()
    scene.note("second-gateway", name, **seen, first_alive=first.alive)
    path.unlink()
