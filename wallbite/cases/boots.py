"""Cases ``tiers``, ``unknown-keys`` and ``override``: boots with a configuration of their own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from wallbite.cases.scene import Scene
from wallbite.target import Target
from wallbite.installation.document import Plain, with_value
from wallbite.installation.gateway import Gateway
from wallbite.postures import ENFORCING

WITHIN: Final = 10.0
TIERS: Final = ("default", "untrusted")
UNKNOWN: Final[dict[str, tuple[str, Any]]] = {
    "workers": ("workers", {}),
    "acounts": ("acounts", {}),
    "service.unconfind": ("service.unconfind", True),
    "service.runas": ("service.runas", "root"),
}


def plan(postures: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Tiers and the override where a gateway enforces, unknown keys in every posture."""
    for posture in postures:
        for key in ("none", *UNKNOWN):
            yield {"case": f"unknown-keys@{posture}/{key}", "kind": "unknown-keys", "posture": posture, "params": {"key": key}}
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
    gateway = scene.gateway()
    gateway.start()
    return gateway, gateway.wait(WITHIN)


def run_tiers(scene: Scene) -> None:
    """Boot with both tiers, and without each of them."""
    scene.lay_down(plugins=gate_plugins(scene.target))
    confined = next(name for name in scene.accounts if name not in TIERS)
    for name, tiers in {"complete": TIERS, "without-default": ("untrusted",), "without-untrusted": ("default",)}.items():
        gateway, ended = boot(scene, gate_document(scene, (confined, *tiers)))
        seen = {
            "came_up": ended == "ready",
            "warnings": {tier: gateway.count("missing-tier", tier=tier) for tier in TIERS},
            "tail": gateway.tail(),
        }
        gateway.kill()
        scene.note("tiers", name, **seen)


def run_unknown_key(scene: Scene) -> None:
    """Boot with one key that is none, in a configuration that comes up in every posture without it."""
    scene.lay_down(plugins=gate_plugins(scene.target))
    document = gate_document(scene, (), Plain("true"))
    key = scene.params["key"]
    if key != "none":
        document = with_value(document, *UNKNOWN[key])
    gateway, ended = boot(scene, document)
    seen = {
        "came_up": ended == "ready",
        "timed_out": ended == "timeout",
        "exit": gateway.exit_status,
        "names_key": gateway.count("unknown-key", key=key.rpartition(".")[2]) > 0,
        "tail": gateway.tail(),
    }
    gateway.kill()
    scene.note("unknown-key", key, **seen)


def run_override(scene: Scene) -> None:
    """Boot with accounts beside the override, over directories that are too open; then once more without it."""
    names = tuple(scene.accounts)
    scene.lay_down(loosen=True, plugins=gate_plugins(scene.target))
    before = scene.installation.snapshot()
    gateway, ended = boot(scene, gate_document(scene, names, Plain("true")))
    witness = scene.witness(WITHIN if ended == "ready" else 0.0)
    seen = {
        "came_up": ended == "ready",
        "witness": witness,
        "gateway": scene.gateway_ids,
        "undropped_lines": gateway.count("not-dropped") + gateway.logged("not-dropped"),
        "tail": gateway.tail(),
    }
    gateway.kill()
    scene.note("override", "override", **seen, changed=retouched(scene, before))
    before = scene.installation.snapshot()
    gateway, ended = boot(scene, gate_document(scene, names))
    touched = retouched(scene, before)
    gateway.kill()
    scene.note("reconciled", "without the override", errno="OK" if touched and ended == "ready" else "EINVAL", changed=touched)


def retouched(scene: Scene, before: dict[str, tuple[Any, ...]]) -> list[str]:
    """Which paths that were there have another kind, mode or owner."""
    after = scene.installation.snapshot()
    config = scene.target.config.main.path if scene.target.config else ""
    return sorted(path for path in before if path in after and path != config and before[path][:4] != after[path][:4])
