"""The boot gate: which configuration runs with which privilege."""

from __future__ import annotations

import pytest
from gateway import gate
from gateway.capabilities import SETGID, SETUID, Sets
from gateway.refusal import Refusal

from tests.gateway.conftest import Layout, refused

BOTH = SETUID | SETGID


@pytest.mark.parametrize(
    ("effective", "accounts", "override", "kind"),
    [
        (BOTH, ["one"], False, "enforcing"),
        (BOTH, [], False, None),
        (SETUID, ["one"], False, None),
        (SETGID, ["one"], False, None),
        (0, ["one"], False, None),
        (0, [], False, "unconfined"),
        (SETUID, [], False, "unconfined"),
        (BOTH, ["one"], True, "override"),
        (BOTH, [], True, "override"),
        (0, ["one"], True, "override"),
        (0, [], True, "override"),
    ],
)
def test_each_cell_has_one_outcome(effective: int, accounts: list[str], override: bool, kind: str | None) -> None:
    """Both capabilities must be effective; what is only permitted counts for nothing."""
    sets = Sets(effective, BOTH, 0)
    if kind is None:
        with pytest.raises(Refusal):
            gate.judge(sets, accounts, override)
    else:
        assert gate.judge(sets, accounts, override).kind == kind


@pytest.mark.parametrize("posture", ["root-without-caps", "setuid-only", "unprivileged"])
def test_accounts_without_privilege_are_refused(layout: Layout, posture: str) -> None:
    """A gateway that cannot drop refuses, and leaves nothing behind."""
    if posture == "root-without-caps":
        layout.owner = 0
        for path in ("etc", "etc/secret", "etc/secret/age.key", "var/state", "log", "run"):
            layout.own(layout.top / path, (layout.top / path).stat().st_mode & 0o7777)
    assert "cannot drop" in refused(layout, posture)
    assert [list((layout.top / name).iterdir()) for name in ("var/state", "log", "run")] == [[], [], []]


@pytest.mark.parametrize("accounts", [None, {}])
def test_privilege_without_accounts_is_refused(layout: Layout, accounts: object) -> None:
    """An empty mapping, and null, are no accounts."""
    layout.config["accounts"] = accounts
    for plugin in layout.config["plugins"].values():
        plugin.pop("run_as", None)
    assert "no accounts are configured" in refused(layout)


def test_the_override_is_a_boolean(layout: Layout) -> None:
    """Text is refused by name."""
    layout.config["service"]["unconfined"] = "yes"
    assert "service.unconfined" in refused(layout)


@pytest.mark.parametrize("key", ["workers", "acounts"])
def test_an_unknown_key_is_refused_by_name(layout: Layout, key: str) -> None:
    """A misspelt key does not read as an absent one."""
    layout.config[key] = {}
    assert f"unknown key '{key}'" in refused(layout)
