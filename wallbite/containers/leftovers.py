"""What a killed run left: found by its labels, and only where the process that started it is gone."""

from __future__ import annotations

from typing import Final

from wallbite.containers import labels, running
from wallbite.containers.engines import Engine
from wallbite.containers.failures import failure

_SEPARATOR: Final = "\t"


def clear(engine: Engine) -> list[str]:
    """Remove the containers of runs whose harness is gone; says what was removed."""
    dead = [id_ for id_, run in _labelled(engine, "ps", "--all", "--no-trunc") if not labels.alive(run)]
    running.remove(engine, dead)
    return [f"container {id_[:12]}" for id_ in dead]


def remove_containers(engine: Engine, run: str) -> None:
    """Remove every container of one run."""
    running.remove(engine, [id_ for id_, its in _labelled(engine, "ps", "--all", "--no-trunc") if its == run])


def clear_images(engine: Engine, kinds: tuple[str, ...] = ("equipment",)) -> list[str]:
    """Remove the images that runs made for themselves; with ``distribution`` also those that were built on request."""
    removed = []
    for kind in kinds:
        found = _say(engine, "image", "ls", "--no-trunc", "--filter", f"label={labels.KIND}={kind}", "--format", "{{.ID}}")
        for id_ in dict.fromkeys(found.split()):
            done = engine.say("image", "rm", "--force", id_)
            if done.returncode == 0:
                removed.append(f"image {id_.removeprefix('sha256:')[:12]}")
    return removed


def _labelled(engine: Engine, *words: str) -> list[tuple[str, str]]:
    """Id and run of each container with the label."""
    text = _say(
        engine, *words, "--filter", f"label={labels.RUN}", "--format", f'{{{{.ID}}}}{_SEPARATOR}{{{{.Label "{labels.RUN}"}}}}'
    )
    return [(id_, run) for id_, _, run in (line.partition(_SEPARATOR) for line in text.splitlines())]


def _say(engine: Engine, *words: str) -> str:
    done = engine.say(*words)
    if done.returncode:
        raise failure("the engine does not say what it has", done.stderr)
    return done.stdout


__all__ = ["clear", "clear_images", "remove_containers"]
