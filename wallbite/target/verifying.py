"""How a target verifies the code of its plugins, as its descriptor says. Text is a template until it is expanded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Build:
    """What makes another build of the gateway: in an installed file, this text becomes that one."""

    file: str
    text: str
    becomes: str


@dataclass(frozen=True, slots=True)
class Fingerprints:
    """Grants that are bound to the code of plugins. Keys are joined by dots; ``{plugin}`` is a plugin's name.

    Attributes:
        switch: keys of the configuration that turn it on.
        lock: the command by which the gateway's owner locks plugins; the word ``{plugins}`` stands for their names.
        code: where a plugin's code lies.
        records: the file of the lock records.
        elsewhere: another place where a plugin's code may lie; empty where there is none.
        entry: keys beside each plugin in the configuration; with them an ordinary failure is tried again.
        principal: keys beside a plugin that give it a principal.
        older: keys of the records (a JSON document) that make an older schema of it.
        takes: when the gateway takes up what is locked: at each ``spawn``, at a ``reload``, or at its ``start``.
        refusals: error classes: ``tier`` (nowhere to downgrade to) and ``principal`` (holds one, and was changed).
        build: how another build of the gateway is made.
    """

    switch: Mapping[str, Any]
    lock: tuple[str, ...]
    code: str
    records: str
    elsewhere: str = ""
    entry: Mapping[str, Any] = field(default_factory=dict)
    principal: Mapping[str, Any] = field(default_factory=dict)
    older: Mapping[str, Any] = field(default_factory=dict)
    takes: str = "start"
    refusals: Mapping[str, str] = field(default_factory=dict)
    build: Build | None = None


def build_fingerprints(raw: Mapping[str, Any]) -> Fingerprints:
    """The section of a valid descriptor."""
    build = Build(**raw["build"]) if "build" in raw else None
    return Fingerprints(**{**raw, "lock": tuple(raw["lock"]), "build": build})
