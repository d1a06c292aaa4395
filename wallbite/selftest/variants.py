"""Conformant variants: the reference as it may also be. Nothing of them is broken: whatever fails is a false alarm."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from wallbite import catalogue
from wallbite.content import content
from wallbite.documents import read
from wallbite.postures import ENFORCING, POSTURES, representative
from wallbite.run import Plan
from wallbite.selftest.options import VARIANTS, SelfTestOptions
from wallbite.selftest.outcome import Outcome, of_variant
from wallbite.selftest.small import OPEN, Document
from wallbite.selftest.trials import Trial, plan_for
from wallbite.stages.filesystems import EXT4, TMPFS
from wallbite.verdict import Verdict

Change = Callable[[Document], Document]

WRAPPER: Final = "/opt/gateway/wrapped"
# Kinds of case: a variant is judged by the requirements whose checks read no others.
CREATED: Final = frozenset({"modes", "places", "backup"})
# Not WALL: a rename needs a neighbour on the mount that it is tried on, and there is none on a mount of data alone.
MOUNTED: Final = frozenset({"modes", "places", "backup", "environment"})
STARTED: Final = frozenset({"walls", "crash", "spawns", "storm", "fingerprints", "drop-fails"})
ELSEWHERE: Final = frozenset({"walls", "crash", "modes", "backup", "fingerprints", "environment", "secrets"})
SAYING: Final = frozenset({"storm", "secrets", "drop-fails"})
FEW: Final = frozenset({"walls", "spawns", "storm", "modes", "environment", "backup"})
MANY: Final = frozenset({"modes", "environment", "backup", "storm"})
POSTURE: Final = frozenset({"matrix", "walls", "tiers", "override", "unconfined", "secrets-unconfined"})


def as_it_is(document: Document) -> Document:
    """Nothing is different."""
    return document


@dataclass(frozen=True)
class Variant:
    """A way for the reference to be another, and as conformant.

    Attributes:
        name, says: what it is called, and what is different.
        kinds: the kinds of case that it is judged by.
        change: makes its descriptor of the reference's.
        postures: in which it runs.
        around: what a worker is told besides.
    """

    name: str
    says: str
    kinds: frozenset[str]
    change: Change = as_it_is
    postures: tuple[str, ...] = (representative(ENFORCING),)
    around: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class VariantTrial(Trial):
    """A conformant variant."""

    def outcome(self, verdicts: Iterable[Verdict]) -> Outcome:
        """Nothing may fail."""
        return of_variant(self.planned.setting.postures, verdicts)


def of_variants(base: Plan, folder: Path, options: SelfTestOptions) -> Iterator[VariantTrial]:
    """A trial for each; their descriptors are written below the folder."""
    reference = content("fixtures", "targets") / "reference.yaml"
    folder.mkdir(exist_ok=True)
    for one in VARIANTS_OF_THE_REFERENCE:
        path = folder / f"{one.name}.yaml"
        path.write_text(yaml.safe_dump(one.change(read(reference).value), sort_keys=False, allow_unicode=True))
        select = judged(base, one.kinds, options.select, full=options.full)
        if select:
            yield VariantTrial(
                VARIANTS, one.name, one.says, plan_for(base, path, select, one.postures), around=one.around
            )


def judged(base: Plan, kinds: frozenset[str], wanted: Sequence[str] = (), *, full: bool) -> tuple[str, ...]:
    """The requirements whose checks read no other kinds of case, of those that are wanted; or all of them."""
    chosen = {each.id for each in catalogue.select(base.catalogue, wanted)} if wanted else base.checks
    usual = {*kinds, "drawn"}
    return tuple(name for name, check in base.checks.items() if name in chosen and (full or set(check.needs) <= usual))


def moved(*pairs: tuple[str, str]) -> Change:
    """Other paths, everywhere in the descriptor."""

    def change(value: Any) -> Any:
        if isinstance(value, dict):
            return {change(key): change(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [change(inner) for inner in value]
        if isinstance(value, str):
            for old, new in pairs:
                value = value.replace(old, new)
        return value

    return change


def without_installer(change: Change) -> Change:
    """The reference's installer has places of its own."""

    def changed(document: Document) -> Document:
        return change({name: value for name, value in document.items() if name != "installer"})

    return changed


def with_umask(umask: str) -> Change:
    """Started by a shell that sets it."""

    def change(document: Document) -> Document:
        serve = document["gateway"]["serve"]
        document["gateway"]["serve"] = ["/bin/sh", "-c", f'umask {umask}; exec "$0" "$@"', *serve]
        return document

    return change


def behaving(way: str) -> Change:
    """Started by a program that has the same gateway behave in another way."""

    def change(document: Document) -> Document:
        document["install"].append({"copy": "fixtures/fakes/wrappers", "to": WRAPPER, **OPEN})
        serve = document["gateway"]["serve"]
        document["gateway"]["serve"] = [*serve[:2], f"{WRAPPER}/behaves.py", way, *serve[2:]]
        return document

    return change


def with_accounts(*names: str) -> Change:
    """These accounts in the place of the reference's, each with a directory below the same parent."""

    def change(document: Document) -> Document:
        others = [one for one in document["identities"] if one not in document["accounts"]]
        document["identities"] = [*others, *names]
        document["spawn"]["within"] = 40  # a probe of many accounts has much to try
        document["config"]["document"]["service"]["max_workers"] = min(64, 2 * len(names))  # each stays for a while
        document["accounts"] = {name: {"directory": f"/var/lib/gateway/accounts/{name}"} for name in names}
        return document

    return change


def _many(count: int) -> tuple[str, ...]:
    tiers = ("alpha", "default", "untrusted")
    return (*tiers, *(f"account-{number}" for number in range(count - len(tiers))))


_LONG: Final = "a-directory-with-a-long-name-" * 6 + "and-200-characters-altogether"[:26]
_LAYOUTS: Final = {
    "layout-srv": (
        "Everything lies below /srv.",
        (
            ("/var/backups/gateway", "/srv/gateway/kept"),
            ("/var/log/gateway", "/srv/gateway/log"),
            ("/var/lib/gateway", "/srv/gateway/data"),
            ("/etc/gateway", "/srv/gateway/configuration"),
            ("/run/gateway", "/srv/gateway/run"),
        ),
    ),
    "layout-home": (
        "Data and configuration lie in a home, code below /srv.",
        (
            ("/var/lib/gateway", "/home/gateway/data"),
            ("/etc/gateway", "/home/gateway/configuration"),
            ("/opt/gateway", "/srv/code"),
        ),
    ),
}
_PATHS: Final = {
    "path-spaces": ("Paths have spaces in them.", "the gate way"),
    "path-unicode": ("Paths have letters of several scripts in them.", "gäte-вход-門"),
    "path-long": ("A directory has a name of 200 characters.", _LONG),
}
VARIANTS_OF_THE_REFERENCE: Final = (
    Variant("uids-low", "Uids of other ranges: 20,000 and more.", STARTED, around={"uids": -41_000}),
    Variant("uids-high", "Uids near the end of what 31 bits hold.", STARTED, around={"uids": 2_147_383_000}),
    *(
        Variant(
            name,
            says,
            ELSEWHERE,
            without_installer(moved(("/var/lib/gateway", f"/var/lib/{word}"), ("/etc/gateway", f"/etc/{word}"))),
        )
        for name, (says, word) in _PATHS.items()
    ),
    *(
        Variant(f"umask-{umask}", f"It is started with the umask {umask}.", CREATED, with_umask(umask))
        for umask in ("000", "002", "022", "027", "077")
    ),
    Variant("files-overlay", "Its data lie on an overlay, as in every stage.", MOUNTED),
    Variant("files-tmpfs", "Its data lie on a tmpfs.", MOUNTED, around={"files": TMPFS}),
    Variant("files-ext4", "Its data lie on an ext4 on a loop device.", MOUNTED, around={"files": EXT4}),
    Variant("gateway-slow", "Each start of a plugin takes 20 ms more, and its own a second.", SAYING, behaving("slow")),
    Variant(
        "gateway-verbose", "It prints a thousand lines at start and one at each spawn.", SAYING, behaving("verbose")
    ),
    Variant("gateway-ansi", "It prints ANSI sequences, HTML and ]]>.", SAYING, behaving("ansi")),
    Variant("accounts-1", "One account.", FEW, without_installer(with_accounts("alpha"))),
    Variant("accounts-2", "Two accounts.", FEW, without_installer(with_accounts("alpha", "beta"))),
    Variant("accounts-8", "Eight accounts.", FEW, without_installer(with_accounts(*_many(8)))),
    Variant("accounts-64", "Sixty-four accounts.", MANY, without_installer(with_accounts(*_many(64)))),
    *(Variant(name, says, ELSEWHERE, without_installer(moved(*pairs))) for name, (says, pairs) in _LAYOUTS.items()),
    *(
        Variant(f"posture-{name}", f"The reference as it is, in the posture {name}.", POSTURE, postures=(name,))
        for name in POSTURES
    ),
)
