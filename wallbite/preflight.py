"""What a user wrote or typed wrong, found before anything is done; the same for every front end."""

from __future__ import annotations

import os

from wallbite import catalogue, waivers
from wallbite.options import RunOptions
from wallbite.problems import UsageProblem
from wallbite.target import load
from wallbite.target.claims import check_claims


def preflight(options: RunOptions) -> None:
    """Find what the user wrote or typed wrong before anything is done.

    Raises:
        UsageProblem: the descriptor, the catalogue, the waivers or an option is wrong, or the user is not root.
    """
    known = catalogue.load()
    target = load(options.target)
    check_claims(target, known)
    catalogue.select(known, options.select, options.profile or target.claims.profile)
    if options.profile not in ("", target.claims.profile):
        what = f"{target.name} does not claim the profile {options.profile!r}"
        raise UsageProblem(what, expected=target.claims.profile, remedy="name a target that claims it")
    _stage(options)
    for posture in options.postures:
        if posture not in target.postures:
            expected = f"one of {', '.join(target.postures)}"
            raise UsageProblem(
                f"{target.name} declares no posture {posture!r}", "", expected, "add it, or name another"
            )
    if options.waivers is not None:
        waivers.load(options.waivers, known)
    if os.geteuid() != 0:
        raise UsageProblem("this user is not root", expected="root", remedy="run: sudo wallbite run ...")


def _stage(options: RunOptions) -> None:
    """Find options of the stage that do not go together."""
    if options.distro and options.image:
        raise UsageProblem("a distribution and an image", expected="one of them")
    if options.stage != "container":
        for name in ("engine", "distro", "image"):
            if getattr(options, name):
                raise UsageProblem(
                    f"--{name} without --stage container", remedy="add --stage container, or leave it out"
                )
