"""A vault with secrets that are found nowhere else, and who of the plugins is to get which of them."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from wallbite.cases.scene import CaseProblem, Scene
from wallbite.installation.command import run_bounded
from wallbite.installation.document import with_value
from wallbite.installation.installation import OUTPUT
from wallbite.search import Needle
from wallbite.target.running import Vault

WITHIN: Final = 20.0
FIRST, OTHER = 0, 1  # which of the descriptor's two plugins for an account


@dataclass(frozen=True)
class Role:
    """One plugin of the case: for which account, whose secrets it asks for, and what must come of it.

    Attributes:
        name: of the role, for observations.
        account: its place among the accounts; `instance`: which of the descriptor's plugins for an account.
        principal, mapped, requires: its configuration.
        gets: the principal whose secrets it must get; empty for none.
        refused: whether it must not run.
    """

    name: str
    account: int
    instance: int
    principal: str = ""
    mapped: str = ""
    requires: bool = False
    gets: str = ""
    refused: bool = False

    @property
    def asked_for(self) -> str:
        """The principal whose secrets it asks for."""
        return self.mapped or self.principal


ROLES: Final = (
    Role("own", 0, FIRST, "p-own", requires=True, gets="p-own"),
    Role("mapped", 1, FIRST, "p-other", mapped="p-mapped", requires=True, gets="p-mapped"),
    Role("instance-one", 0, OTHER, "p-one", gets="p-one"),
    Role("instance-two", 1, OTHER, "p-two", gets="p-two"),
    Role("unknown", 2, OTHER, "p-unknown"),
    Role("without-principal", 2, FIRST, requires=True, refused=True),
    Role("revoked", 3, FIRST, "p-sound", mapped="p-revoked", refused=True),
    Role("unknown-required", 3, OTHER, "p-nobody", requires=True, refused=True),
)
KNOWN: Final = ("p-own", "p-other", "p-mapped", "p-one", "p-two", "p-sound", "p-revoked")


@dataclass(frozen=True)
class Filled:
    """What is in the vault: principal to name to value; and who is revoked."""

    values: Mapping[str, Mapping[str, str]] = field(repr=False)
    revoked: tuple[str, ...] = ("p-revoked",)

    @classmethod
    def anew(cls) -> Filled:
        """New values for every principal, some with characters that encodings change."""
        return cls({name: {"token": secrets.token_hex(20), "phrase": _phrase()} for name in KNOWN})

    def needles(self) -> list[Needle]:
        """Every value, to search for it."""
        return [
            Needle(f"{principal}/{name}", value.encode())
            for principal, values in self.values.items()
            for name, value in values.items()
        ]

    def sealed(self, principal: str) -> dict[str, list[Any]]:
        """Length and digest of each secret of a principal, as a probe tells them."""
        raw = {name: value.encode() for name, value in self.values.get(principal, {}).items()}
        return {name: [len(value), hashlib.sha256(value).hexdigest()] for name, value in raw.items()}

    def text(self) -> bytes:
        """What the command that fills a vault reads; who is not revoked is not said to be."""
        revoked: dict[str, dict[str, Any]] = {name: {"revoked": True} for name in self.revoked}
        told = {name: {"secrets": values, **revoked.get(name, {})} for name, values in self.values.items()}
        return json.dumps({"principals": told}).encode()


def _phrase() -> str:
    return f'{secrets.token_hex(10)}"/+ \\{secrets.token_hex(10)}'


def vault_of(scene: Scene) -> Vault:
    """The descriptor's words on the vault.

    Raises:
        CaseProblem: it has none.
    """
    if scene.target.vault is None or scene.target.config is None:
        raise CaseProblem("the descriptor does not say where secrets are kept")
    return scene.target.vault


def fill(scene: Scene, filled: Filled, *, again: bool = False) -> None:
    """Have the target's own command put the secrets into its vault; they are on no command line, and in no file.

    Args:
        scene: where.
        filled: what is put there.
        again: it was filled before, and keeps its key.

    Raises:
        CaseProblem: it failed.
    """
    vault = vault_of(scene)
    for path in () if again else vault.replaces:
        if os.path.lexists(path):
            os.unlink(path)
    argv = [str(part) for part in scene.installation.expanded(list(vault.fill))]
    ids = scene.gateway_ids
    with tempfile.TemporaryFile(dir=OUTPUT) as file:
        file.write(filled.text())
        file.seek(0)
        try:
            code, said = run_bounded(
                argv,
                WITHIN,
                stdin=file,
                user=ids["uid"],
                group=ids["gid"],
                extra_groups=[],
                umask=0o022,
                cwd="/",
                env={"PATH": "/usr/bin:/bin"},
            )
        except OSError as error:
            raise CaseProblem(f"the vault was not filled: {error}") from error
    if code:
        raise CaseProblem(f"the command that fills the vault ended with {code}: {said[-300:]}")


def plugin_of(scene: Scene, role: Role) -> str:
    """The plugin's name."""
    account = scene.accounts[role.account % len(scene.accounts)]
    return str(scene.installation.expanded(vault_of(scene).plugins[role.instance], account=account))


def with_roles(scene: Scene, document: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration with every role's principal."""
    vault, changed = vault_of(scene), dict(document)
    for role in ROLES:
        name = plugin_of(scene, role)
        for key, value in (
            (vault.principal, role.principal),
            (vault.mapped, role.mapped),
            (vault.requires, role.requires),
        ):
            if key and value:
                changed = with_value(changed, str(scene.installation.expanded(key, plugin=name)), value)
    return changed
