"""``wallbite image build``: a distribution's image, from a registry where one answers, else bootstrapped."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

from wallbite.containers import labels, leftovers
from wallbite.containers.distributions import Distribution
from wallbite.containers.engines import Engine
from wallbite.containers.equipping import exists
from wallbite.containers.failures import essence, explained, failure
from wallbite.content import content
from wallbite.problems import EnvironmentProblem

MIRROR: Final = "WALLBITE_DEBIAN_MIRROR"  # another mirror for a bootstrap
_OWN: Final = "wallbite/"  # a base that is built here
_MIRROR: Final = "http://deb.debian.org/debian"
_PULL_SECONDS: Final = 600.0
_ROOM: Final = 2 << 30  # bytes that a bootstrap needs for its tree and its archive
_INCLUDED: Final = "python3,ca-certificates,bubblewrap"  # the last for targets that put tools in a sandbox

Say = Callable[[str], None]


def build(engine: Engine, wanted: Distribution, say: Say) -> str:
    """Build a distribution's image anew, and give its reference.

    Raises:
        EnvironmentProblem: there is no base, or the engine cannot build.
    """
    base = _pulled(engine, wanted, say) or _bootstrapped(engine, wanted, say)
    say(f"{wanted.name}: building {wanted.tag} by {wanted.family}.Dockerfile")
    build_file(engine, content("fixtures", "images") / f"{wanted.family}.Dockerfile", wanted.tag, {
        "BASE": base, "PACKAGES": " ".join(wanted.packages), "PYTHON": wanted.python,
    })  # fmt: skip
    return wanted.tag


def build_file(engine: Engine, dockerfile: Path, tag: str, arguments: dict[str, str] | None = None) -> None:
    """Build an image by a Dockerfile, whose folder is the context.

    Raises:
        EnvironmentProblem: it cannot be built; says the last that the engine said.
    """
    words = [word for name, value in (arguments or {}).items() for word in ("--build-arg", f"{name}={value}")]
    words += ["--label", f"{labels.KIND}=distribution"]
    done = engine.say(
        "build", "--network", "host", "--file", str(dockerfile), "--tag", tag, *words, str(dockerfile.parent)
    )
    if done.returncode:
        raise failure(f"{tag} cannot be built", f"{done.stdout}\n{done.stderr}")


def _pulled(engine: Engine, wanted: Distribution, say: Say) -> str:
    """The base from its registry; empty where none answers."""
    if wanted.base.startswith(_OWN):
        if not exists(engine, wanted.base):
            name = wanted.base.removeprefix(_OWN)
            raise EnvironmentProblem(f"{wanted.name}: no base {wanted.base}", remedy=f"wallbite image build {name}")
        return wanted.base
    say(f"{wanted.name}: asking for {wanted.base}")
    try:
        done = engine.say("pull", "--quiet", wanted.base, timeout=_PULL_SECONDS)
    except subprocess.TimeoutExpired:
        return ""
    if done.returncode == 0:
        return wanted.base
    say(f"{wanted.name}: not from a registry: {essence(done.stderr)}")
    if not wanted.suite:
        raise failure(f"{wanted.name}: no base: the registry of {wanted.base} does not give it", done.stderr)
    return ""


def _bootstrapped(engine: Engine, wanted: Distribution, say: Say) -> str:
    """A base of the Debian family, made by mmdebstrap and imported."""
    if not shutil.which("mmdebstrap"):
        raise EnvironmentProblem(f"{wanted.name}: no base", remedy="install mmdebstrap, or let a registry be reached")
    mirror = os.environ.get(MIRROR) or _MIRROR
    say(f"{wanted.name}: bootstrapping {wanted.suite} from {mirror}")
    with leftovers.workplace() as folder:
        if (free := shutil.disk_usage(folder).free) < _ROOM:
            raise EnvironmentProblem(
                f"{wanted.name}: {free >> 20} MiB are free in {folder}", expected=f"{_ROOM >> 20} MiB"
            )
        archive = folder / "root.tar"
        expired = ["--aptopt=Acquire::Check-Valid-Until false"] if wanted.expired else []
        done = subprocess.run(
            ["mmdebstrap", "--variant=minbase", *expired, f"--include={_INCLUDED}", wanted.suite, str(archive), mirror],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "TMPDIR": str(folder)},
        )
        if done.returncode:
            errors = [line for line in done.stderr.splitlines() if line.startswith("E:")]
            raise EnvironmentProblem(f"{wanted.name}: mmdebstrap: {(errors or ['it failed'])[0].removeprefix('E: ')}")
        tag = f"wallbite/base:{wanted.suite}"
        with explained(f"{wanted.name}: the base cannot be imported"):
            engine.client.image.import_(archive, tag=tag, changes=[f"LABEL {labels.KIND}=distribution"])
    return tag
