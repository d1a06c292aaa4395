"""Cases ``tiers``, ``unknown-keys`` and ``override``: boots with a configuration of their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from wallbite.cases.asking import who_runs
from wallbite.cases.gate import sharing
from wallbite.cases.scene import Scene
from wallbite.cases.spawning import Errand
from wallbite.installation.document import Plain, with_value
from wallbite.installation.gateway import Gateway
from wallbite.postures import ENFORCING
from wallbite.target import Target

WITHIN: Final = 10.0
TIERS: Final = ("default", "untrusted")
UNKNOWN: Final[dict[str, Any]] = {
    "workers": {},
    "acounts": {},
    "service.unconfind": True,
    "service.runas": "root",
    "{account}.hom": "/home/nobody",  # in an account's entry
    "{plugin}.runas": "root",  # beside a plugin's grant
}
VARIANTS: Final[dict[str, tuple[str, ...]]] = {
    "complete": TIERS,
    "without-default": ("untrusted",),
    "without-untrusted": ("default",),
    "without-both": (),
}
INCLUDED: Final = "included:acounts"  # at the top of an included file


def plan(postures: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Tiers and the override where a gateway enforces, unknown keys in every posture."""
    for posture in postures:
        cells = [{"key": key} for key in ("none", *UNKNOWN, INCLUDED)]
        yield from sharing.batches("unknown-keys", posture, cells)
        if posture in ENFORCING:
            yield {"case": f"tiers@{posture}", "kind": "tiers", "posture": posture, "params": {}}
            yield {"case": f"override@{posture}", "kind": "override", "posture": posture, "params": {}}


def gate_plugins(target: Target) -> set[str]:
    """The names of the plugins that the small configuration of the boot matrix speaks of."""
    assert target.gate is not None
    named = target.gate.document.get("plugins", {})
    return {step.name for step in target.install if step.kind == "carrier" and step.name in named}


def gate_document(scene: Scene, accounts: Sequence[str], override: Any = None) -> dict[str, Any]:
    """The small configuration of the boot matrix, with these accounts, its plugin granted to the first confined one."""
    gate = scene.target.gate
    assert gate is not None
    document: dict[str, Any] = scene.installation.expanded(dict(gate.document))
    if accounts:
        document = with_value(document, gate.accounts, scene.account_entries(accounts))
    if override is not None:
        document = with_value(document, gate.override, override)
    granted = [name for name in accounts if name not in TIERS]
    return with_value(document, gate.grant, granted[0]) if granted else document


def boot(scene: Scene, document: dict[str, Any]) -> tuple[Gateway, str]:
    """Write a configuration, start the gateway, and wait until it is ready or has ended."""
    scene.installation.write_config(document)
    gateway = scene.gateway(ready=scene.target.gate.ready if scene.target.gate else None)
    gateway.start()
    return gateway, gateway.wait(WITHIN)


def run_tiers(scene: Scene) -> None:
    """Boot with both tiers, without each of them, and without both."""
    scene.lay_down(plugins=gate_plugins(scene.target))
    confined = [name for name in scene.accounts if name not in TIERS]
    for name, tiers in VARIANTS.items():
        gateway, ended = boot(scene, gate_document(scene, (*confined, *tiers)))
        seen = {
            "came_up": ended == "ready",
            "warnings": {tier: gateway.told("missing-tier", tier=tier) for tier in TIERS},
            "tail": gateway.tail(),
        }
        gateway.kill()
        scene.note("tiers", name, **seen)


def run_unknown_keys(scene: Scene) -> None:
    """Boot with one key that is none, in a configuration that comes up in every posture without it; with each."""
    parts = scene.target.config.parts if scene.target.config else ()
    scene.lay_down(document=unknown_document(scene, scene.params["cells"][0]["key"]))

    def boot_with(cell: Mapping[str, Any]) -> None:
        if cell["key"] == INCLUDED:
            if not parts:
                return
            with open(parts[0].path, "a", encoding="utf-8") as file:
                file.write(f"{_name(INCLUDED)}: {{}}\n")
        note_unknown_key(scene, cell["key"])

    sharing.each(scene, lambda cell: unknown_document(scene, cell["key"]), boot_with)


def unknown_document(scene: Scene, key: str) -> dict[str, Any]:
    """The configuration with the override, and with the key; the whole one where that stands in an included file."""
    gate = scene.target.gate
    assert gate is not None
    if key == INCLUDED:
        return with_value(scene.installation.config_document(), gate.override, Plain("true"))
    document = gate_document(scene, tuple(scene.accounts), Plain("true"))
    return with_value(document, _place(scene, key), UNKNOWN[key]) if key in UNKNOWN else document


def note_unknown_key(scene: Scene, key: str) -> None:
    """Boot with the configuration that is laid down, and say what came of it."""
    gateway = scene.gateway(ready=scene.target.gate.ready if scene.target.gate else None)
    gateway.start()
    ended = gateway.wait(WITHIN)
    seen = {
        "came_up": ended == "ready",
        "timed_out": ended == "timeout",
        "exit": gateway.exit_status,
        "names_key": gateway.count("unknown-key", key=_name(key)) > 0,
        "tail": gateway.tail(),
    }
    gateway.kill()
    scene.note("unknown-key", key, **seen)


def _name(key: str) -> str:
    return key.rpartition(".")[2].rpartition(":")[2]


def _place(scene: Scene, key: str) -> str:
    """The dotted path of an unknown key in the target's own document."""
    gate = scene.target.gate
    assert gate is not None
    account = f"{gate.accounts}.{scene.accounts[0]}"
    return key.format(account=account, plugin=gate.grant.rpartition(".")[0])


def run_override(scene: Scene) -> None:
    """Everything configured, and the override; then without it. Directories are too open before each boot."""
    assert scene.target.gate is not None
    full = scene.installation.config_document()
    scene.lay_down(loosen=True)
    before = scene.installation.snapshot()
    gateway, ended = boot(scene, with_value(full, scene.target.gate.override, Plain("true")))
    accounts = (*scene.accounts[:2], scene.accounts[0])  # one of them twice
    spawns = [spawned(scene, gateway, account) for account in accounts] if ended == "ready" else []
    seen = {"came_up": ended == "ready", "spawns": spawns, "gateway": scene.gateway_ids, "tail": gateway.tail()}
    gateway.kill()
    scene.note("override", "override", **seen, changed=retouched(scene, before))
    before = scene.installation.snapshot()
    gateway, ended = boot(scene, full)
    control = [spawned(scene, gateway, account) for account in scene.accounts[:2]] if ended == "ready" else []
    touched = retouched(scene, before)
    gateway.kill()
    own = ({scene.gateway_ids["uid"]}, {scene.gateway_ids["gid"]})  # whether the drop is whole is for others to say
    dropped = all(one["uids"] and (set(one["uids"]), set(one["gids"])) != own and not one["lines"] for one in control)
    bites = bool(touched and control and dropped)
    scene.note("reconciled", "without the override", errno="OK" if bites else "EINVAL", changed=touched, spawns=control)


def spawned(scene: Scene, gateway: Gateway, account: str) -> dict[str, Any]:
    """One probe, asked for: who it was, and how many lines said of it that nothing was dropped."""
    assert scene.target.spawn is not None
    plugin = str(scene.installation.expanded(scene.target.spawn.plugin, account=account))
    before = gateway.told("not-dropped", plugin=plugin)
    who = who_runs(scene, gateway, Errand(account, "override"))
    lines = gateway.told("not-dropped", plugin=plugin) - before
    return {"account_uid": scene.identities.uid(account), "lines": lines, **who}


def retouched(scene: Scene, before: dict[str, tuple[Any, ...]]) -> list[str]:
    """Which paths that were there have another kind, mode or owner."""
    after = scene.installation.snapshot()
    config = scene.target.config.main.path if scene.target.config else ""
    return sorted(path for path in before if path in after and path != config and before[path][:4] != after[path][:4])
