"""How a target is run: started, asked, made to spawn, told to stop. All text is a template until it is expanded."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Action:
    """How the running gateway is told something: by a signal (its name without SIG), or by a command run as root.

    To rotate a log may take both: a command that renames it, and then a signal.
    """

    signal: str = ""
    command: tuple[str, ...] = ()
    within: float = 10.0


@dataclass(frozen=True, slots=True)
class Ready:
    """When a booted gateway is ready: exactly one of these comes true within so many seconds."""

    http: str = ""
    socket: str = ""
    file: str = ""
    log: str = ""
    within: float = 10.0


@dataclass(frozen=True, slots=True)
class Need:
    """What must be there for a run: a ``python-package``, a ``program``, or a file named by an ``environment`` name."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class GatewayCommands:
    """How the gateway is started and spoken to, and what it says. Templates; empty where the target has no such thing.

    Attributes:
        program: the executable that postures put capabilities on.
        serve, check, version, backup, seal: argument lists.
        backup_to: where a backup may be written.
        backup_scopes: the roles of the surfaces that each scope holds; the last scope is whole.
        backup_manifest: the ``member`` of an archive that says in JSON what was ``excluded``: a list, each with a
            ``path`` and a ``reason``; the values name the keys.
        restore: argument list; run by root.
        environment: its own environment, besides what the case gives it.
        spared: names of variables with which it could not start, and which it is therefore never given.
        says: patterns, searched in what it prints and in its log.
    """

    program: str
    serve: tuple[str, ...]
    ready: Ready
    check: tuple[str, ...] = ()
    version: tuple[str, ...] = ()
    backup: tuple[str, ...] = ()
    backup_to: str = ""
    seal: tuple[str, ...] = ()
    backup_scopes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    backup_manifest: Mapping[str, str] = field(default_factory=dict)
    restore: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    spared: tuple[str, ...] = ()
    requires: tuple[Need, ...] = ()
    reload: Action | None = None
    rotate: Action | None = None
    stop: Action = field(default_factory=lambda: Action(signal="TERM"))
    log: str = ""
    says: Mapping[str, str] = field(default_factory=dict)

    def pattern(self, name: str, **words: str) -> re.Pattern[str] | None:
        """The pattern of that name, with ``{tier}`` and the like replaced by the given words, taken literally.

        None where the target says no such thing. Other braces, such as ``{2,3}``, keep their meaning.
        """
        return pattern_of(self.says[name], **words) if name in self.says else None


def pattern_of(text: str, **words: str) -> re.Pattern[str]:
    """A descriptor's pattern with ``{word}`` replaced by the given words, taken literally."""
    for word, value in words.items():
        text = text.replace(f"{{{word}}}", re.escape(value))
    return re.compile(text, re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Gate:
    """How the boot matrix edits the configuration; keys are joined by dots.

    Attributes:
        document: a small configuration whose one plugin tells who it is as soon as the gateway is up.
        account: what an account's entry calls its ``uid``, ``gid``, ``directory``, and the ``home`` of a real user.
        admission: the key that has the gateway compare its configuration with what was sealed.
        passthrough: the list of names of variables that plugins get besides.
        ready: when a gateway with this configuration is up, where it differs from the usual.
    """

    accounts: str
    document: Mapping[str, Any]
    override: str = ""
    grant: str = ""
    account: Mapping[str, str] = field(default_factory=dict)
    admission: str = ""
    passthrough: str = ""
    ready: Ready | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """How something is asked of the gateway: over HTTP, or by a command run as root in the stage. Templates.

    Attributes:
        job: where the answer's JSON names the job, keys joined by dots.
    """

    method: str = ""
    url: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    job: str = ""
    command: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Job:
    """How a job is asked for, and where its answer holds what; keys are joined by dots."""

    url: str
    status: str
    finished: tuple[str, ...]
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    attempts: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class JobLog:
    """How a log tells of a job, where nothing can be asked. Patterns, with ``{plugin}`` taken literally.

    Attributes:
        file: the log.
        attempt: found once for each attempt.
        ends: the status that each pattern tells; what none of them tells is not finished.
        error: its first group is the error class.
    """

    file: str
    attempt: str
    ends: Mapping[str, str]
    error: str = ""


@dataclass(frozen=True, slots=True)
class SpawnPath:
    """A way on which the gateway comes to spawn: ``request``, ``boot``, ``event``, ``retry`` or ``restart``."""

    name: str
    by: str
    plugin: str = ""
    command: str = ""
    event: str = ""


@dataclass(frozen=True, slots=True)
class Storm:
    """Many spawns at once: the event that starts them, and how many jobs."""

    event: str
    jobs: int


@dataclass(frozen=True, slots=True)
class Refusals:
    """The error classes by which a job tells a failed drop, a missing grant, and other start errors apart."""

    drop: str = ""
    ungranted: str = ""
    other: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Spawn:
    """How the gateway is made to run a probe, and how what the probe said is fetched.

    Attributes:
        answer: ``inbox``, or ``stdout`` where the gateway catches the probe's output in `answer_file`.
        plugin, command: templates of what carries the probe.
        logged: how a log tells of a job; None where `job` asks for it, or nobody tells.
        held: a plugin that may run while `plugin` does; empty where `plugin` may run twice at once.
        within: how many seconds an answer may take.
        event: how an event is sent; None where an answer of the probe carries it.
        ungranted: a plugin without a grant.
        broken: by the name of a start error, a plugin that comes to it.
    """

    answer: str
    request: Request | None = None
    event: Request | None = None
    job: Job | None = None
    logged: JobLog | None = None
    answer_file: str = ""
    plugin: str = ""
    held: str = ""
    command: str = ""
    within: float = 10.0
    paths: Mapping[str, SpawnPath] = field(default_factory=dict)
    storm: Storm | None = None
    ungranted: str = ""
    broken: Mapping[str, str] = field(default_factory=dict)
    refusals: Refusals | None = None

    @property
    def plugins(self) -> tuple[str, ...]:
        """Every plugin that is named here, as a template."""
        named = (self.plugin, self.held, self.ungranted, *(path.plugin for path in self.paths.values()))
        return tuple(dict.fromkeys(name for name in (*named, *self.broken.values()) if name))


@dataclass(frozen=True, slots=True)
class Loopback:
    """The gateway's port: what answers anybody, and what must not."""

    url: str
    closed: tuple[str, ...]
    open: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SideDoors:
    """How the gateway speaks of side doors: `gateway.says` has ``side-door`` and ``side-door-unknown``.

    Attributes:
        doors: the word that stands for ``{door}`` there, by the kind of door.
        refuse: the key of the configuration, joined by dots, that makes a door a refusal; empty where there is none.
    """

    doors: Mapping[str, str]
    refuse: str = ""


@dataclass(frozen=True, slots=True)
class Vault:
    """Where secrets are kept, and how plugins come to them. Templates; keys of the configuration are joined by dots.

    Attributes:
        fill: a command, run as root, that reads ``{"principals": {NAME: {"secrets": {NAME: value}, "revoked": true}}}``
            on stdin and puts it into the vault, with a key where there is none.
        key: the file that holds the key.
        replaces: files that are removed before.
        principal, mapped, requires: keys of a plugin: its principal, another whose secrets it gets, whether it must.
        plugins: names of plugins for an account, the second another instance of the first account's code.
        refused: the error class of a job whose delivery was refused.
        audit: what asks for the audit records, as JSON.
        record: where these hold the list, and in each record its type, principal and plugin.
        told: further places where what a plugin said can be asked for; ``{job}`` is its job.
    """

    fill: tuple[str, ...]
    key: str
    principal: str
    plugins: tuple[str, str]
    replaces: tuple[str, ...] = ()
    mapped: str = ""
    requires: str = ""
    refused: str = ""
    audit: Request | None = None
    record: Mapping[str, str] = field(default_factory=dict)
    told: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
