"""A tool's payload: tries what its order says, and leaves what came of it in the work area.

Started by ``bash probe.sh`` in the work area, as ``/usr/bin/python3 -I -S tool.py ORDER``. The order is JSON:
``{"nonce": TEXT, "answer": FILE, "attempts": [[NAME, OPERATION, ARGUMENT], ...]}``.
"""

import errno
import json
import os
import socket
import sys
from typing import Any


def write(path: str) -> None:
    """Make a file, or write nothing to one that is there."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    os.close(descriptor)


def append(path: str) -> None:
    """Add a line."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND)
    os.write(descriptor, b"forged\n")
    os.close(descriptor)


def read(path: str) -> str:
    """Its first bytes."""
    with open(path, "rb") as file:
        return file.read(200).decode("utf-8", "replace")


def connect(address: "list[Any]") -> None:
    """A connection to a port; the first word is sent."""
    with socket.create_connection((address[0], address[1]), 3) as link:
        link.sendall(address[2].encode())


def datagram(address: "list[Any]") -> None:
    """A connected datagram socket, and one word through it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        link.connect((address[0], address[1]))
        link.send(address[2].encode())


def abstract(name: str) -> None:
    """A connection to an abstract name."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
        link.connect("\0" + name)


OPERATIONS = {
    "write": write, "append": append, "read": read, "remove": os.unlink, "list": lambda path: len(os.listdir(path)),
    "connect": connect, "datagram": datagram, "abstract": abstract,
}  # fmt: skip


def attempt(operation: str, argument: Any) -> "list[Any]":
    """OK or an errno, and what was seen."""
    try:
        return ["OK", OPERATIONS[operation](argument)]
    except socket.timeout:
        return ["ETIMEDOUT", None]
    except OSError as error:
        return [errno.errorcode.get(error.errno or 0, f"{type(error).__name__}: {error}"), None]


def status() -> "dict[str, str]":
    """What the kernel says of this process."""
    with open("/proc/self/status", encoding="ascii", errors="replace") as file:
        fields = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    return {name: fields.get(name, "") for name in ("CapEff", "CapPrm", "CapBnd", "NoNewPrivs", "Seccomp", "Uid")}


def main() -> None:
    """Try everything, and say so in one file."""
    with open(sys.argv[1], encoding="utf-8") as file:
        order = json.load(file)
    environment = dict(os.environ)
    said = {
        "nonce": order["nonce"],
        "attempts": {name: attempt(operation, argument) for name, operation, argument in order["attempts"]},
        "environment": sorted(environment),
        "status": status(),
        "namespaces": {
            name: os.readlink("/proc/self/ns/" + name) for name in ("mnt", "pid", "net", "ipc", "uts", "user")
        },
        "pids": sum(name.isdigit() for name in os.listdir("/proc")),
    }
    with open(order["answer"], "w", encoding="utf-8") as file:
        json.dump(said, file)
    print("probe " + order["nonce"])


if __name__ == "__main__":
    main()
