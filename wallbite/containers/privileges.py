"""The privilege of a stage's container, spelled out: what each capability is needed for."""

from __future__ import annotations

from typing import Final

from wallbite.installation.systemd import CAPABILITIES as NAMES
from wallbite.postures import ROOT_CAPABILITIES

# What a gateway may be given: the posture `root`; the launcher takes away what another posture has not.
POSTURES: Final = tuple(NAMES[number] for number in range(len(NAMES)) if ROOT_CAPABILITIES >> number & 1)
# What the conductor needs besides, and no gateway ever has.
CONDUCTOR: Final = {
    "SYS_ADMIN": "namespaces, mounts, fanotify, a filter without no_new_privs",
    "NET_ADMIN": "the loopback of a stage's network namespace",
    "MKNOD": "the stage's /dev and the whiteouts of its overlay",
    "SYS_PTRACE": "credentials at exec, every execve of a spawn, other processes' memory as root's control",
    "DAC_READ_SEARCH": "file handles as root's control, and files of every mode",
    "IPC_OWNER": "SysV objects of every owner as root's control",
}
WANTED: Final = (*POSTURES, *CONDUCTOR)
# The gateway is judged, not the engine: a filter's EPERM is no wall. Both are read back before anything is judged.
SECURITY: Final = ("seccomp=unconfined", "apparmor=unconfined", "label=disable")
