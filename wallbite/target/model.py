"""The descriptor as frozen objects: what the harness knows of a gateway, besides what the kernel says."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from wallbite.content import root as content_root
from wallbite.documents import Document
from wallbite.target.endings import Beside, Ends
from wallbite.target.installing import Installer
from wallbite.target.library import Library
from wallbite.target.placeholders import ACCOUNT, expand, expand_text
from wallbite.target.running import Gate, GatewayCommands, Loopback, SideDoors, Spawn, Vault
from wallbite.target.verifying import Fingerprints

ROOT: Final = "root"  # the one owner that need not be declared
GATEWAY: Final = "gateway"  # the identity that every target has


@dataclass(frozen=True, slots=True)
class Claims:
    """What the target says that it keeps.

    Attributes:
        profile: the name of a profile.
        not_applicable: requirement ids or families, each with a reason.
    """

    profile: str
    not_applicable: Mapping[str, str] = field(default_factory=dict)

    def reason(self, requirement: str) -> str:
        """Why a requirement does not apply: its own reason, else its parent's, else its family's; empty if it does."""
        names = (requirement, requirement.partition(".")[0], requirement.partition("-")[0])
        return next((self.not_applicable[name] for name in names if name in self.not_applicable), "")


@dataclass(frozen=True, slots=True)
class Account:
    """An unprivileged identity that the gateway spawns under, and its own directory."""

    name: str
    directory: str


@dataclass(frozen=True, slots=True)
class Surface:
    """A protected object.

    Attributes:
        name: unique, such as ``age-key``; ``account-file:alpha`` where there is one for each account.
        role: what requirements call it, such as ``account-file``.
        class_: ``gateway``, ``account``, ``code`` or ``parent``.
        kind: ``file``, ``directory`` or ``socket``.
        owner, group: identities, or root.
        mode: the permission bits.
        account: whose it is, where there is one for each account; else empty.
    """

    name: str
    role: str
    path: str
    class_: str
    kind: str
    owner: str
    group: str
    mode: int
    account: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of laying a target down.

    Attributes:
        kind: ``directory``, ``interpreter``, ``copy``, ``file``, ``link``, ``canary``, ``carrier`` or ``user``.
        path: what it makes; of a user, its name.
        owner, group: identities, or root.
        mode: the permission bits; None where the step's kind decides.
        source: of a copy, what is copied (`Target.source_of` says where that is); of a link, where it points to.
        text: of a file, its template; expand it with `account` when it is laid down.
        name, program: of a carrier, the plugin's name and the probe's program.
        account: for which account the step was repeated; else empty.
        home, groups: of a user, its home directory and the further groups that it is in.
    """

    kind: str
    path: str
    owner: str
    group: str
    mode: int | None = None
    source: str = ""
    text: str = ""
    name: str = ""
    program: str = ""
    account: str = ""
    home: str = ""
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """A configuration file: YAML values, or text with a block that is added for each account."""

    path: str
    owner: str
    group: str
    mode: int
    document: Any = None
    text: str = ""
    each_account: str = ""

    @property
    def is_text(self) -> bool:
        """Whether it is rendered from text; else `document` is dumped as YAML."""
        return self.document is None

    def expanded(self, values: Mapping[str, Any], accounts: Sequence[str]) -> Any:
        """Its values, or its text, with the placeholders filled in and one copy for each account."""
        if not self.is_text:
            return expand(self.document, values, accounts)
        blocks = (expand_text(self.each_account, {**values, ACCOUNT: account}) for account in accounts)
        return "".join(map(str, (expand_text(self.text, values), *blocks)))


@dataclass(frozen=True, slots=True)
class Config:
    """The configuration: its main file, and further ones."""

    main: ConfigFile
    parts: tuple[ConfigFile, ...] = ()

    @property
    def files(self) -> tuple[ConfigFile, ...]:
        """All files, the main one first."""
        return (self.main, *self.parts)


@dataclass(frozen=True, slots=True)
class Image:
    """The image that the target is run in on the stage ``container``.

    Attributes:
        reference: of an image; empty where a Dockerfile builds it.
        dockerfile: its path, seen from the descriptor's folder; that of the Dockerfile is the context.
        python: the interpreter in it that runs the harness; 3.11 or later.
        keep: directories of the image that a stage keeps, besides its system (``/usr``, ``/etc``); read-only.
    """

    reference: str = ""
    dockerfile: str = ""
    python: str = "python3"
    keep: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Target:
    """A descriptor. Optional parts are None or empty; what they are for is then not applicable or inconclusive."""

    name: str
    title: str
    claims: Claims
    identities: tuple[str, ...]
    accounts: Mapping[str, Account]
    postures: tuple[str, ...]
    gateway: GatewayCommands
    surfaces: tuple[Surface, ...]
    source: Document = field(repr=False)
    folder: Path = field(repr=False)
    secrets: tuple[str, ...] = ()
    install: tuple[Step, ...] = ()
    config: Config | None = None
    gate: Gate | None = None
    spawn: Spawn | None = None
    fingerprints: Fingerprints | None = None
    loopback: Loopback | None = None
    side_doors: SideDoors | None = None
    installer: Installer | None = None
    ends: Ends | None = None
    beside: Beside | None = None
    vault: Vault | None = None
    image: Image | None = None
    scratch: tuple[str, ...] = ()
    residuals: Mapping[str, str] = field(default_factory=dict)
    library: Library | None = None

    @property
    def digest(self) -> str:
        """SHA-256 of the descriptor's bytes, in hex."""
        return self.source.digest

    def surface(self, name: str) -> Surface:
        """The surface of that name."""
        return next(surface for surface in self.surfaces if surface.name == name)

    def with_role(self, role: str) -> tuple[Surface, ...]:
        """The surfaces that a requirement calls so."""
        return tuple(surface for surface in self.surfaces if surface.role == role)

    def source_of(self, step: Step) -> Path:
        """What a copy copies: below the descriptor's own folder, else below Wallbite's content.

        ``{environment:NAME}`` is what that environment variable names.
        """
        named = str(expand_text(step.source, {f"environment:{name}": value for name, value in os.environ.items()}))
        beside = self.folder / named
        return beside if beside.exists() else content_root() / named
