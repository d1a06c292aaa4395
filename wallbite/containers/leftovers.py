"""What killed runs left: found by its labels and names, and only where the process that started it is gone."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from wallbite.containers import labels, running
from wallbite.containers.engines import Engine
from wallbite.containers.failures import failure

_PREFIX: Final = "wallbite."
_SEPARATOR: Final = "\t"


@contextlib.contextmanager
def workplace() -> Iterator[Path]:
    """A temporary directory whose name says which run it belongs to."""
    with tempfile.TemporaryDirectory(prefix=f"{_PREFIX}{labels.this_run()}.") as folder:
        Path(folder).chmod(0o711)  # what is bootstrapped in it has users of its own
        yield Path(folder)


def clear(engine: Engine) -> list[str]:
    """Remove what runs left whose harness is gone, save images; says what was removed."""
    dead = [id_ for id_, run in _labelled(engine) if not labels.alive(run)]
    running.remove(engine, dead)
    return [*(f"container {id_[:12]}" for id_ in dead), *_clear_workplaces()]


def remove_containers(engine: Engine, run: str) -> None:
    """Remove every container of one run."""
    running.remove(engine, [id_ for id_, its in _labelled(engine) if its == run])


def clear_images(engine: Engine, kinds: Sequence[str]) -> list[str]:
    """Remove images of these kinds, as far as no container uses them."""
    removed = list[str]()
    for kind in kinds:
        waiting = set(_say(engine, "image", "ls", "--quiet", "--no-trunc", *_filter(f"{labels.KIND}={kind}")).split())
        while gone := {id_ for id_ in waiting if _untagged(engine, id_)}:  # what lies above goes first
            waiting -= gone
            removed += [f"image {id_.removeprefix('sha256:')[:12]}" for id_ in gone]
    return removed


def _untagged(engine: Engine, id_: str) -> bool:
    tags = engine.say("image", "inspect", "--format", "{{range .RepoTags}}{{.}} {{end}}", id_).stdout.split()
    return engine.say("image", "rm", *(tags or [id_])).returncode == 0


def _labelled(engine: Engine) -> list[tuple[str, str]]:
    """Id and run of each container of a run; one that is gone meanwhile is left out."""
    ids = _say(engine, "ps", "--all", "--quiet", "--no-trunc", *_filter(f"{labels.KIND}=container")).split()
    if not ids:
        return []
    shown = f'{{{{.Id}}}}{_SEPARATOR}{{{{index .Config.Labels "{labels.RUN}"}}}}'
    lines = engine.say("container", "inspect", "--format", shown, *ids).stdout.splitlines()
    return [(id_, run) for id_, _, run in (line.partition(_SEPARATOR) for line in lines)]


def _filter(label: str) -> tuple[str, str]:
    return "--filter", f"label={label}"


def _clear_workplaces() -> list[str]:
    """Temporary directories of dead runs; only root's own, and never through a link."""
    removed = []
    for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        run = path.name.removeprefix(_PREFIX).rpartition(".")[0]
        with contextlib.suppress(FileNotFoundError):  # its run has just ended, and takes it away
            if path.is_symlink() or path.lstat().st_uid != os.geteuid() or labels.alive(run):
                continue
            shutil.rmtree(path, ignore_errors=True)
            removed.append(f"directory {path}")
    return removed


def _say(engine: Engine, *words: str) -> str:
    done = engine.say(*words)
    if done.returncode:
        raise failure(f"{engine.name} does not say what it has", done.stderr)
    return done.stdout
