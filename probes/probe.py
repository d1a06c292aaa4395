#!/usr/bin/env python3
"""Attempts a plan as whoever runs it, and writes down what the kernel answered.

Standard library only, one file, Python 3.8 or newer. As a program: ``probe.py PLAN [--answer stdout]``. A carrier
imports it, calls `identity` before it opens anything, then `answer` and `finish`.

Each operation is a function of a path and its arguments. It returns what it saw, or None; a denial is the OSError that
it lets through. All are harmless, also where the wall is missing; what could change this process is done by a child.
Modules that a minimal Python lacks (ctypes, mmap), or that are slow to come, are imported where they are needed.
"""

# pathlib would cost a third of the start and hide which system call is made:
# so would contextlib:
# ruff: noqa: SIM105

from __future__ import annotations

import errno
import os
import select
import stat
import sys
import time

if False:  # TYPE_CHECKING, without the cost of importing typing
    import signal
    from typing import Any, Callable, Dict, Iterable, Iterator, Optional

    Arguments = Dict[str, Any]  # what else an operation takes
    Seen = Optional[Dict[str, Any]]  # what it saw besides the errno
    Plan = Dict[str, Any]

else:
    import _signal as signal  # the same without enum, which takes as long to import as the rest of this file


class Json:
    """What is needed of json, by its own C parts: without the regular expressions that it imports."""

    strict, object_hook, object_pairs_hook = True, None, None
    parse_float, parse_int, parse_constant = float, int, float

    def __init__(self) -> None:
        """Raises ImportError or TypeError where this Python has no such parts."""
        import _json  # noqa: PLC0415 - where it is missing, that is for who makes one to see

        self.scan = _json.make_scanner(self)
        text_of = _json.encode_basestring_ascii
        self.encode = _json.make_encoder({}, self.unknown, text_of, None, ":", ",", False, False, False)

    def unknown(self, value: Any) -> None:
        """What is no JSON value."""
        raise TypeError(f"{type(value).__name__} is no JSON")

    def loads(self, document: str) -> Any:
        """The value of a JSON text."""
        document = document.strip(" \t\n\r")
        try:
            value, end = self.scan(document, 0)
        except (StopIteration, ImportError, SystemError) as error:  # the last where json itself is not loaded
            raise ValueError("not JSON") from error
        if end != len(document):
            raise ValueError("not JSON: more than one value")
        return value

    def dumps(self, document: Any) -> str:
        """A value as JSON in ASCII, without blanks."""
        return "".join(self.encode(document, 0))


PLAN_SCHEMA = "wallbite-plan/1"
ANSWER_SCHEMA = "wallbite-answer/1"
NO_JSON = '{"schema": "wallbite-answer/1", "error": "this Python has no json module: install the full python3"}'
FAILED = 3  # the exit status of a first run that was told to fail
BATCH = 500  # records a line
LOOK = 4096  # bytes read of an object
PATHS = 500  # paths that a sweep names at most
PATIENCE = 5.0  # seconds that a child or a connection may take
LISTED = 65536  # entries counted at most
LISTED_NAMES = 1000  # names of an environment that are told
ENVIRONMENT = 8 << 20  # bytes read of one
ADDRESS = 107  # bytes of a local socket's address

OPEN = os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK  # never waits at a FIFO or a device
O_PATH = getattr(os, "O_PATH", 0o10000000)
NAMES = {**errno.errorcode, errno.EAGAIN: "EAGAIN", errno.EOPNOTSUPP: "EOPNOTSUPP", errno.EDEADLK: "EDEADLK"}


# -- what the operations share ---------------------------------------------------------------------


class Refused(Exception):
    """The attempt would not be harmless, or makes no sense: recorded without an errno."""


def fail(number: int, **seen: Any) -> OSError:
    """The errno with something seen besides."""
    error = OSError(number, os.strerror(number))
    error.seen = seen or None
    return error


def text(raw: str | bytes) -> str:
    """Bytes or a file name as text that is always valid UTF-8."""
    return (raw if isinstance(raw, bytes) else os.fsencode(raw)).decode("utf-8", "backslashreplace")


def hash_function() -> Any:
    """SHA-256, of the modules that need no OpenSSL, which takes longer to load than the rest of a probe."""
    for name in ("_sha2", "_sha256"):  # from 3.12 on, and before
        try:
            return __import__(name).sha256
        except ImportError:  # noqa: PERF203 - twice at most
            pass
    import hashlib  # noqa: PLC0415

    return hashlib.sha256


_HASH: list[Any] = []


def sha256(data: bytes = b"") -> Any:
    """The hash; which module has it is asked once, since a module that is missing is searched for each time."""
    if not _HASH:
        _HASH.append(hash_function())
    return _HASH[0](data)


def digest(data: bytes) -> str:
    """SHA-256 in hex."""
    return sha256(data).hexdigest()


def number(value: int | str) -> int:
    """An integer, given as one or as hex."""
    return int(value, 16) if isinstance(value, str) else int(value)


def mode_bits(value: int | str) -> int:
    """A mode, given as an integer or as an octal string."""
    return int(value, 8) if isinstance(value, str) else int(value)


def positive(pid: int) -> int:
    """A process id that names one process: 0 and -1 would be groups or everyone."""
    if type(pid) is not int or pid <= 0:
        raise Refused(f"pid must be a positive integer, not {pid!r}")
    return pid


def slurp(path: str, limit: int = 1 << 20) -> bytes:
    """The beginning of a file, in however many reads it takes."""
    handle = os.open(path, os.O_RDONLY | OPEN)
    try:
        return drain(handle, limit)
    finally:
        os.close(handle)


def drain(handle: int, limit: int) -> bytes:
    """Everything until end of file, up to a limit."""
    parts, size = [], 0
    while size < limit:
        part = os.read(handle, min(65536, limit - size))
        if not part:
            break
        parts.append(part)
        size += len(part)
    return b"".join(parts)


def write_all(handle: int, data: bytes) -> None:
    """Every byte, also into a pipe that takes them in pieces."""
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]


_serial = [0]


def own_name(directory: str) -> str:
    """A new name in an own directory."""
    _serial[0] += 1
    return os.path.join(directory, f".wallbite-{os.getpid()}-{_serial[0]}")


# -- children --------------------------------------------------------------------------------------


def in_child(action: Callable[[], Any], on_exec: Callable[[], Seen] | None = None) -> Seen:
    """Does `action` in a forked child, in bounded time.

    Returns what `action` returned and lets its OSError through. Where the child ends or executes something without a
    word, it is `on_exec` that says what was seen; without it that is an error.
    """
    reading, writing = os.pipe()  # both close on exec
    child = os.fork()
    if not child:
        run_child(action, writing)
    os.close(writing)
    try:
        report = await_report(reading)
        if not report:
            if on_exec is None:
                raise Refused("the child ended without a report")
            return on_exec()
    finally:
        os.close(reading)
        end_child(child)
    return unpack(json.loads(report.decode()))


class Apprentice:
    """A forked child that attempts what could change its process, one order after another.

    A denial changes nothing, so one child serves for all of them: a fork for each attempt would cost more than the
    attempt. A child that was let through is no longer what it was; it ends, and the next order gets a new one.
    """

    def __init__(self) -> None:
        """Nothing is forked before the first order."""
        self.child = 0
        self.orders = self.reports = -1

    def does(self, name: str, path: str, arguments: Arguments) -> Seen:
        """Has the child do one operation of `CHANGING`, in bounded time; as `in_child`."""
        if not self.child:
            self.begin()
        os.write(self.orders, json.dumps([name, path, arguments]).encode() + b"\n")
        try:
            report = await_line(self.reports)
        except BaseException:
            self.end()
            raise
        if not report or "errno" not in report:
            self.end()
        return unpack(report)

    def begin(self) -> None:
        """Forks the child."""
        orders, self.orders = os.pipe()
        self.reports, reports = os.pipe()
        self.child = os.fork()
        if not self.child:
            os.close(self.orders)
            os.close(self.reports)
            self.serve(orders, reports)
        os.close(orders)
        os.close(reports)

    def serve(self, orders: int, reports: int) -> None:
        """The child's part: never returns."""
        try:
            with os.fdopen(orders, "rb") as stream:
                for line in stream:
                    if not self.report(reports, *json.loads(line.decode())):
                        break
        finally:
            os._exit(0)

    @staticmethod
    def report(reports: int, name: str, path: str, arguments: Arguments) -> bool:
        """Does one order; whether the child is still what it was."""
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGALRM])
        signal.alarm(int(PATIENCE) + 1)  # it may become somebody whom the parent cannot end
        report: dict[str, Any] = {"error": "the child broke"}
        try:
            report = {"seen": CHANGING[name](path, arguments)}
        except OSError as error:
            report = {"errno": error.errno, "seen": getattr(error, "seen", None)}
        except BaseException as error:  # noqa: BLE001
            report = {"error": describe(error)}
        finally:
            os.write(reports, json.dumps(report).encode() + b"\n")
        return "errno" in report

    def end(self) -> None:
        """Ends the child, if there is one."""
        if self.child:
            child, self.child = self.child, 0
            os.close(self.orders)
            os.close(self.reports)
            end_child(child)


def await_line(reading: int) -> dict[str, Any]:
    """One line of JSON that a child wrote, or nothing where it died."""
    deadline = time.monotonic() + PATIENCE
    poll = select.poll()
    poll.register(reading, select.POLLIN)
    line = b""
    while not line.endswith(b"\n"):
        left = deadline - time.monotonic()
        if left <= 0 or not poll.poll(left * 1000):
            raise Refused(f"the child did not answer within {PATIENCE:g} s")
        part = os.read(reading, 65536)
        if not part:
            raise Refused("the child ended without a report")
        line += part
    found: dict[str, Any] = json.loads(line.decode())
    return found


def run_child(action: Callable[[], Any], writing: int) -> None:
    """The child's part: never returns."""
    try:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGALRM])
        signal.alarm(int(PATIENCE) + 1)  # it may become somebody whom the parent cannot end
        report = {"seen": action()}
    except OSError as error:
        report = {"errno": error.errno, "seen": getattr(error, "seen", None)}
    except BaseException as error:  # noqa: BLE001
        report = {"error": describe(error)}
    finally:
        try:
            os.write(writing, json.dumps(report).encode())
        finally:
            os._exit(0)


def await_report(reading: int) -> bytes:
    """What a child wrote until it closed its end."""
    deadline = time.monotonic() + PATIENCE
    poll = select.poll()
    poll.register(reading, select.POLLIN)
    parts = []
    while True:
        left = deadline - time.monotonic()
        if left <= 0 or not poll.poll(left * 1000):
            raise Refused(f"the child did not answer within {PATIENCE:g} s")
        part = os.read(reading, 65536)
        if not part:
            return b"".join(parts)
        parts.append(part)


def end_child(child: int) -> None:
    """Kills and reaps; a child that may not be killed has its alarm."""
    try:
        os.kill(child, signal.SIGKILL)
    except OSError:
        pass
    while True:
        try:
            _, status = os.waitpid(child, 0)
        except ChildProcessError:
            return
        if not os.WIFSTOPPED(status):
            return


def unpack(report: dict[str, Any]) -> Seen:
    """A child's report as a return value or an exception."""
    if "error" in report:
        raise Refused(report["error"])
    if "errno" in report:
        raise fail(report["errno"], **(report["seen"] or {}))
    return report["seen"]


# -- the C library ---------------------------------------------------------------------------------

_library = []
KEY_CALLS = {  # add_key, keyctl
    "x86_64": (248, 250), "aarch64": (217, 219), "riscv64": (217, 219), "loongarch64": (217, 219), "armv7l": (309, 311),
    "i686": (286, 288), "ppc64le": (269, 271), "s390x": (278, 280),
}  # fmt: skip
PIDFD_OPEN, PIDFD_GETFD = 434, 438  # the same on every architecture
SESSION_KEYRING = -3
KEYCTL_GET_ID, KEYCTL_SEARCH, KEYCTL_READ = 0, 10, 11
PTRACE_TRACEME, PTRACE_SEIZE = 0, 0x4206
MS_BIND, MS_REC, MS_PRIVATE, MNT_DETACH, CLONE_NEWNS = 0x1000, 0x4000, 0x40000, 2, 0x20000
SHM_RDONLY, IPC_STAT, SEM_GETVAL = 0o10000, 2, 12
CAPABILITY_VERSION_3 = 0x20080522


def ctypes() -> Any:
    """The module, imported when first asked for."""
    import ctypes as module  # noqa: PLC0415

    return module


def library() -> Any:
    """The C library of this process."""
    if not _library:
        _library.append(ctypes().CDLL(None, use_errno=True))
    return _library[0]


def call(name: str, *arguments: Any, result: str = "c_int") -> int:
    """A C function that says -1 and errno; integers are passed as longs."""
    module = ctypes()
    function = getattr(library(), name)
    function.restype = getattr(module, result)
    module.set_errno(0)
    value = function(*[module.c_long(one) if type(one) is int else one for one in arguments])
    if value in (-1, module.c_void_p(-1).value):
        found = module.get_errno()
        raise OSError(found, os.strerror(found))
    return value


def syscall(*arguments: Any) -> int:
    """A system call by number."""
    return call("syscall", *arguments, result="c_long")


def key_calls() -> tuple[int, int]:
    """Numbers of add_key and keyctl."""
    machine = os.uname().machine
    if machine not in KEY_CALLS:
        raise Refused(f"no system call numbers for {machine}")
    return KEY_CALLS[machine]


# -- operations on files ---------------------------------------------------------------------------


def read(path: str, _arguments: Arguments) -> Seen:
    """Opens for reading and reads the beginning."""
    handle = os.open(path, os.O_RDONLY | OPEN)
    try:
        data = os.read(handle, LOOK)
    finally:
        os.close(handle)
    return {"size": len(data), "sha256": digest(data)}


def write(path: str, _arguments: Arguments) -> Seen:
    """Opens for writing; writes nothing."""
    os.close(os.open(path, os.O_WRONLY | OPEN))


def append(path: str, _arguments: Arguments) -> Seen:
    """Opens for appending; writes nothing."""
    os.close(os.open(path, os.O_WRONLY | os.O_APPEND | OPEN))


def execute(path: str, _arguments: Arguments) -> Seen:
    """Executes in a traced child, which is stopped and killed before its first instruction; a directory is searched."""
    if is_directory(path):
        os.stat(os.path.join(path, "."))
        return None
    return in_child(lambda: exec_stopped(path), on_exec=lambda: None)


def exec_stopped(path: str) -> None:
    """The child's part of execute: where tracing is forbidden it runs until it is killed, at once."""
    try:
        call("ptrace", PTRACE_TRACEME, 0, 0, 0, result="c_long")
    except Exception:  # noqa: BLE001, S110
        pass
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    os.execve(path, [path, "--version"], {})  # noqa: S606 - executing is the attempt


def is_directory(path: str) -> bool:
    """Whether it is seen to be a directory, and no link."""
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except OSError:
        return False


def list_directory(path: str, _arguments: Arguments) -> Seen:
    """Counts the entries."""
    count = 0
    with os.scandir(path) as entries:
        for _ in entries:
            count += 1
            if count == LISTED:
                break
    return {"count": count}


def map_file(path: str, _arguments: Arguments) -> Seen:
    """Opens for reading and maps the beginning."""
    import mmap  # noqa: PLC0415

    handle = os.open(path, os.O_RDONLY | OPEN)
    try:
        size = min(os.fstat(handle).st_size, LOOK)
        if size:
            mmap.mmap(handle, size, prot=mmap.PROT_READ).close()
    finally:
        os.close(handle)
    return {"size": size}


def xattr(path: str, _arguments: Arguments) -> Seen:
    """Asks for an attribute that nothing has; only files and directories can say no."""
    try:
        os.getxattr(path, "user.wallbite")
    except OSError as error:
        if error.errno != errno.ENODATA:
            raise
        kind = os.stat(path).st_mode
        if not stat.S_ISREG(kind) and not stat.S_ISDIR(kind):
            raise Refused("only files and directories have user attributes") from None


def connect(path: str, _arguments: Arguments) -> Seen:
    """Connects to a socket in the file system; sends nothing."""
    if len(os.fsencode(path)) <= ADDRESS:
        return knock(path)
    parent = os.open(os.path.dirname(path), O_PATH | os.O_CLOEXEC)
    try:
        return knock(f"/proc/self/fd/{parent}/{os.path.basename(path)}")
    finally:
        os.close(parent)


def knock(address: str | bytes) -> None:
    """Connects to a local socket of whichever type."""
    import socket  # noqa: PLC0415

    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET):
        with socket.socket(socket.AF_UNIX, kind) as client:
            client.setblocking(False)
            try:
                client.connect(address)
            except OSError as error:
                if error.errno == errno.EPROTOTYPE and kind != socket.SOCK_SEQPACKET:
                    continue
                raise
            return


def abstract(_path: str, arguments: Arguments) -> Seen:
    """Connects to an abstract socket; sends nothing."""
    knock(b"\0" + os.fsencode(arguments["name"]))


KINDS = {
    stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFLNK: "symlink", stat.S_IFSOCK: "socket",
    stat.S_IFIFO: "fifo", stat.S_IFCHR: "character device", stat.S_IFBLK: "block device",
}  # fmt: skip


def look(path: str, _arguments: Arguments) -> Seen:
    """Metadata of the object itself, not of what a link leads to."""
    found = os.lstat(path)
    return {
        "mode": f"{stat.S_IMODE(found.st_mode):04o}",
        "uid": found.st_uid,
        "gid": found.st_gid,
        "size": found.st_size,
        "kind": KINDS.get(stat.S_IFMT(found.st_mode), "unknown"),
    }


def create(path: str, _arguments: Arguments) -> Seen:
    """Makes a file without a name in a directory; where the file system has none, a directory that goes at once."""
    try:
        os.close(os.open(path, os.O_TMPFILE | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))
    except OSError as error:
        if error.errno != errno.EOPNOTSUPP:
            raise
        name = own_name(path)
        os.mkdir(name, 0o700)
        os.rmdir(name)


def remove(path: str, arguments: Arguments) -> Seen:
    """Asks for removal in the way that cannot remove: rmdir of a file, unlink of a directory."""
    try:
        directory = stat.S_ISDIR(os.lstat(path).st_mode)  # what is there counts more than what was planned
    except OSError:
        directory = arguments.get("kind") == "directory"
    (os.unlink if directory else os.rmdir)(path)


def rename(path: str, arguments: Arguments) -> Seen:
    """Renames onto a directory that is not empty, in a directory that this account may write."""
    onto = arguments["onto"]
    if not stat.S_ISDIR(os.lstat(onto).st_mode):
        raise Refused("'onto' is no directory: the rename could succeed")
    if not may(os.path.dirname(onto), os.W_OK | os.X_OK):
        raise Refused("'onto' cannot be replaced by this account: a denial would be its own")
    if not os.listdir(onto):
        raise Refused("'onto' is empty: the rename could succeed")
    os.rename(path, onto)


def may(path: str, mode: int) -> bool:
    """Whether the kernel allows it to the effective ids: access(2) by itself asks about the real ones."""
    return os.access(path, mode, effective_ids=os.access in os.supports_effective_ids)


def link(path: str, arguments: Arguments) -> Seen:
    """Links to a new name in an own directory, which is removed again."""
    name = own_name(arguments["into"])
    os.link(path, name, follow_symlinks=False)
    os.unlink(name)


def touch(path: str, _arguments: Arguments) -> Seen:
    """Sets the times to now."""
    os.utime(path)


def present(path: str, arguments: Arguments, *names: str) -> list[int]:
    """The object's present metadata; what root saw of it where this account sees nothing."""
    try:
        found = os.stat(path)
    except OSError:
        return [mode_bits(arguments[name]) if name == "mode" else arguments[name] for name in names]
    return [{"mode": stat.S_IMODE(found.st_mode), "uid": found.st_uid, "gid": found.st_gid}[name] for name in names]


def chmod(path: str, arguments: Arguments) -> Seen:
    """Sets the mode that it has."""
    os.chmod(path, *present(path, arguments, "mode"))


def chown(path: str, arguments: Arguments) -> Seen:
    """Sets the owner that it has; refused where the kernel would take setuid bits or file capabilities away."""
    guard_privileged(path)
    os.chown(path, *present(path, arguments, "uid", "gid"))


def guard_privileged(path: str) -> None:
    """Stops before a change that would strip what makes an executable privileged."""
    try:
        mode = os.stat(path).st_mode
        os.getxattr(path, "security.capability")
    except OSError as error:
        if error.errno not in (errno.ENODATA, errno.EOPNOTSUPP):
            return
        if stat.S_ISDIR(mode) or not mode & (stat.S_ISUID | stat.S_ISGID):
            return
    raise Refused("the change would take its setuid bits or file capabilities away")


def trusted(path: str, _arguments: Arguments) -> Seen:
    """Removes a trusted attribute that is not there; ENODATA says that it was allowed to."""
    os.removexattr(path, "trusted.wallbite")


def acl(path: str, arguments: Arguments) -> Seen:
    """Sets the access control list that it has, or the one that equals its mode."""
    name = "system.posix_acl_access"
    try:
        value = os.getxattr(path, name)
    except OSError:
        (mode,) = present(path, arguments, "mode")
        if mode & (stat.S_ISUID | stat.S_ISGID):
            raise Refused("the change could take its setuid bits away") from None
        value = minimal_acl(mode)
    os.setxattr(path, name, value)


def minimal_acl(mode: int) -> bytes:
    """The list that says no more than the nine mode bits."""
    import struct  # noqa: PLC0415

    entries = ((1, mode >> 6 & 7), (4, mode >> 3 & 7), (32, mode & 7))
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", tag, bits, 0xFFFFFFFF) for tag, bits in entries)


def handle(_path: str, arguments: Arguments) -> Seen:
    """Opens by a handle `TYPE:HEX` that root made, on the mount of a directory that this account can open."""
    import struct  # noqa: PLC0415

    kind, _, raw = arguments["handle"].partition(":")
    data = bytes.fromhex(raw)
    packed = ctypes().create_string_buffer(struct.pack("=Ii", len(data), int(kind)) + data)
    mount = os.open(arguments["mount"], os.O_RDONLY | OPEN)
    try:
        os.close(call("open_by_handle_at", mount, packed, os.O_RDONLY | OPEN))
    finally:
        os.close(mount)


def symlink_read(path: str, arguments: Arguments) -> Seen:
    """Reads through a symbolic link in an own directory."""
    name = own_name(arguments["into"])
    os.symlink(path, name)
    try:
        return read(name, arguments)
    finally:
        os.unlink(name)


def root_read(path: str, arguments: Arguments) -> Seen:
    """Reads by way of /proc/self/root."""
    return read("/proc/self/root" + path, arguments)


def bind(path: str, arguments: Arguments) -> Seen:
    """Mounts it over an own directory, in a child, and where possible in a mount namespace of its own."""
    return APPRENTICE.does("bind", path, arguments)


def mount_and_unmount(source: bytes, into: bytes) -> None:
    """The child's part of bind."""
    target = into if os.path.isdir(source) or not os.path.lexists(source) else os.fsencode(own_name(os.fsdecode(into)))
    try:
        call("unshare", CLONE_NEWNS)
        call("mount", None, b"/", None, MS_REC | MS_PRIVATE, None)
    except OSError:
        pass
    if target != into:
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        call("mount", source, target, None, MS_BIND, None)
        call("umount2", target, MNT_DETACH)
    finally:
        if target != into:
            os.unlink(target)


def sweep(path: str, arguments: Arguments) -> Seen:
    """Asks of everything below a path whether it may be written."""
    read_only, mounts = mount_points()
    skip = {os.path.normpath(one) for one in arguments.get("skip", ())}
    found, looked, more = [], 0, 0
    for one in walk(os.path.normpath(path), skip, read_only, mounts):
        looked += 1
        if may(one, os.W_OK):
            if len(found) < PATHS:
                found.append(text(one))
            else:
                more += 1
    return {"writable": found, "more": more, "looked": looked}


def walk(path: str, skip: set[str], read_only: set[str], mounts: set[str]) -> Iterator[str]:
    """Every path but links, below `path` and the writable mounts under it."""
    prefix = path.rstrip("/") + "/"
    below = {mount for mount in mounts if mount.startswith(prefix)}
    inner = [mount for mount in below if mount not in read_only and not is_skipped(mount, skip)]
    starts = inner if is_read_only(path, read_only, mounts) else [path, *inner]
    while starts:
        here = starts.pop()
        yield here
        try:
            with os.scandir(here) as entries:
                listed = [(one.path, one.is_dir(follow_symlinks=False), one.is_symlink()) for one in entries]
        except OSError:
            continue
        for name, directory, symlink in listed:
            if symlink or name in skip or name in below:
                continue
            if directory:
                starts.append(name)
            else:
                yield name


def is_skipped(path: str, skip: set[str]) -> bool:
    """Whether a path is, or lies below, one that is left out."""
    return any(path == one or path.startswith(one.rstrip("/") + "/") for one in skip)


def is_read_only(path: str, read_only: set[str], mounts: set[str]) -> bool:
    """Whether the mount that a path lies on is read-only."""
    while path not in mounts and path != "/":
        path = os.path.dirname(path)
    return path in read_only


def mount_points() -> tuple[set[str], set[str]]:
    """Which paths are read-only mounts, and which are mounts at all; the last mount on a path counts."""
    options = {}
    for line in slurp("/proc/self/mountinfo", 1 << 24).splitlines():
        fields = line.split(b" ")
        point = fields[4]
        for escape, real in ((b"\\040", b" "), (b"\\011", b"\t"), (b"\\012", b"\n"), (b"\\134", b"\\")):
            point = point.replace(escape, real)
        options[os.fsdecode(point)] = fields[5].split(b",") + fields[-1].split(b",")
    return {point for point, given in options.items() if b"ro" in given}, set(options)


def own(path: str, _arguments: Arguments) -> Seen:
    """Creates, reads, renames, lists, traverses and removes in an own directory."""
    name, other, step = own_name(path), own_name(path), "create"
    left = []
    try:
        made = os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        left.append(name)
        os.write(made, b"own")
        os.close(made)
        step = "read"
        content = slurp(name)
        step = "rename"
        os.rename(name, other)
        left[:] = [other]
        step = "list"
        listed = os.path.basename(other) in os.listdir(path)
        step = "traverse"
        os.stat(os.path.join(path, "."))
        step = "remove"
        os.unlink(left.pop())
    except OSError as error:
        error.seen = {"step": step}
        raise
    finally:
        for one in left:
            os.unlink(one)
    if content != b"own" or not listed:
        raise Refused("it does not hold what was put into it")


# -- operations on processes -----------------------------------------------------------------------


def send_signal(_path: str, arguments: Arguments) -> Seen:
    """Asks whether a signal may be sent."""
    os.kill(positive(arguments["pid"]), 0)


def ptrace(_path: str, arguments: Arguments) -> Seen:
    """Seizes without stopping; the tracer's end detaches."""
    pid = positive(arguments["pid"])
    return in_child(lambda: seize(pid))


def seize(pid: int) -> None:
    """The child's part of ptrace."""
    call("ptrace", PTRACE_SEIZE, pid, 0, 0, result="c_long")


def vm_read(_path: str, arguments: Arguments) -> Seen:
    """Reads one byte of another process's memory; EFAULT says that it was allowed to."""
    module = ctypes()

    class Span(module.Structure):
        _fields_ = [("base", module.c_void_p), ("length", module.c_size_t)]  # noqa: RUF012

    byte = module.create_string_buffer(1)
    local = Span(module.addressof(byte), 1)
    remote = Span(number(arguments.get("address", 0)), 1)
    pid = positive(arguments["pid"])
    size = call("process_vm_readv", pid, module.byref(local), 1, module.byref(remote), 1, 0, result="c_long")
    return {"size": size}


def pidfd_getfd(_path: str, arguments: Arguments) -> Seen:
    """Takes a copy of another process's descriptor 0; EBADF says that it was allowed to."""
    process = syscall(PIDFD_OPEN, positive(arguments["pid"]), 0)
    try:
        os.close(syscall(PIDFD_GETFD, process, int(arguments.get("descriptor", 0)), 0))
    finally:
        os.close(process)


def proc(_path: str, arguments: Arguments) -> Seen:
    """Opens a file of another process's directory in /proc."""
    name = arguments["name"]
    path = "/proc/{}/{}".format(positive(arguments["pid"]), name)
    if name in ("root", "cwd", "exe"):
        return {"size": len(os.readlink(path))}
    if name in ("fd", "map_files", "fdinfo", "task"):
        return {"size": len(os.listdir(path))}
    opened = os.open(path, os.O_RDONLY | OPEN)
    try:
        return {"size": 0 if name == "mem" else len(drain(opened, 1 << 20))}
    finally:
        os.close(opened)


def become_uid(_path: str, arguments: Arguments) -> Seen:
    """Takes a uid, in a child."""
    return APPRENTICE.does("become-uid", _path, arguments)


def become_gid(_path: str, arguments: Arguments) -> Seen:
    """Takes a gid, in a child."""
    return APPRENTICE.does("become-gid", _path, arguments)


def become_groups(_path: str, arguments: Arguments) -> Seen:
    """Takes a supplementary group, in a child."""
    return APPRENTICE.does("become-groups", _path, arguments)


def raise_capabilities(_path: str, arguments: Arguments) -> Seen:
    """Takes capabilities, in a child."""
    return APPRENTICE.does("raise", _path, arguments)


def set_capabilities(mask: int) -> None:
    """Asks for exactly these as permitted and effective."""
    import struct  # noqa: PLC0415

    low, high = mask & 0xFFFFFFFF, mask >> 32
    header = ctypes().create_string_buffer(struct.pack("=Ii", CAPABILITY_VERSION_3, 0))
    call("capset", header, ctypes().create_string_buffer(struct.pack("=6I", low, low, 0, high, high, 0)))


# What the apprentice does for operations that could change the process.
CHANGING = {
    "become-uid": lambda _path, arguments: os.setresuid(*[arguments["id"]] * 3),
    "become-gid": lambda _path, arguments: os.setresgid(*[arguments["id"]] * 3),
    "become-groups": lambda _path, arguments: os.setgroups([arguments["id"]]),
    "raise": lambda _path, arguments: set_capabilities(number(arguments["mask"])),
    "bind": lambda path, arguments: mount_and_unmount(os.fsencode(path), os.fsencode(arguments["into"])),
}
APPRENTICE = Apprentice()


def setuid_canary(path: str, _arguments: Arguments) -> Seen:
    """Executes the canary on /proc/self/status, and tells whom it became."""
    reading, writing = os.pipe()

    def become() -> None:
        os.dup2(os.open(os.devnull, os.O_RDWR), 0)
        os.dup2(writing, 1)
        os.dup2(0, 2)
        os.execve(path, [path, "/proc/self/status"], {})  # noqa: S606 - executing is the attempt

    def report() -> Seen:
        os.close(writing)
        return effective_uid(await_report(reading))

    try:
        return in_child(become, on_exec=report)
    finally:
        for end in (reading, writing):
            try:
                os.close(end)
            except OSError:  # noqa: PERF203
                pass


def effective_uid(status: bytes) -> Seen:
    """The second uid of a status file."""
    for line in status.decode("utf-8", "replace").splitlines():
        if line.startswith("Uid:"):
            return {"uid": int(line.split()[2])}
    raise Refused("the canary ran and said nothing")


# -- operations on keys, IPC and the network -------------------------------------------------------


def key_search(_path: str, arguments: Arguments) -> Seen:
    """Searches the session keyring."""
    description = os.fsencode(arguments["description"])
    return {"serial": syscall(key_calls()[1], KEYCTL_SEARCH, SESSION_KEYRING, b"user", description, 0)}


def key_read(_path: str, arguments: Arguments) -> Seen:
    """Reads a key by its serial."""
    data = ctypes().create_string_buffer(LOOK)
    size = syscall(key_calls()[1], KEYCTL_READ, int(arguments["serial"]), data, LOOK)
    return {"size": size, "sha256": digest(data.raw[: min(size, LOOK)])}


def key_add(_path: str, arguments: Arguments) -> Seen:
    """Adds a key to the session keyring."""
    description, content = os.fsencode(arguments["description"]), b"wallbite"
    return {"serial": syscall(key_calls()[0], b"user", description, content, len(content), SESSION_KEYRING)}


def sysv(_path: str, arguments: Arguments) -> Seen:
    """Finds an object of System V IPC by its key, or takes its identifier, and reads its state."""
    module, kind, key, known = ctypes(), arguments["type"], int(arguments.get("key", 0)), arguments.get("id")
    if kind == "shm":
        identifier = call("shmget", key, 0, 0) if known is None else int(known)
        address = call("shmat", identifier, None, SHM_RDONLY, result="c_void_p")
        call("shmdt", module.c_void_p(address))
    elif kind == "sem":
        identifier = call("semget", key, 0, 0) if known is None else int(known)
        call("semctl", identifier, 0, SEM_GETVAL)
    elif kind == "msg":
        identifier = call("msgget", key, 0) if known is None else int(known)
        call("msgctl", identifier, IPC_STAT, module.create_string_buffer(512))
    else:
        raise Refused(f"type must be shm, sem or msg, not {kind!r}")
    return {"id": identifier}


def http(_path: str, arguments: Arguments) -> Seen:
    """Sends one request without credentials and reads the status."""
    import socket  # noqa: PLC0415

    host, port, target = split_url(arguments["url"])
    method = arguments.get("method", "GET")
    request = f"{method} {target} HTTP/1.0\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    try:
        with socket.create_connection((host, port), PATIENCE) as client:
            client.sendall(request.encode("utf-8"))
            head = first_line(client).split()
    except socket.timeout:
        raise fail(errno.ETIMEDOUT) from None
    if not head or not head[0].startswith(b"HTTP/") or not b"".join(head[1:2]).isdigit():
        raise Refused("what came is no HTTP answer")
    return {"status": int(head[1])}


def first_line(client: Any) -> bytes:
    """What comes before the first line's end, in bounded time."""
    deadline, data = time.monotonic() + PATIENCE, b""
    while b"\n" not in data and len(data) < LOOK:
        client.settimeout(max(0.001, deadline - time.monotonic()))
        part = client.recv(LOOK)
        if not part:
            break
        data += part
    return data.split(b"\n")[0]


def split_url(url: str) -> tuple[str, int, str]:
    """Host, port and target of an http URL."""
    from urllib.parse import urlsplit  # noqa: PLC0415

    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        raise Refused(f"only http URLs are asked, not {url!r}")
    return parts.hostname, parts.port or 80, (parts.path or "/") + ("?" + parts.query if parts.query else "")


def environ(_path: str, _arguments: Arguments) -> Seen:
    """The environment as the kernel keeps it: name, size and digest of each entry; size -1 where there is no ``=``."""
    entries = slurp("/proc/self/environ", ENVIRONMENT).split(b"\0")[:-1]
    listed = []
    for entry in entries[:LISTED_NAMES]:
        name, assigned, value = entry.partition(b"=")
        listed.append([text(name)[:200], len(value) if assigned else -1, digest(value)[:16]])
    return {"entries": listed, "more": len(entries) - len(listed)}


OPERATIONS = {
    "read": read, "write": write, "append": append, "execute": execute, "list": list_directory, "map": map_file,
    "xattr": xattr, "connect": connect, "stat": look, "create": create, "remove": remove, "rename": rename,
    "link": link, "touch": touch, "chmod": chmod, "chown": chown, "trusted": trusted, "acl": acl, "handle": handle,
    "symlink-read": symlink_read, "root-read": root_read, "bind": bind, "signal": send_signal, "ptrace": ptrace,
    "vm-read": vm_read, "pidfd-getfd": pidfd_getfd, "proc": proc, "become-uid": become_uid, "become-gid": become_gid,
    "become-groups": become_groups, "raise": raise_capabilities, "key-search": key_search, "key-read": key_read,
    "key-add": key_add, "setuid-canary": setuid_canary, "http": http, "abstract": abstract, "sysv": sysv,
    "sweep": sweep, "own": own, "environ": environ,
}  # fmt: skip


# -- identity --------------------------------------------------------------------------------------

LIMITS = {
    "Max cpu time": "cpu", "Max file size": "fsize", "Max data size": "data", "Max stack size": "stack",
    "Max core file size": "core", "Max resident set": "rss", "Max processes": "nproc", "Max open files": "nofile",
    "Max locked memory": "memlock", "Max address space": "as", "Max file locks": "locks",
    "Max pending signals": "sigpending", "Max msgqueue size": "msgqueue", "Max nice priority": "nice",
    "Max realtime priority": "rtprio", "Max realtime timeout": "rttime",
}  # fmt: skip
DIRECTORIES = ("HOME", "PWD", "TMPDIR", "XDG_")  # beginnings of names whose values are told


def identity() -> dict[str, Any]:
    """Who this process is, as the kernel says; call it before anything is opened."""
    descriptors = open_descriptors()
    fields = status_fields()
    environment = {text(name): text(value)[:LOOK] for name, value in os.environb.items()}
    return {
        "pid": os.getpid(),
        "uids": [int(one) for one in fields["Uid"].split()],
        "gids": [int(one) for one in fields["Gid"].split()],
        "groups": sorted(int(one) for one in fields["Groups"].split()),
        "capabilities": {
            "permitted": fields["CapPrm"],
            "effective": fields["CapEff"],
            "inheritable": fields["CapInh"],
            "ambient": fields.get("CapAmb", "0"),
            "bounding": fields["CapBnd"],
        },
        "no_new_privs": fields.get("NoNewPrivs", "0") == "1",
        "seccomp": int(fields.get("Seccomp", "0")),
        "descriptors": descriptors,
        "session": os.getsid(0),
        "process_group": os.getpgrp(),
        "terminal": terminal(),
        "keyring": session_keyring(),
        "cwd": working_directory(),
        "umask": current_umask(fields),
        "limits": limits(),
        "environment": sorted(environment),
        "directories": {name: value for name, value in environment.items() if name.startswith(DIRECTORIES)},
        "signals": {"blocked": fields["SigBlk"], "ignored": fields["SigIgn"], "caught": fields["SigCgt"]},
        "argv_digest": digest(slurp("/proc/self/cmdline")),
        "python": "{}.{}.{}".format(*sys.version_info[:3]),
    }


def open_descriptors() -> list[list[Any]]:
    """Number and target of each descriptor; the listing's own is closed by the time it is asked for its target."""
    found = []
    for number in sorted(int(one) for one in os.listdir("/proc/self/fd")):
        try:
            found.append([number, text(os.readlink(f"/proc/self/fd/{number}"))])
        except FileNotFoundError:  # noqa: PERF203
            pass
    return found


def status_fields() -> dict[str, str]:
    """The lines of /proc/self/status."""
    lines = slurp("/proc/self/status").decode("utf-8", "backslashreplace").split("\n")
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def terminal() -> int | None:
    """The number of the controlling terminal, or None."""
    after_name = slurp("/proc/self/stat").rpartition(b")")[2].split()
    return int(after_name[4]) or None


def session_keyring() -> int | None:
    """The serial of the session keyring, or None where it cannot be asked for."""
    try:
        return syscall(key_calls()[1], KEYCTL_GET_ID, SESSION_KEYRING, 0)
    except Exception:  # noqa: BLE001
        return None


def working_directory() -> str | None:
    """The current directory, or None where it is out of reach."""
    try:
        return text(os.getcwdb())
    except OSError:
        return None


def current_umask(fields: dict[str, str]) -> str:
    """The umask in octal; kernels before 4.7 do not tell it."""
    if "Umask" in fields:
        return fields["Umask"]
    mask = os.umask(0o077)
    os.umask(mask)
    return f"{mask:04o}"


def limits() -> dict[str, list[int]]:
    """Soft and hard limits, -1 where there is none."""
    found = {}
    for line in slurp("/proc/self/limits").decode().splitlines()[1:]:
        name, values = line[:26].strip(), line[26:].split()
        if name in LIMITS:
            found[LIMITS[name]] = [-1 if one == "unlimited" else int(one) for one in values[:2]]
    return found


# -- answering -------------------------------------------------------------------------------------


def describe(error: BaseException) -> str:
    """An exception in one bounded line."""
    said = str(error) if isinstance(error, Refused) else f"{type(error).__name__}: {error}"
    return text(said.encode("utf-8", "backslashreplace"))[:200]


def json_module() -> Any:
    """The light one, else the whole one, else None: Debian's python3-minimal has none."""
    try:
        return Json()
    except (ImportError, TypeError):
        try:
            import json  # noqa: PLC0415 - late: the light one goes before
        except ImportError:
            return None
        return json


json = json_module()


def native(path: str) -> str:
    """A plan's path as this interpreter names files, in whatever locale."""
    return path if path.isascii() else os.fsdecode(path.encode("utf-8", "surrogateescape"))


def attempt(operation: str, path: str, arguments: Arguments) -> tuple[str | None, Seen]:
    """Errno and what was seen, of one attempt that was not plainly allowed or denied."""
    try:
        return "OK", OPERATIONS[operation](native(path), arguments)
    except OSError as error:
        name = NAMES.get(error.errno)
        return name, getattr(error, "seen", None) if name else {"error": describe(error)}
    except Exception as error:  # noqa: BLE001
        known = operation in OPERATIONS
        return None, {"error": describe(error) if known else f"unknown operation {operation!r}"[:200]}


def records(attempts: list[list[Any]]) -> Iterator[list[Any]]:
    """Number, errno and seen of each attempt, in batches."""
    batch = []
    try:
        for at, (operation, _object, _layout, path, arguments) in enumerate(attempts):
            batch.append((at, *attempt(operation, path, arguments)))
            if len(batch) == BATCH:
                yield batch
                batch = []
        if batch:
            yield batch
    finally:
        APPRENTICE.end()


def answer_lines(plan: Plan, carrier: Arguments | None = None, who: Arguments | None = None) -> Iterator[bytes]:
    """The answer as lines of bytes; `who` is taken now where the caller has not."""
    who = identity() if who is None else who
    carrier = {"plugin": None, "job": None, "command": None, "attempt": None, **(carrier or {})}
    whole = sha256()
    head = {"schema": ANSWER_SCHEMA, "nonce": plan["nonce"], "who": who, "carrier": carrier}
    count = 0
    line = encode(head)
    whole.update(line)
    yield line
    for batch in records(plan["attempts"]):
        count += len(batch)
        line = encode({"at": batch})
        whole.update(line)
        yield line
    yield encode({"end": plan["nonce"], "count": count, "sha256": whole.hexdigest()})


def encode(document: dict[str, Any]) -> bytes:
    """One line of JSON."""
    return json.dumps(document).encode("ascii") + b"\n"


def answer(plan: Plan, carrier: Arguments | None = None, who: Arguments | None = None) -> int:
    """Attempts everything and delivers the answer where the plan wants it; returns the number of attempts."""
    lines = answer_lines(plan, carrier, who)
    if plan["answer"] == "stdout":
        sign(plan)
        for line in lines:
            write_all(1, line)
    else:
        deliver(plan, lines)
    return len(plan["attempts"])


def sign(plan: Plan) -> None:
    """An empty letter, where the inbox can be reached: its owner is the kernel's word on who answers by a log."""
    path = os.path.join(plan["inbox"], "{}.{}".format(plan["nonce"], os.getpid()))
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
    except OSError:
        pass


def deliver(plan: Plan, lines: Iterable[bytes]) -> None:
    """Into the inbox under a hidden name, which becomes the real one when it is whole."""
    name, handle = new_letter(plan["inbox"], plan["nonce"])
    try:
        for line in lines:
            write_all(handle, line)
    finally:
        os.close(handle)
    os.rename(os.path.join(plan["inbox"], "." + name), os.path.join(plan["inbox"], name))


def new_letter(inbox: str, nonce: str) -> tuple[str, int]:
    """A name that nobody has, in whichever pid namespace, and its open file."""
    for turn in range(100):
        name = "{}.{}{}".format(nonce, os.getpid(), f"-{turn}" if turn else "")
        if os.path.lexists(os.path.join(inbox, name)):
            continue
        try:
            flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC
            return name, os.open(os.path.join(inbox, "." + name), flags, 0o600)
        except FileExistsError:
            continue
    raise FileExistsError(errno.EEXIST, "the inbox holds this answer's names already")


def finish(plan: Plan, label: str = "probe") -> bool:
    """What the plan wants after the answer: False where this run has to fail."""
    told = plan.get("first")
    if told and is_first(plan, label):
        if told == "fail":
            return False
        while True:
            signal.pause()
    if plan.get("hold"):
        await_release(plan["hold"])
    return True


def is_first(plan: Plan, label: str) -> bool:
    """Whether no run of this plan by this carrier came before."""
    name = ".{}.first.{}".format(plan["nonce"], label.replace("/", "_"))
    try:
        os.close(os.open(os.path.join(plan["inbox"], name), os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        return False
    return True


def await_release(path: str) -> None:
    """Blocks until a writer of the FIFO came and went."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        while os.read(handle, LOOK):
            pass
    finally:
        os.close(handle)


def load(path: str) -> Plan:
    """A plan from its file."""
    plan = json.loads(slurp(path, 1 << 28).decode("utf-8"))
    schema = plan.get("schema") if isinstance(plan, dict) else None
    if schema != PLAN_SCHEMA:
        raise Refused(f"{path}: schema is {schema!r}, expected {PLAN_SCHEMA!r}")
    return plan


def warm() -> None:
    """Imports what operations import late: for a process that is about to lose sight of its interpreter."""
    import encodings.idna  # noqa: F401, PLC0415
    import mmap  # noqa: F401, PLC0415
    import socket  # noqa: F401, PLC0415
    import struct  # noqa: F401, PLC0415
    import urllib.parse  # noqa: F401, PLC0415

    digest(b"")
    library()


def main(arguments: list[str]) -> int:
    """The program: 0 when it answered, 3 when it was told to fail, 2 when it could not begin."""
    if json is None:
        print(NO_JSON)
        return 2
    who = identity()
    if not arguments or arguments[1:] not in ([], ["--answer", "stdout"]):
        print("usage: probe.py PLAN [--answer stdout]", file=sys.stderr)
        return 2
    try:
        plan = load(arguments[0])
        if arguments[1:]:
            plan["answer"] = "stdout"
        answer(plan, None, who)
        return 0 if finish(plan) else FAILED
    except (OSError, ValueError, KeyError, TypeError, Refused) as error:
        print(f"probe: {describe(error)}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
