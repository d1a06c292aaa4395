"""ENV: what of the gateway's environment reaches what it spawns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from wallbite.checks import Bench, check
from wallbite.observation import OK, Observation
from wallbite.verdict import Verdict

BOOTS = ("listed", "plain", "bare")
FULL = ("listed", "plain")  # in which the gateway has every variable of the table
CLASSES = ("secret", "loader")
NAMED = 8  # variables that a reason names


@dataclass(frozen=True)
class View:
    """One boot: what the gateway was given and what a plugin got, both as (name, size, digest of the value)."""

    table: dict[str, Any]
    given: Observation
    got: Observation

    @cached_property
    def arrived(self) -> list[tuple[str, int, str]]:
        """What the plugin got, as the kernel keeps it."""
        return [(name, size, digest) for name, size, digest in self.got.seen["entries"]]

    @cached_property
    def names(self) -> set[str]:
        """Its names."""
        return {name for name, _, _ in self.arrived}

    @property
    def confined(self) -> bool:
        """Whether the plugin runs under an account."""
        return self.given.kind == "environment"

    @property
    def at_home(self) -> set[str]:
        """The names that hold the account's directory, if they arrived."""
        return {name for name, at in self.got.seen["directories"].items() if at == self.got.seen["expected"]}

    def of(self, *classes: str) -> set[str]:
        """The names of some classes of the table."""
        found: set[str] = set()
        for each in classes:
            for entry in self.table[each]:
                names = entry["names"] if isinstance(entry, dict) else entry
                found |= {names} if isinstance(names, str) else set(names)
        return found

    def values_of(self, names: set[str]) -> set[str]:
        """The digests of the values that the gateway has under these names, where they are found under no other."""
        elsewhere = {digest for name, _, digest in self.given.seen["entries"] if name not in names}
        return {digest for name, size, digest in self.given.seen["entries"] if name in names and size > 8} - elsewhere

    def leaked(self, names: set[str]) -> set[str]:
        """Which of these variables arrived, and under which names their values did."""
        values = self.values_of(names)
        return {name for name, _, digest in self.arrived if name in names or digest in values}

    @cached_property
    def inherited(self) -> set[str]:
        """The names whose value is the gateway's own: that the plugin's environment can be seen at all."""
        values = {digest for _, size, digest in self.given.seen["entries"] if size > 0}
        return {name for name, _, digest in self.arrived if digest in values}


Rule = Callable[[View], str]


def told(names: set[str]) -> str:
    """Some names in words."""
    some = sorted(names)
    return ", ".join(map(repr, some[:NAMED])) + (f" and {len(some) - NAMED} more" if len(some) > NAMED else "")


def unlisted(view: View) -> str:
    """ENV-01: what is neither allowed nor listed. The account's own directory may also be told as a cache's place."""
    allowed = view.of("allowed") | {"HOME", "TMPDIR"} | set(view.given.seen["listed"])
    strays = view.names - allowed - (view.at_home & view.of("home"))
    return f"{told(strays)} arrived and is neither allowed nor listed" if strays else ""


def secrets(view: View) -> str:
    """ENV-02."""
    found = view.leaked(view.of("secret"))
    return f"secrets arrived: {told(found)}" if found else ""


def loaders(view: View) -> str:
    """ENV-03."""
    found = view.leaked(view.of("loader"))
    return f"what steers a loader or an interpreter arrived: {told(found)}" if found else ""


def home(view: View) -> str:
    """ENV-04: the account's own directory where there is an account, and never the gateway's."""
    own = view.of("own") - {"TMPDIR"}
    values = view.values_of(own)
    found = {name for name, _, digest in view.arrived if digest in values}
    if found:
        return f"the gateway's own directories or names arrived: {told(found)}"
    if not view.confined:
        return ""
    seen = view.got.seen
    wrong = [f"{name} is {seen['directories'].get(name)!r}" for name in view.table["home"] if name not in view.at_home]
    if seen["cwd"] != seen["expected"]:
        wrong.append(f"its working directory is {seen['cwd']!r}")
    return f"{', '.join(wrong)}; expected {seen['expected']}" if wrong else ""


def nothing(view: View) -> str:
    """ENV-05: of a gateway that has nothing allowed, nothing arrives."""
    given = {name for name, _, _ in view.given.seen["entries"]}
    strays = ((view.names & given) | view.inherited) - (view.at_home & view.of("home"))
    return f"{told(strays)} arrived, of which nothing is allowed" if strays else ""


def temporary(view: View) -> str:
    """ENV-06: not the gateway's, and nobody else's."""
    place = view.got.seen["directories"].get("TMPDIR")
    if place is None:
        return ""
    if view.leaked({"TMPDIR"}) and "TMPDIR" in view.inherited:
        return "TMPDIR is the gateway's"
    held = view.got.seen["expected"]
    own = view.confined and (place == held or place.startswith(f"{held}/"))
    return "" if own else f"TMPDIR is {place}, which is not its own"


def hostile(view: View) -> str:
    """ENV-07: a strange entry makes no other entry, arrives at most once, and only under an allowed name."""
    names = [name for name, _, _ in view.arrived]
    twice = {name for name in names if names.count(name) > 1}
    broken = {name for name, size, _ in view.arrived if size < 0 or not name.isidentifier() or "INJECTED" in name}
    if twice or broken:
        return f"strange entries came out as {told(twice | broken)}"
    strange = {name for name, _, _ in view.given.seen["entries"] if not name.isidentifier() or "WALLBITE" in name}
    found = view.leaked(strange)
    return f"strange entries arrived: {told(found)}" if found else ""


def views(bench: Bench, posture: str, kind: str) -> dict[str, View]:
    """Each boot in which a plugin told its environment."""
    found = {}
    for boot in BOOTS:
        given = bench.facts.first(posture, "environment-given", object=boot, kind=kind)
        got = bench.facts.first(posture, "environ", object=boot, kind=kind)
        if given and got and got.errno == OK and not got.seen["more"]:
            found[boot] = View(dict(bench.facts.tables["environment"]), given, got)
    return found


def shows(view: View | None) -> Observation | None:
    """A control: what may arrive did, so that the same look would show what must not; listed names among it."""
    if view is None or not view.inherited & view.of("allowed"):
        return None
    if view.given.seen["listed"] and not view.inherited & view.of("neutral"):
        return None
    return view.got


def in_boots(
    bench: Bench,
    rule: Rule,
    what: str,
    boots: tuple[str, ...] = FULL,
    kind: str = "environment",
    name: str = "",
    only: str = "",
) -> Iterator[Verdict]:
    """One verdict for each posture and boot. The control of a bare boot is another boot, where something may arrive."""
    for posture in (only,) if only else bench.postures:
        seen = views(bench, posture, kind)
        for boot in boots:
            scope = {"posture": posture, "surface": " ".join(filter(None, (name, boot)))}
            if boot not in seen and boot == "plain" and "listed" in seen and rule is not hostile:
                continue  # that strange entries kept it from running is for ENV-07 to say; the other boot is judged
            if boot not in seen:
                yield bench.unobserved(**scope)
                continue
            view = seen[boot]
            wrong = rule(view)
            control = shows(view if boot in FULL and rule is not hostile else seen.get("listed"))
            evidence = [view.got, view.given]
            count = len(view.given.seen["entries"])
            passed = f"{what}, of {count} that the gateway has"
            yield bench.failed(wrong, evidence, **scope) if wrong else bench.passed(passed, evidence, control, **scope)


def on_paths(bench: Bench, rule: Callable[[dict[str, Any]], str], what: str) -> Iterator[Verdict]:
    """One verdict for each posture and account, over every spawn path."""
    for posture in bench.postures:
        control = shows(views(bench, posture, "environment").get("listed"))
        for account in bench.accounts:
            scope = {"posture": posture, "account": account, "surface": "spawn paths"}
            seen = bench.facts.find(posture, "identity", account=account, kind="spawns")
            wrong = [(one, text) for one in seen if (text := rule(dict(one.seen)))]
            if not seen:
                yield bench.unobserved(**scope)
            elif wrong:
                reason = f"on path {wrong[0][0].step}: {wrong[0][1]}"
                yield bench.failed(reason, [one for one, _ in wrong], **scope)
            else:
                yield bench.passed(f"{what}, on {len(seen)} spawns", seen, control, **scope)


@check("ENV-01", needs=("environment", "spawns"))
def only_allowed_names_arrive(bench: Bench) -> Iterator[Verdict]:
    yield from in_boots(bench, unlisted, "only allowed and listed names arrived")
    table = bench.facts.tables["environment"]
    allowed = {*table["allowed"], "HOME", "TMPDIR", *table["home"]}

    def strays(who: dict[str, Any]) -> str:
        found = set(who["environment"]) - allowed
        return f"{told(found)} arrived and is not allowed" if found else ""

    yield from on_paths(bench, strays, "only allowed names arrived")


@check("ENV-02", needs=("environment",))
def no_secret_arrives(bench: Bench) -> Iterator[Verdict]:
    yield from in_boots(bench, secrets, "no secret arrived, by name or by value")


@check("ENV-03", needs=("environment",))
def no_loader_control_arrives(bench: Bench) -> Iterator[Verdict]:
    yield from in_boots(bench, loaders, "nothing arrived that steers a loader or an interpreter")


@check("ENV-04", needs=("environment", "spawns"))
def is_at_home(bench: Bench) -> Iterator[Verdict]:
    yield from in_boots(bench, home, "HOME, XDG_CACHE_HOME and cwd are the account's directory")
    names = bench.facts.tables["environment"]["home"]

    def elsewhere(who: dict[str, Any]) -> str:
        at = {**{name: who["directories"].get(name) for name in names}, "the working directory": who["cwd"]}
        wrong = [f"{name} is {place!r}" for name, place in at.items() if place != who["expected"]["directory"]]
        return f"{', '.join(wrong)}; expected {who['expected']['directory']}" if wrong else ""

    yield from on_paths(bench, elsewhere, "HOME, XDG_CACHE_HOME and cwd are the account's directory")


@check("ENV-05", needs=("environment",))
def nothing_allowed_is_nothing(bench: Bench) -> Iterator[Verdict]:
    yield from in_boots(bench, nothing, "nothing of it arrived", ("bare",))


@check("ENV-06", needs=("environment",))
def no_shared_temporary_directory(bench: Bench) -> Iterator[Verdict]:
    yield from in_boots(bench, temporary, "TMPDIR is its own or absent")


@check("ENV-07", needs=("environment",))
def strange_entries_do_no_harm(bench: Bench) -> Iterator[Verdict]:
    yield from harmed(bench, "environment")


def harmed(bench: Bench, kind: str, name: str = "") -> Iterator[Verdict]:
    """A gateway that comes up and runs plugins, but not with strange entries in its environment."""
    for posture in bench.postures:
        given = bench.facts.first(posture, "environment-given", object="plain", kind=kind)
        if given and given.seen["problem"] and "listed" in views(bench, posture, kind):
            state = "runs no plugin" if given.seen["came_up"] else "does not come up"
            scope = {"posture": posture, "surface": " ".join(filter(None, (name, "plain")))}
            yield bench.failed(f"it {state} with strange entries: {given.seen['problem']}", [given], **scope)
        else:
            yield from in_boots(bench, hostile, "no strange entry did harm", ("plain",), kind, name, posture)


@check("ENV-08", needs=("unconfined",))
def the_same_unconfined(bench: Bench) -> Iterator[Verdict]:
    rules: tuple[tuple[str, Rule, str, tuple[str, ...]], ...] = (
        ("ENV-01", unlisted, "only allowed and listed names arrived", FULL),
        ("ENV-02", secrets, "no secret arrived, by name or by value", FULL),
        ("ENV-03", loaders, "nothing arrived that steers a loader or an interpreter", FULL),
        ("ENV-04", home, "the gateway's own directories did not arrive", FULL),
        ("ENV-05", nothing, "nothing of it arrived", ("bare",)),
        ("ENV-06", temporary, "the gateway's TMPDIR did not arrive", FULL),
    )
    yield from harmed(bench, "unconfined", "ENV-07")
    for name, rule, what, boots in rules:
        yield from in_boots(bench, rule, what, boots, "unconfined", name)
