"""How a target installs itself, as its descriptor says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wallbite.target.model import Step


@dataclass(frozen=True, slots=True)
class Laid:
    """One path that an installer makes: exactly so; with ``below`` all in it is root's, and nobody else writes it."""

    path: str
    kind: str
    owner: str
    group: str
    mode: str
    below: bool = False


@dataclass(frozen=True, slots=True)
class Installer:
    """How the target installs itself, and what it lays down then.

    Attributes:
        needs: what must be there before, such as an interpreter and what is to be installed.
        run: the argument list, run as root.
        unit, sysusers, tmpfiles: files that it lays down.
        tree: every path that it makes.
        data: directories of the operator's, besides the accounts' own, that a second installation must leave alone.
        lost: a file of the code; a second installation brings it back.
        plugins: what an operator adds to the configuration, so that a plugin of each account runs at the start.
        accounts: where the configuration has the accounts, joined by dots.
        entry: how an account's entry there calls its ``uid``, ``gid`` and ``directory``.
    """

    needs: tuple[Step, ...]
    run: tuple[str, ...]
    unit: str
    sysusers: str
    tmpfiles: str
    tree: tuple[Laid, ...]
    data: tuple[str, ...]
    lost: str
    plugins: Mapping[str, Any]
    accounts: str
    entry: Mapping[str, str]
