"""What is asked inside a container before anything is judged there: printed as one JSON object.

``python -c "...; inside.main()" PACKAGE`` in the container; the harness reads it through testinfra. PACKAGE is the
package that a library is, as JSON, or empty.
"""

from __future__ import annotations

import json
import os
import platform
import sys
from pathlib import Path
from typing import Any

from wallbite.evidence.host import host_facts, kernel_facts
from wallbite.problems import Problem
from wallbite.stages import namespace, skeleton
from wallbite.stages.credentials import read_credentials
from wallbite.target.library import Package, missing_package


def main() -> None:
    """Print the facts, why no stage can be made here, if none can, and what a library lacks."""
    package = json.loads(sys.argv[1]) if sys.argv[1:] and sys.argv[1] else None
    absent = missing_package(Package(**package)) if package else ""
    print(json.dumps({**facts(), "refusal": refusal(), "absent": absent}))  # noqa: T201 - its only output


def facts() -> dict[str, Any]:
    """Who this process is, under which filters, on which system."""
    own = read_credentials()
    return {
        "host": host_facts(),
        "kernel": kernel_facts(),
        "boot": Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip(),
        "libc": " ".join(platform.libc_ver()).strip() or "musl",
        "seccomp": own.seccomp,
        "apparmor": _confined(),
        "bounding": f"{own.bounding:x}",
        "uid": os.geteuid(),
    }


def refusal() -> str:
    """Why no stage can be made in this container; empty where one can."""
    try:
        namespace.probe_environment(skeleton.make(f"{skeleton.PLACE}-{os.getpid()}"))
    except Problem as problem:
        return str(problem)
    except OSError as error:
        return f"cannot make a stage: {error}"
    return ""


def _confined() -> str:
    """The security module's profile of this process; ``none`` where no module says any."""
    try:
        return Path("/proc/self/attr/current").read_text(encoding="utf-8").strip("\0\n ") or "none"
    except OSError:
        return "none"
