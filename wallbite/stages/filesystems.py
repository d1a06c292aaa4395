"""Other file systems for a target to lie on, inside a stage: nothing of them is left on the host, whatever is killed.

An ext4 lies in a file without a name, behind a loop device that the kernel frees by itself. It is made ready in the
worker, where the host's devices are, as a mount that hangs nowhere; the stage puts it into its own tree.
"""

from __future__ import annotations

import fcntl
import os
import struct
import subprocess
import tempfile
from collections.abc import Iterable
from typing import Final

from wallbite.problems import EnvironmentProblem
from wallbite.stages import kernel, mounts

TMPFS: Final = "tmpfs"
EXT4: Final = "ext4"
PLACE: Final = "/mnt/wallbite-files"
_SIZE: Final = 192 << 20
_AT_FDCWD: Final = -100
_MOVE_EMPTY_PATH: Final = 4
_CLOEXEC: Final = 1
_SET_STRING, _CREATE = 1, 6
_OPEN, _CONFIG, _MOUNT, _MOVE = 430, 431, 432, 429  # the same numbers on every architecture
_LOOP_CTL_GET_FREE: Final = 0x4C82
_LOOP_CONFIGURE: Final = 0x4C0A
_AUTOCLEAR: Final = 4
_CONFIGURATION: Final = "=II 5Q 4I 64s 64s 32s 2Q 8Q"  # struct loop_config
_FLAGS: Final = 2 + 5 + 3  # the place of lo_flags in it
_TRIES: Final = 8  # somebody else may take the free device first


def detached_ext4() -> int:
    """A mounted, empty ext4 that has no place yet, as a descriptor.

    Raises:
        EnvironmentProblem: this machine has no loop device to give, or no mkfs.ext4.
    """
    with tempfile.TemporaryFile() as image:
        image.truncate(_SIZE)
        try:
            subprocess.run(
                ["mkfs.ext4", "-q", "-F", "-m", "0", f"/proc/self/fd/{image.fileno()}"],
                pass_fds=(image.fileno(),),
                check=True,
                capture_output=True,
                env={"PATH": "/usr/sbin:/sbin:/usr/bin:/bin"},
            )
            device = _behind_loop(image.fileno())
            try:
                return _mounted(os.readlink(f"/proc/self/fd/{device}"))
            finally:
                os.close(device)
        except (OSError, subprocess.CalledProcessError) as error:
            remedy = "needs loop devices, mkfs.ext4 and Linux 5.8"
            raise EnvironmentProblem(f"no ext4 on a loop device can be made: {error}", remedy=remedy) from error


def put(kind: str, descriptor: int | None, places: Iterable[str]) -> None:
    """In a stage: have these directories lie on the file system; they are empty then, root's and open."""
    os.makedirs(PLACE, 0o755, exist_ok=True)
    if kind == TMPFS:
        mounts.tmpfs(PLACE, "mode=0755,size=256m")
    else:
        assert descriptor is not None  # noqa: S101 - it was made ready
        kernel.system_call("move_mount", _MOVE, descriptor, b"", _AT_FDCWD, PLACE.encode(), _MOVE_EMPTY_PATH)
        os.close(descriptor)
        os.chmod(PLACE, 0o755)  # noqa: S103 - as a system has it
    for number, place in enumerate(places):
        inside = f"{PLACE}/{number}"
        os.mkdir(inside, 0o755)
        os.makedirs(place, 0o755, exist_ok=True)
        kernel.mount(inside, place, None, kernel.MS_BIND)
    kernel.umount2(PLACE, kernel.MNT_DETACH)  # no second way to what lies there
    os.rmdir(PLACE)


def _behind_loop(image: int) -> int:
    control = os.open("/dev/loop-control", os.O_RDWR | os.O_CLOEXEC)
    try:
        for attempt in range(_TRIES):
            device = os.open(f"/dev/loop{fcntl.ioctl(control, _LOOP_CTL_GET_FREE)}", os.O_RDWR | os.O_CLOEXEC)
            values: list[int | bytes] = [image, 0, *[0] * 5, *[0] * 4, b"", b"", b"", *[0] * 2, *[0] * 8]
            values[_FLAGS] = _AUTOCLEAR
            try:
                fcntl.ioctl(device, _LOOP_CONFIGURE, struct.pack(_CONFIGURATION, *values))
            except OSError:
                os.close(device)
                if attempt == _TRIES - 1:
                    raise
            else:
                return device
    finally:
        os.close(control)
    raise AssertionError  # the last attempt raises


def _mounted(source: str) -> int:
    context = kernel.system_call("fsopen", _OPEN, EXT4.encode(), _CLOEXEC)
    try:
        kernel.system_call("fsconfig", _CONFIG, context, _SET_STRING, b"source", source.encode(), 0)
        kernel.system_call("fsconfig", _CONFIG, context, _CREATE, None, None, 0)
        return kernel.system_call("fsmount", _MOUNT, context, _CLOEXEC, 0)
    finally:
        os.close(context)
