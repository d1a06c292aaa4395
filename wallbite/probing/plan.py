"""Plans: what a probe attempts, and how its answer comes back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

PLAN_SCHEMA: Final = "wallbite-plan/1"
INBOX: Final = "/run/wallbite/inbox"  # in every stage


@dataclass(frozen=True, slots=True)
class OperationInfo:
    """What is known of an operation before it is tried.

    Attributes:
        intrusive: whether it leaves a trace, and so runs on a stage that is thrown away only.
        about: the system call, in a few words.
    """

    intrusive: bool
    about: str


def _table(intrusive: bool, **about: str) -> dict[str, OperationInfo]:
    return {name.replace("_", "-"): OperationInfo(intrusive, text) for name, text in about.items()}


OPERATIONS: Final[dict[str, OperationInfo]] = {
    **_table(
        False,
        read="open for reading, and read",
        write="open for writing",
        append="open for appending",
        execute="execve; of a directory, search",
        list="list a directory",
        map="open for reading, and mmap",
        xattr="getxattr user.wallbite",
        connect="connect to a socket in the file system",
        stat="lstat",
        create="open O_TMPFILE in a directory",
        remove="rmdir of a file, unlink of a directory",
        rename="rename onto a directory that is not empty",
        chmod="chmod to the present mode",
        chown="chown to the present owner",
        trusted="removexattr trusted.wallbite",
        acl="setxattr of the present access control list",
        handle="open_by_handle_at",
        root_read="read through /proc/self/root",
        signal="kill with signal 0",
        vm_read="process_vm_readv of one byte",
        pidfd_getfd="pidfd_getfd of descriptor 0",
        proc="open below /proc/PID",
        become_uid="setresuid",
        become_gid="setresgid",
        become_groups="setgroups",
        key_search="keyctl search",
        key_read="keyctl read",
        key_add="add_key",
        setuid_canary="execve of a setuid-root program",
        http="HTTP request without credentials",
        abstract="connect to an abstract socket",
        sysv="shmget, semget or msgget without create",
        sweep="faccessat of a whole tree",
        own="use of an own directory",
        environ="read of /proc/self/environ",
    ),
    "raise": OperationInfo(False, "capset"),
    **_table(
        True,
        link="link into an own directory",
        touch="utimensat",
        symlink_read="read through a symbolic link",
        bind="mount --bind",
        ptrace="PTRACE_SEIZE",
    ),
}


@dataclass(frozen=True, slots=True)
class Attempt:
    """One thing to try.

    Attributes:
        operation: a key of `OPERATIONS`.
        object: the name of the surface or thing, for the observation.
        layout: ``laid`` or ``opened``, for the observation.
        path: what it is tried on; empty where the operation takes none.
        arguments: what else the operation takes.
    """

    operation: str
    object: str
    layout: str = "laid"
    path: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> list[Any]:
        """The five members of an attempt in a plan."""
        return [self.operation, self.object, self.layout, self.path, dict(self.arguments)]


@dataclass(frozen=True, slots=True)
class Plan:
    """What one probe does.

    Attributes:
        nonce: hex digits; ties the answer to this plan.
        attempts: in order.
        answer: where the answer goes.
        inbox: the directory for answers and markers.
        first: what the first run does after its answer: nothing, fail, or hang.
        hold: a FIFO that the probe waits at after its answer, until a writer came and went.
        respond: members added to a plugin's response.
        echo: a mark; the plugin then tells its secrets in everything that it answers, beside this.
    """

    nonce: str
    attempts: tuple[Attempt, ...]
    answer: Literal["inbox", "stdout"] = "inbox"
    inbox: str = INBOX
    first: Literal["fail", "hang"] | None = None
    hold: str | None = None
    respond: Mapping[str, Any] = field(default_factory=dict)
    echo: str = ""

    def to_document(self) -> dict[str, Any]:
        """The plan as the probe reads it, before it is text."""
        return {
            "schema": PLAN_SCHEMA,
            "nonce": self.nonce,
            "answer": self.answer,
            "inbox": self.inbox,
            "attempts": [attempt.to_json() for attempt in self.attempts],
            "first": self.first,
            "hold": self.hold,
            "respond": dict(self.respond),
            "echo": self.echo,
        }

    def to_json(self) -> str:
        """The text of a plan file."""
        return json.dumps(self.to_document(), separators=(",", ":")) + "\n"

    @property
    def intrusive(self) -> bool:
        """Whether any attempt leaves a trace."""
        return any(OPERATIONS[attempt.operation].intrusive for attempt in self.attempts)


def plan(nonce: str, attempts: Iterable[Attempt], **settings: Any) -> Plan:
    """A plan of known operations.

    Raises:
        ValueError: an operation is unknown, or the nonce is not made of hex digits.
    """
    made = Plan(nonce, tuple(attempts), **settings)
    unknown = {attempt.operation for attempt in made.attempts} - OPERATIONS.keys()
    if unknown:
        raise ValueError(f"unknown operations: {', '.join(sorted(unknown))}")
    if not nonce or set(nonce) - set("0123456789abcdef"):
        raise ValueError(f"nonce {nonce!r} is not made of hex digits")
    return made
