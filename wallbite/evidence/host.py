"""Facts about the machine that a reader of a report must know: what it is, and which protections its kernel adds."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Final

_KNOBS: Final = (
    "fs/protected_symlinks",
    "fs/protected_hardlinks",
    "fs/protected_fifos",
    "fs/protected_regular",
    "fs/suid_dumpable",
    "kernel/unprivileged_bpf_disabled",
    "kernel/kptr_restrict",
    "kernel/yama/ptrace_scope",
    "user/max_user_namespaces",
)
_LONGEST: Final = 4096


def host_facts() -> dict[str, str | int]:
    """Name, architecture, distribution, Python, number of processors."""
    return {
        "name": platform.node(),
        "machine": platform.machine(),
        "distribution": _distribution(),
        "python": platform.python_version(),
        "processors": os.cpu_count() or 0,
    }


def kernel_facts(root: Path = Path("/")) -> dict[str, str]:
    """Release, control groups, security modules, and the knobs that change what an account may do."""
    knobs = {name.replace("/", "."): _line(root / "proc/sys" / name) for name in _KNOBS}
    return {
        "release": platform.release(),
        "cgroup": _cgroup(root / "sys/fs/cgroup"),
        "lsm": _line(root / "sys/kernel/security/lsm"),
        "yama": "present" if (root / "proc/sys/kernel/yama").is_dir() else "absent",
        **knobs,
    }


def _cgroup(path: Path) -> str:
    if (path / "cgroup.controllers").exists():
        return "v2"
    if (path / "unified").is_dir():
        return "hybrid"
    return "v1" if path.is_dir() and any(path.iterdir()) else "absent"


def _distribution() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", "unknown")
    except OSError:
        return "unknown"


def _line(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_LONGEST).decode("utf-8", "backslashreplace").strip()
    except OSError:
        return "absent"
