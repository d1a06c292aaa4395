"""Which image of which engine a run has."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

from wallbite.containers.building import build_file
from wallbite.containers.distributions import DEFAULT, distribution
from wallbite.containers.engines import Engine, choose
from wallbite.containers.equipping import Image
from wallbite.containers.failures import essence
from wallbite.containers.stage import ContainerStage
from wallbite.options import RunOptions
from wallbite.problems import EnvironmentProblem, UsageProblem
from wallbite.target.loading import names
from wallbite.target.model import Target

OWN: Final = "wallbite/own"
# What is run where a real init starts the gateway, by a unit: it confers ambient capabilities.
# DROP-11 and DROP-12 need a gateway under a filter of the harness's, which no unit can say.
INIT: Final = (
    "INST-02",
    "INST-05",
    "WALL",
    *(f"DROP-{number:02}" for number in range(1, 17) if number not in {11, 12}),
)
# Where anybody may write on a system with an init, whatever the gateway does.
INIT_PLACES: Final = (
    *("/run/lock", "/run/dbus/system_bus_socket", "/run/systemd/notify", "/run/systemd/io.system.ManagedOOM"),
    *("/run/systemd/userdb/io.systemd.DynamicUser", "/run/systemd/journal/stdout", "/run/systemd/journal/socket"),
    "/run/systemd/journal/dev-log",
)
INIT_POSTURE: Final = "ambient-caps"
PYTHON: Final = "python3"  # of an image of which nothing is said


def container_stage(options: RunOptions, target: Target) -> ContainerStage:
    """The stage that a run's options, and the target's descriptor, ask for.

    Raises:
        EnvironmentProblem: no engine answers, or it has no such image.
        UsageProblem: there is no such distribution.
    """
    if options.distro:
        distribution(options.distro)  # a wrong name is wrong whether or not an engine answers
    engine = choose(options.engine)
    image = _image(engine, options, target)
    packages = [need.name for need in target.gateway.requires if need.kind == "python-package"]
    own = "" if options.target in names() else str(Path(options.target).resolve())
    keep = target.image.keep if target.image and not options.distro else ()
    library = target.library.package if target.library else None
    return ContainerStage(engine, image, packages, own, keep, has_init(options), library)


def has_init(options: RunOptions) -> bool:
    """Whether the options name an image in which a real init is booted."""
    return bool(options.distro) and distribution(options.distro).init


def suited(options: RunOptions) -> RunOptions:
    """The options as they are, or narrowed to what a real init is for.

    Raises:
        UsageProblem: something else was selected for an image with an init.
    """
    if not has_init(options):
        return options
    wrong = [word for word in options.select if word not in INIT and word.partition("-")[0] != "WALL"]
    if wrong or set(options.postures) - {INIT_POSTURE}:
        expected = f"{', '.join(INIT)} in the posture {INIT_POSTURE}"
        raise UsageProblem(f"{options.distro} boots a real init, which is not for all", "", expected)
    return replace(options, select=options.select or INIT, postures=(INIT_POSTURE,))


def _image(engine: Engine, options: RunOptions, target: Target) -> Image:
    if options.image:
        return _present(engine, options.image, target.image.python if target.image else PYTHON)
    if options.distro or target.image is None:
        wanted = distribution(options.distro or DEFAULT)
        id_ = _id(engine, wanted.tag)
        if not id_:
            remedy = f"build it with: wallbite image build {wanted.name}"
            raise EnvironmentProblem(f"{wanted.name}: {engine.name} has no image {wanted.tag}", remedy=remedy)
        return Image(wanted.name, id_, wanted.python)
    if target.image.dockerfile:
        path = Path(target.source.file).parent / target.image.dockerfile
        tag = f"{OWN}:{target.name}"
        build_file(engine, path, tag)
        return Image(target.image.dockerfile, _id(engine, tag), target.image.python)
    return _present(engine, target.image.reference, target.image.python)


def _present(engine: Engine, reference: str, python: str) -> Image:
    """An image of the user's own, asked of its registry where the engine does not have it."""
    id_ = _id(engine, reference)
    if not id_:
        done = engine.say("pull", "--quiet", reference)
        if done.returncode:
            remedy = "build or pull it first; see the images with: " + f"{engine.name} image ls"
            raise EnvironmentProblem(f"no image {reference!r}: {essence(done.stderr)}", remedy=remedy)
        id_ = _id(engine, reference)
    return Image(reference, id_, python)


def _id(engine: Engine, reference: str) -> str:
    done = engine.say("image", "inspect", "--format", "{{.Id}}", reference)
    return done.stdout.strip() if done.returncode == 0 else ""
