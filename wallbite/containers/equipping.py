"""Equipment: an image with Wallbite in it, beside whatever the image has.

Two layers, each made once: the packages that the harness needs, for the image's own Python and C library; and the
harness itself. Both lie below ``/usr/lib/wallbite``, which every stage sees read-only. A target that is a Python
package comes with the first, in an environment of its own: neither finds anything of the other's.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from packaging.specifiers import SpecifierSet

from wallbite.containers import labels, leftovers, running
from wallbite.containers.asking import Interpreter, interpreter_of
from wallbite.containers.engines import Engine
from wallbite.containers.failures import essence, failure
from wallbite.content import FOLDERS, root
from wallbite.problems import EnvironmentProblem
from wallbite.target.library import Package

PLACE: Final = "/usr/lib/wallbite"
ENVIRONMENT: Final = "wallbite/environment"
EQUIPPED: Final = "wallbite/equipped"
# Of the harness's own requirements, those that a conductor imports; versions are those of the package's metadata.
_CONDUCTORS: Final = ("hypothesis", "jsonschema-rs", "packaging", "pyrage", "pyyaml", "waitress", "zstandard")
_PIP_SECONDS: Final = 600.0


@dataclass(frozen=True, slots=True)
class Image:
    """An image that a stage can be made of.

    Attributes:
        named: what the user calls it.
        id: the engine's digest of it.
        python: the interpreter in it that runs the harness.
    """

    named: str
    id: str
    python: str = "python3"


def equip(engine: Engine, image: Image, packages: Sequence[str] = (), library: Package | None = None) -> str:
    """The equipped image of `image`, made where it is not there yet.

    Args:
        engine: whose images these are.
        image: what is equipped.
        packages: further requirements, such as a target's.
        library: the package that the target is. Where it does not take the image's Python its environment stays empty.

    Raises:
        EnvironmentProblem: the image has no fit Python, pip found no packages for it, or the engine refuses.
    """
    wanted = sorted([*requirements(), *packages])
    given = [library.python, dict(library.requires)] if library else []
    environment = f"{ENVIRONMENT}:{_short(image.id, image.python, json.dumps([wanted, given]))}"
    if not exists(engine, environment):
        _make_environment(engine, image, wanted, library, environment)
    equipped = f"{EQUIPPED}:{_short(environment, harness_digest())}"
    if not exists(engine, equipped):
        _make_equipped(engine, environment, equipped)
    return equipped


def requirements() -> list[str]:
    """What a conductor needs besides the standard library, as the package's metadata says."""
    found = {}
    for line in importlib.metadata.requires("wallbite") or ():
        name = line.partition(";")[0].strip()
        bare = name.split(">")[0].split("=")[0].split("[")[0].strip().lower().replace("_", "-")
        if "extra ==" not in line and bare in _CONDUCTORS:
            found[bare] = name
    if lost := set(_CONDUCTORS) - found.keys():
        raise EnvironmentProblem(f"this installation of Wallbite does not name {', '.join(sorted(lost))}")
    return list(found.values())


def harness_files() -> dict[str, Path]:
    """Every file of the package and its content, by its place below the harness's folder."""
    package = Path(__file__).resolve().parents[1]
    tops = [package, *(root() / name for name in FOLDERS if root() != package / "content")]
    return {str(path.relative_to(top.parent)): path for top in tops for path in _files(top)}


def harness_digest() -> str:
    """SHA-256 over what would be copied, in hex."""
    digest = hashlib.sha256()
    for name, path in sorted(harness_files().items()):
        digest.update(f"{name}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def exists(engine: Engine, reference: str) -> bool:
    """Whether the engine has an image of this name."""
    return engine.say("image", "inspect", "--format", "{{.Id}}", reference).returncode == 0


def _files(top: Path) -> Iterable[Path]:
    return (path for path in top.rglob("*") if path.is_file() and "__pycache__" not in path.parts)


def _short(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _make_environment(engine: Engine, image: Image, wanted: Sequence[str], library: Package | None, tag: str) -> None:
    interpreter = interpreter_of(engine, image.id, image.python, image.named)
    with leftovers.workplace() as folder:
        top = folder / "wallbite"
        _install(interpreter, wanted, _environment(interpreter, top), image.named)
        if library:
            _install_library(interpreter, library, _environment(interpreter, top / Path(running.LIBRARY).name), image)
        _layer(engine, image.id, interpreter.path, top, tag)


def _environment(interpreter: Interpreter, top: Path) -> Path:
    """Lay a virtual environment of the image's Python; the folder of its packages."""
    version = f"{interpreter.version[0]}.{interpreter.version[1]}"
    packages = top / "lib" / f"python{version}" / "site-packages"
    packages.mkdir(parents=True)
    (top / "bin").mkdir()
    (top / "bin" / "python").symlink_to(interpreter.path)
    home = os.path.dirname(interpreter.path)
    settings = f"home = {home}\ninclude-system-site-packages = false\nversion = {version}\n"
    (top / "pyvenv.cfg").write_text(settings)
    return packages


def _install_library(interpreter: Interpreter, library: Package, folder: Path, image: Image) -> None:
    """Install what the descriptor names; an image whose Python it does not take has the reason asked of it later."""
    if interpreter.release not in SpecifierSet(library.python, prereleases=True):
        return
    for key, words in (("with-dependencies", ()), ("alone", ("--no-deps",))):
        if wanted := library.requires.get(key):
            _install(interpreter, wanted, folder, image.named, words)


def _make_equipped(engine: Engine, environment: str, tag: str) -> None:
    with leftovers.workplace() as folder:
        top = folder / "wallbite"
        for name, path in harness_files().items():
            place = top / "harness" / name
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place)
        _layer(engine, environment, running.PYTHON, top, tag)


def _install(
    interpreter: Interpreter, wanted: Sequence[str], folder: Path, named: str, more: Sequence[str] = ()
) -> None:
    """Have this machine's pip fetch wheels for the image's Python, and unpack them; nothing of them is run here.

    In two steps: of its verbs only `download` asks whether a package takes the image's Python, and not this machine's.
    """
    version = ".".join(map(str, interpreter.version))
    words = [word for platform in interpreter.platforms for word in ("--platform", platform)]
    words += ["--python-version", version, "--implementation", "cp", "--only-binary=:all:"]
    with leftovers.workplace() as wheels:
        told = _pip("download", *words, *more, "--dest", str(wheels), *wanted)
        if not told:
            fetched = sorted(map(str, wheels.glob("*.whl")))
            unpack = ("--no-index", "--no-deps", "--ignore-requires-python", "--no-compile", "--target", str(folder))
            told = _pip("install", *words, *unpack, *fetched)
    if told:
        remedy = "pip needs a package index that it can reach: check the network, or set PIP_INDEX_URL"
        raise EnvironmentProblem(f"{named}: no packages for its Python {version}: {told}", remedy=remedy)


def _pip(*words: str) -> str:
    """Call this machine's pip; what it complains of where it fails, else nothing."""
    done = subprocess.run(
        [sys.executable, "-m", "pip", words[0], "--quiet", "--disable-pip-version-check", "--no-input", *words[1:]],
        capture_output=True,
        text=True,
        check=False,
        timeout=_PIP_SECONDS,
    )
    errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
    return essence("\n".join(errors) or done.stderr or f"pip ended with {done.returncode}") if done.returncode else ""


def _layer(engine: Engine, below: str, python: str, top: Path, tag: str) -> None:
    """Copy a tree into a container of an image, compile it there, and keep what came of it as an image."""
    for path in (top, *top.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() else 0o644)
    changed = {"cap_add": ["DAC_OVERRIDE"], "interactive": False, "remove": False}
    command = [python, "-I", "-m", "compileall", "-q", "-j", "1", PLACE]
    made = running.create(engine, below, command, {"/usr/lib/": str(top)}, changed)
    try:
        done = engine.say("start", "--attach", made)
        if done.returncode and "Error compiling" not in done.stdout:  # a package may hold files of another Python
            raise EnvironmentProblem(f"the harness cannot be compiled in the image: {essence(done.stderr)}")
        # A container has the labels of its image: whoever starts one of this must not seem to be a run that died.
        plain = [
            word
            for name, value in ((labels.KIND, "equipment"), (labels.RUN, '""'))
            for word in ("--change", f"LABEL {name}={value}")
        ]
        kept = engine.say("commit", *plain, made, tag)
        if kept.returncode:
            raise failure("the image cannot be equipped", kept.stderr)
    finally:
        running.remove(engine, [made])
