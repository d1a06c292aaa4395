"""What a target needs of the harness's machine, beyond its descriptor."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
from collections.abc import Callable, Mapping
from typing import Final

from wallbite.target.library import Package, missing_package
from wallbite.target.model import Target
from wallbite.target.running import Need


def missing(target: Target, *, contained: bool = False) -> str:
    """Why a target cannot be run here, in a sentence; empty where nothing is missing.

    Args:
        target: what is to be run.
        contained: whether in a container; what a library's package lacks is asked for there.
    """
    reasons = [_CHECKS[need.kind](need.name) for need in target.gateway.requires]
    if package := target.library and target.library.package:
        reasons.append(_not_given(package) if contained else missing_package(package))
    return "; ".join(reason for reason in reasons if reason)


def _not_given(package: Package) -> str:
    told = f"the descriptor does not say what of {package.name} a container is given (package.requires)"
    return "" if package.requires else f"not provided: {told}"


def _python_package(name: str) -> str:
    try:
        importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return f"not provided: the Python package {name!r} is not installed beside Wallbite; pip install {name}"
    return ""


def _environment(name: str) -> str:
    path = os.environ.get(name, "")
    if not path:
        return f"not provided: the environment variable {name} is not set; let it name the target's file"
    return "" if os.path.exists(path) else f"not provided: {name} names {path!r}, which is not there"


def _program(name: str) -> str:
    return "" if shutil.which(name) else f"not provided: the program {name!r} is not on PATH; install it"


_CHECKS: Final[Mapping[str, Callable[[str], str]]] = {
    "python-package": _python_package,
    "environment": _environment,
    "program": _program,
}

__all__ = ["Need", "missing"]
