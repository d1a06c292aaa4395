"""What a stage looks like: the host's system read-only, nothing of the host's data, masked kernel files."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from pathlib import Path
from typing import Final

from wallbite.stages import kernel, mounts

_EMPTY: Final = {
    "boot": 0o755, "dev": 0o755, "home": 0o755, "media": 0o755, "mnt": 0o755, "opt": 0o755, "proc": 0o555,
    "root": 0o700, "run": 0o755, "srv": 0o755, "sys": 0o555, "tmp": 0o1777, "var": 0o755,
}  # fmt: skip
_VAR: Final = {
    "backups": 0o755, "cache": 0o755, "lib": 0o755, "local": 0o755, "log": 0o755, "opt": 0o755, "spool": 0o755,
    "tmp": 0o1777,
}  # fmt: skip
_VAR_LINKS: Final = {"run": "/run", "lock": "/run/lock"}
_TEMPORARY: Final = {
    "tmp": "mode=1777,size=256m,nr_inodes=200k",
    "var/tmp": "mode=1777,size=64m,nr_inodes=50k",
    "run": "mode=0755,size=64m,nr_inodes=50k",
}
# A later set is used where the kernel, or the host's file system, refuses the earlier.
_OVERLAY_OPTIONS: Final = (
    "index=on,nfs_export=on,metacopy=off,redirect_dir=off",
    "index=on,nfs_export=on",
    "index=on,nfs_export=off",
    "index=off",
    "",
)
_NODES: Final = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9), "tty": (5, 0)}
_LINKS: Final = {
    "fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2",
    "ptmx": "pts/ptmx",
}  # fmt: skip
# Uid 0 may write these without any capability: some reach out of every namespace.
_READ_ONLY: Final = ("sys", "irq", "bus", "fs", "acpi", "scsi")
_BLANK: Final = ("kcore", "sysrq-trigger", "kmsg", "timer_list")
# The conductor's own C library obeys these: a root target could have it load a library.
_SEALED: Final = ("etc/ld.so.preload", "etc/ld.so.cache", "etc/nsswitch.conf")
_HARMLESS: Final = kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC


def overlay(workplace: str, points: list[str], lower: str = "/") -> tuple[str, bool]:
    """Lay an overlay of the host's root over a tmpfs.

    Args:
        workplace: where that tmpfs is mounted.
        points: the mount points of the host.
        lower: the host's root, or a skeleton of it.

    Returns:
        the root of the overlay, and whether its files have handles.
    """
    root = f"{workplace}/root"
    Path(root).mkdir()
    _hide_data(_upper(workplace, "/"), lower)
    handles = _overlay(workplace, "/", root, lower)
    for point in sorted(point for point in points if point == "/etc" or point.startswith("/etc/")):
        _submount(workplace, point, root + point)
    return root, handles


def furniture(root: str, points: list[str], *, whole_proc: bool = False) -> None:
    """Fill the directories below `root` that a running system has: /dev, /proc, /sys, /tmp, /run and the system's.

    With `whole_proc` nothing of /proc is masked: a sandbox of a plain user's may then mount one of its own, which the
    kernel forbids below a masked one. No set-uid program works there, so that nobody becomes root.
    """
    safely = kernel.MS_NOSUID if whole_proc else 0
    for entry in Path("/").iterdir():
        if mounts.is_system(entry.name) and entry.is_dir() and not entry.is_symlink():
            mounts.bind_read_only(str(entry), f"{root}{entry}", safely, points)
    kernel.mount("proc", f"{root}/proc", "proc", _HARMLESS)
    kernel.mount("sysfs", f"{root}/sys", "sysfs", _HARMLESS | kernel.MS_RDONLY)
    for name, options in _TEMPORARY.items():
        mounts.tmpfs(f"{root}/{name}", options)
    Path(f"{root}/run/lock").mkdir(0o755)
    _devices(f"{root}/dev")
    if whole_proc:
        kernel.mount(None, root, None, kernel.MS_BIND | kernel.MS_REMOUNT | kernel.MS_NOSUID)
    else:
        _mask(root)
    _seal(root)


def _upper(workplace: str, point: str) -> str:
    """The upper directory for an overlay of `point`."""
    return f"{workplace}/upper{point.replace('/', '-')}"


def _overlay(workplace: str, point: str, target: str, lower: str = "") -> bool:
    upper = _upper(workplace, point)
    work = upper.replace("/upper-", "/work-")
    Path(upper).mkdir(exist_ok=True)
    Path(work).mkdir()
    below = (lower or point).replace("\\", "\\\\").replace(":", "\\:").replace(",", "\\,")
    base = f"lowerdir={below},upperdir={upper},workdir={work}"
    for options in _OVERLAY_OPTIONS:
        try:
            kernel.mount("overlay", target, "overlay", 0, f"{base},{options}".rstrip(","))
        except OSError as error:
            if error.errno != errno.EINVAL or not options:
                raise
        else:
            return has_handles(target)
    raise AssertionError("the last set of options is empty")


def has_handles(path: str) -> bool:
    """Whether files of this file system have handles."""
    try:
        kernel.handle_of(path)
    except OSError:
        return False
    return True


def _submount(workplace: str, point: str, target: str) -> None:
    """A file system of the host on a directory that would else appear empty."""
    if not (Path(point).is_dir() and Path(target).is_dir()):
        return
    upper, seen = Path(_upper(workplace, point)), Path(point).stat()
    upper.mkdir()
    os.chown(upper, seen.st_uid, seen.st_gid)
    upper.chmod(stat.S_IMODE(seen.st_mode))
    _overlay(workplace, point, target)


def _hide_data(upper: str, lower: str) -> None:
    """Leave the host's programs and /etc; everything else is empty or gone, whatever the host has there."""
    Path(upper).mkdir()
    Path(upper).chmod(stat.S_IMODE(Path("/").stat().st_mode))  # the umask is 0 here
    for name, mode in _EMPTY.items():
        Path(f"{upper}/{name}").mkdir(mode)
    for name, mode in _VAR.items():
        Path(f"{upper}/var/{name}").mkdir(mode)
    for name, says in _VAR_LINKS.items():
        Path(f"{upper}/var/{name}").symlink_to(says)
    if lower != "/":  # a skeleton holds nothing else
        return
    for name in _EMPTY:
        os.setxattr(f"{upper}/{name}", "trusted.overlay.opaque", b"y")
    for entry in Path("/").iterdir():
        if entry.name not in _EMPTY and entry.name != "etc" and not mounts.is_system(entry.name):
            os.mknod(f"{upper}{entry}", stat.S_IFCHR, os.makedev(0, 0))  # a whiteout


def _devices(dev: str) -> None:
    mounts.tmpfs(dev, "mode=0755,size=4m,nr_inodes=1k", kernel.MS_NOSUID)
    for name, (major, minor) in _NODES.items():
        _node(f"{dev}/{name}", os.makedev(major, minor))
    for name, says in _LINKS.items():
        Path(f"{dev}/{name}").symlink_to(says)
    for name in ("pts", "shm", "mqueue"):
        Path(f"{dev}/{name}").mkdir(0o755)
    options = "newinstance,ptmxmode=0666,mode=0620"
    kernel.mount("devpts", f"{dev}/pts", "devpts", kernel.MS_NOSUID | kernel.MS_NOEXEC, options)
    mounts.tmpfs(f"{dev}/shm", "mode=1777,size=64m,nr_inodes=50k", kernel.MS_NOSUID | kernel.MS_NODEV)
    with contextlib.suppress(OSError):  # a kernel without POSIX message queues
        kernel.mount("mqueue", f"{dev}/mqueue", "mqueue", _HARMLESS)


def _node(path: str, device: int) -> None:
    try:
        os.mknod(path, stat.S_IFCHR | 0o666, device)
    except PermissionError:  # in a container: its device rules, or no CAP_MKNOD
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        kernel.mount(f"/dev/{Path(path).name}", path, None, kernel.MS_BIND)


def _mask(root: str) -> None:
    for name in _READ_ONLY:
        if Path(f"{root}/proc/{name}").is_dir():
            mounts.bind_read_only(f"{root}/proc/{name}", f"{root}/proc/{name}", _HARMLESS, [])
    for name in _BLANK:
        if Path(f"{root}/proc/{name}").exists():
            kernel.mount(f"{root}/dev/null", f"{root}/proc/{name}", None, kernel.MS_BIND)


def _seal(root: str) -> None:
    for name in _SEALED:
        Path(f"{root}/{name}").touch(0o644)
        mounts.bind_read_only(f"{root}/{name}", f"{root}/{name}", 0, [])
