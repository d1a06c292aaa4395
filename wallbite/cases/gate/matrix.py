"""Cases ``matrix`` and ``drawn``: cells, each one boot of the gateway with one configuration, and what came of it."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from typing import Any, Final

from wallbite.cases.gate import sharing
from wallbite.cases.gate.boots import gate_plugins
from wallbite.cases.scene import Scene
from wallbite.installation import processes
from wallbite.installation.document import Plain, with_value

WITHIN: Final = 10.0  # seconds for a boot or a refusal
DRAWS: Final = 25  # for each posture: 200 over all, where each class of accounts and of override is met 22 times

ACCOUNTS: Final[dict[str, tuple[str, ...] | None]] = {
    "no-key": None,
    "empty": (),
    "null": (),
    "one": ("alpha",),
    "two-tiers": ("default", "untrusted"),
    "three": ("default", "untrusted", "alpha"),
}
OVERRIDES: Final[dict[str, Any]] = {
    "absent": None,
    "false": Plain("false"),
    "true": Plain("true"),
    "yes": Plain("yes"),
    "string-yes": "yes",
    "one": 1,
}
TYPES: Final[dict[str, tuple[Any, ...]]] = {
    "absent": (None,),
    "true": tuple(Plain(word) for word in ("true", "True", "TRUE", "yes", "Yes", "on", "On")),
    "false": tuple(Plain(word) for word in ("false", "False", "no", "No", "off", "OFF")),
    "text": ("yes", "true", "on", "", "1"),
    "integer": (0, 1, 2, -1),
    "float": (0.0, 1.0, 0.5),
    "null": (Plain("null"), Plain("~")),
    "list": ([], [True]),
    "mapping": ({}, {"enabled": True}),
}


def plan_matrix(postures: tuple[str, ...], table: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Every cell of the table."""
    for posture in postures:
        rows = table["postures"].get(posture, {}).items()
        cells = [
            {"accounts": accounts, "override": override, "expected": expected}
            for accounts, row in rows
            for override, expected in zip(table["columns"], row, strict=True)
        ]
        yield from sharing.batches("matrix", posture, cells)


def plan_drawn(postures: tuple[str, ...], table: Mapping[str, Any], seed: int) -> Iterator[dict[str, Any]]:
    """Configurations drawn by Hypothesis; the same table says what each must come to."""
    shuffled = random.Random(seed)  # noqa: S311 - a reproducible order, not a secret
    count = DRAWS * len(postures)
    dimensions = [_dealt(shuffled, names, count) for names in (list(postures), list(ACCOUNTS), list(TYPES))]
    cells: dict[str, list[dict[str, Any]]] = {posture: [] for posture in postures}
    for posture, accounts, kind, choice in zip(*dimensions, _details(seed, count), strict=True):
        column = {"absent": "absent", "true": "true", "false": "false"}.get(kind, "string-yes")
        expected = table["postures"][posture][accounts][table["columns"].index(column)]
        cells[posture].append({"accounts": accounts, "type": kind, **choice, "expected": expected})
    for posture, drawn in cells.items():
        yield from sharing.batches("drawn", posture, drawn)


def _dealt(source: random.Random, names: list[str], count: int) -> list[str]:
    """Every name equally often, in a drawn order."""
    cards = [names[index % len(names)] for index in range(count)]
    source.shuffle(cards)
    return cards


def _details(seed: int, count: int) -> list[dict[str, Any]]:
    """What Hypothesis draws for each configuration: a spelling of the override, and an order of the accounts."""
    from hypothesis import HealthCheck, Phase, given, settings, strategies
    from hypothesis import seed as seeded

    drawn: list[dict[str, Any]] = []
    one = strategies.fixed_dictionaries(
        {"pick": strategies.integers(0, 59), "order": strategies.permutations(["alpha", "default", "untrusted"])}
    )

    @seeded(seed)
    @settings(
        max_examples=1, database=None, phases=[Phase.generate], deadline=None, suppress_health_check=list(HealthCheck)
    )
    @given(strategies.lists(one, min_size=count, max_size=count))
    def draw(found: list[dict[str, Any]]) -> None:
        drawn[:] = found

    draw()
    return drawn


def run(scene: Scene) -> None:
    """Boot once with the configuration of each cell."""
    first = scene.params["cells"][0]
    scene.lay_down(document=_document(scene, first), loosen=True, plugins=gate_plugins(scene.target))
    sharing.each(scene, lambda cell: _document(scene, cell), lambda cell: run_cell(scene, cell))


def run_cell(scene: Scene, params: Mapping[str, Any]) -> None:
    """Boot with the configuration that is laid down; say what came of it."""
    installation = scene.installation
    before, known = installation.snapshot(), processes.present()
    gateway = scene.gateway(ready=scene.target.gate.ready if scene.target.gate else None)
    gateway.start()
    ended = gateway.wait(WITHIN)
    left = processes.left_over(known) if ended == "exited" else []
    witness = scene.witness(_patience(params["expected"]) if ended == "ready" else 0.0)
    tail = gateway.tail()
    seen = {
        "expected": params["expected"],
        "requirement": _requirement(scene, params["expected"]),
        "came_up": ended == "ready",
        "timed_out": ended == "timeout",
        "exit": gateway.exit_status,
        "seconds": round(gateway.seconds, 3),
        "said": {
            **{name: gateway.told(name) > 0 for name in ("enforcing", "unconfined", "override")},
            **{name: gateway.says(name) for name in ("override-type", "refused")},  # where the operator sees it
        },
        "left": left,
        "tail": tail,
        "witness": witness,
        "gateway": scene.gateway_ids,
        "expected_uid": scene.identities.uid(_landing(params)) if ACCOUNTS[params["accounts"]] else 0,
        "oracle": scene.oracle(gateway) or next((who["problem"] for who in witness if "problem" in who), ""),
        **({} if params.get("override") else {"document": installation.config_text}),
    }
    gateway.kill()
    seen["changed"] = installation.changed(before)
    name = f"{params['accounts']}/{params.get('override') or params['type'] + '#' + str(params['pick'])}"
    scene.emit("cell" if scene.kind == "matrix" else "drawn", name, account="gateway", vantage="harness", seen=seen)


def _patience(expected: str) -> float:
    """Seconds to wait for the first plugin; where coming up is wrong already, what it runs as is only told."""
    return 1.0 if expected in ("refuse", "refuse-type") else WITHIN / 2 if expected.startswith("refuse-or") else WITHIN


def _accounts(params: Mapping[str, Any]) -> tuple[str, ...] | None:
    names = ACCOUNTS[params["accounts"]]
    return tuple(name for name in params["order"] if name in names) if params.get("order") and names else names


def _landing(params: Mapping[str, Any]) -> str:
    """The account that a plugin must land on: its grant's, else ``default``."""
    names = ACCOUNTS[params["accounts"]] or ()
    return "alpha" if "alpha" in names else "default"


def _override(params: Mapping[str, Any]) -> Any:
    if "override" in params:
        return OVERRIDES[params["override"]]
    choices = TYPES[params["type"]]
    return choices[params["pick"] % len(choices)]


def _document(scene: Scene, params: Mapping[str, Any]) -> dict[str, Any]:
    gate = scene.target.gate
    assert gate is not None
    document: dict[str, Any] = scene.installation.expanded(gate.document)
    accounts, override = _accounts(params), _override(params)
    if accounts is not None:
        entries = scene.account_entries(accounts)
        value: Any = Plain("null") if params["accounts"] == "null" else entries
        document = with_value(document, gate.accounts, value)
    if override is not None:
        document = with_value(document, gate.override, override)
    return with_value(document, gate.grant, "alpha") if accounts and "alpha" in accounts else document


def _requirement(scene: Scene, expected: str) -> str:
    """The requirement that a cell speaks for, from the table."""
    owners: Mapping[str, Any] = scene.tables["boot_matrix"]["requirement"]
    if expected in ("override", "refuse-type"):
        return "BOOT-05"
    group = owners[scene.posture.name]
    return str(group[expected] if isinstance(group, Mapping) else group)
