"""The environment that a target's own programs are started with."""

from __future__ import annotations

from typing import Final

from wallbite.installation.installation import Installation

SYSTEM: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"  # where programs are found


def own_environment(installation: Installation) -> dict[str, str]:
    """The environment that a gateway is started with, and a command of its own run in."""
    own = installation.expanded(dict(installation.target.gateway.environment))
    return {
        "PATH": f"{SYSTEM}:{installation.search}" if installation.search else SYSTEM,
        "HOME": "/root",
        "LANG": "C.UTF-8",
        **own,
    }
