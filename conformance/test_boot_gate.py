"""BOOT: the boot gate's decisions, cell by cell, and what a refusal leaves behind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from wallbite.checks import Bench, check
from wallbite.observation import Observation
from wallbite.verdict import Verdict

BOUND = 5.0  # seconds that a refusal may take
MUST_NOT_RUN = (
    "refuse",
    "refuse-type",
    "refuse-or-enforce",
)  # coming up says enough: without a proven drop it is wrong
GATE = ("BOOT-01", "BOOT-02", "BOOT-03", "BOOT-04", "BOOT-05", "BOOT-06", "BOOT-07", "BOOT-08")


@check(*GATE, needs=("matrix", "drawn"))
def decides_as_the_table_says(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        cells = [
            one
            for one in bench.facts.find(posture, ("cell", "drawn"))
            if one.seen["requirement"] == bench.requirement.id
        ]
        if absent := unseen(bench, posture, cells):
            yield bench.undecided(f"{len(absent)} cells were not observed, first {absent[0]}", posture=posture)
        accepted = next((one for one in bench.facts.find(posture, "cell") if one.seen["came_up"]), None)
        refused = next((one for one in bench.facts.find(posture, "cell") if one.seen["exit"] is not None), None)
        for group, members in grouped(cells).items():
            yield cells_verdict(bench, posture, group, members, accepted, refused)


def unseen(bench: Bench, posture: str, cells: list[Observation]) -> list[str]:
    """The cells of the table that speak for the requirement, and that nobody saw."""
    table = bench.facts.tables["boot_matrix"]
    speaks = {expected for expected, owner in table["requirement"][posture].items() if owner == bench.requirement.id}
    wanted = [
        f"{accounts}/{override}"
        for accounts, row in table["postures"][posture].items()
        for override, expected in zip(table["columns"], row, strict=True)
        if expected in speaks
    ]
    seen = {one.object for one in cells if one.operation == "cell"}
    return [name for name in wanted if name not in seen]


def grouped(cells: list[Observation]) -> dict[str, list[Observation]]:
    """The cells by what is expected of them."""
    groups: dict[str, list[Observation]] = {}
    for cell in cells:
        groups.setdefault(cell.seen["expected"], []).append(cell)
    return groups


def cells_verdict(
    bench: Bench,
    posture: str,
    expected: str,
    cells: list[Observation],
    accepted: Observation | None,
    refused: Observation | None,
) -> Verdict:
    """The verdict on the cells with one expected outcome; the control is a cell with the other outcome."""
    scope = {"posture": posture, "surface": expected}
    odd = [(one, text) for one in cells if (text := undecidable(dict(one.seen)))]
    bad = [(one, text) for one in cells if not undecidable(dict(one.seen)) and (text := wrong(dict(one.seen)))]
    if bad:
        return bench.failed(
            f"{len(bad)} of {len(cells)} cells, first {bad[0][0].object}: {bad[0][1]}", [one for one, _ in bad], **scope
        )
    if odd:
        return bench.undecided(f"{odd[0][0].object}: {odd[0][1]}", [one for one, _ in odd], **scope)
    control = accepted if expected.startswith("refuse") else refused
    return bench.passed(f"{len(cells)} cells, each as the table says", cells, control, **scope)


def undecidable(seen: dict[str, Any]) -> str:
    """Why a cell shows nothing: its sets were not the posture's, or it came up as it must, and without a witness."""
    if seen.get("oracle"):
        return str(seen["oracle"])
    if not seen["came_up"] and seen["exit"] is None and not seen["timed_out"]:
        return "the gateway neither came up nor ended"
    if seen["exit"] is not None and seen["exit"] < 0:
        return f"the gateway was killed by signal {-seen['exit']}"
    if seen["came_up"] and not seen["witness"] and seen["expected"] not in MUST_NOT_RUN:
        return "it came up, and its first plugin never answered"
    return ""


def wrong(seen: dict[str, Any]) -> str:
    """How a cell's outcome differs from the expected one; or nothing."""
    if seen["expected"].startswith("refuse-or"):
        either = seen["expected"].removeprefix("refuse-or-")
        if not seen["came_up"]:
            return wrong_refusal(seen)
        return wrong_unconfined(seen) if either == "unconfined" else wrong_enforcing(seen) or unproven(seen)
    judge = {
        "enforce": wrong_enforcing,
        "unconfined": wrong_unconfined,
        "override": wrong_override,
        "refuse": wrong_refusal,
        "refuse-type": wrong_type_refusal,
    }[seen["expected"]]
    return judge(seen)


def unproven(seen: dict[str, Any]) -> str:
    """Where a start is allowed only with a drop that is real: no plugin, no proof."""
    return "" if seen["witness"] else "it came up, and no plugin of it ran"


def not_up(seen: dict[str, Any]) -> str:
    """How it failed to come up; or nothing."""
    return (
        ""
        if seen["came_up"]
        else f"it did not come up: {'no end within the bound' if seen['timed_out'] else seen['tail']}"
    )


def wrong_enforcing(seen: dict[str, Any]) -> str:
    """Enforcing: it is up, says so, and its plugin has its account's ids."""
    if text := not_up(seen):
        return text
    if not seen["said"]["enforcing"] or seen["said"]["unconfined"]:
        return "it does not say that it enforces"
    for who in seen["witness"]:
        if {*who["uids"], who["file_uid"]} != {seen["expected_uid"]} or set(who["gids"]) != {seen["expected_uid"]}:
            return f"its plugin ran as uids {who['uids']} gids {who['gids']}, expected {seen['expected_uid']}"
    return ""


def own_uid(seen: dict[str, Any]) -> str:
    """Unconfined: the plugin has the gateway's own uid and gid."""
    own = seen["gateway"]
    for who in seen["witness"]:
        if {*who["uids"], who["file_uid"]} != {own["uid"]} or set(who["gids"]) != {own["gid"]}:
            return f"its plugin ran as uids {who['uids']} gids {who['gids']}, expected the gateway's"
    return ""


def wrong_unconfined(seen: dict[str, Any]) -> str:
    """Unconfined by lack of capability and accounts: it is up and says so."""
    if text := not_up(seen):
        return text
    if not seen["said"]["unconfined"] or seen["said"]["enforcing"]:
        return "it is silent about being unconfined"
    return own_uid(seen)


def wrong_override(seen: dict[str, Any]) -> str:
    """Overridden: it is up, and names the override."""
    if text := not_up(seen):
        return text
    if not seen["said"]["override"]:
        return "it is silent about the override"
    return own_uid(seen)


def wrong_refusal(seen: dict[str, Any]) -> str:
    """Refused: it ended by itself, not with 0, in bounded time, with a reason, and nothing was spawned."""
    if seen["came_up"]:
        return "it came up where it must refuse"
    if seen["timed_out"] or seen["seconds"] > BOUND:
        return f"the refusal took over {BOUND:.0f} s"
    if seen["exit"] == 0:
        return "it ended with exit code 0"
    if seen["witness"]:
        return "a plugin was started before the refusal"
    return "" if seen["said"]["refused"] else f"no reason for the refusal on its error output: {seen['tail']}"


def wrong_type_refusal(seen: dict[str, Any]) -> str:
    """Refused for the type of the override: as a refusal, and it names the key."""
    if seen["came_up"]:
        return "an override that is no boolean was accepted"
    return wrong_refusal(seen) or (
        "" if seen["said"]["override-type"] else "the refusal does not name the override's key"
    )


@check("BOOT-12", needs=("matrix", "drawn"))
def leaves_nothing_behind(bench: Bench) -> Iterator[Verdict]:
    for posture in bench.postures:
        cells = [one for one in bench.facts.find(posture, ("cell", "drawn")) if not one.seen["oracle"]]
        refused = [one for one in cells if one.seen["exit"] is not None]
        yield remains_verdict(bench, posture, cells, refused) if refused else bench.unobserved(posture)


def remains_verdict(bench: Bench, posture: str, cells: list[Observation], refused: list[Observation]) -> Verdict:
    """The verdict on what refusals left; an accepted start shows that changes are seen."""
    dirty = [one for one in refused if one.seen["changed"]]
    if dirty:
        names = ", ".join(dirty[0].seen["changed"][:5])
        return bench.failed(
            f"after {len(dirty)} of {len(refused)} refusals something changed: {names}", dirty, posture=posture
        )
    alive = [one for one in refused if one.seen["left"]]
    if alive:
        names = ", ".join(alive[0].seen["left"][:5])
        return bench.failed(
            f"after {len(alive)} of {len(refused)} refusals a process was left: {names}", alive, posture=posture
        )
    control = next((one for one in cells if one.seen["came_up"] and one.seen["changed"]), None)
    return bench.passed(
        f"{len(refused)} refusals changed no file, mode or owner, and left no process",
        refused,
        control,
        posture=posture,
    )
