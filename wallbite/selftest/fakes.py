"""Bad targets, each tiny: they break, hang, flood or lie, and what the suite must say of each of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from wallbite.run import Plan
from wallbite.selftest import small
from wallbite.selftest.options import TARGETS
from wallbite.selftest.outcome import Outcome, of_fake
from wallbite.selftest.small import Change, gateway, plugin
from wallbite.selftest.trials import Trial, plan_for
from wallbite.verdict import Ruling, Verdict

ONE: Final = ("WALL-01",)
SEVERAL: Final = ("WALL-01", "WALL-08", "DROP-01", "DROP-04", "DROP-05", "DROP-13")
UNBELIEVED: Final = "the probe is not believed: stat of a file that everybody"


@dataclass(frozen=True)
class Fake:
    """A bad target.

    Attributes:
        name, says: what it is called, and what it does.
        change: makes it of the small target.
        reason: what a verdict must say of it.
        select: the requirements that it is judged by.
        ruling: what every verdict must be.
    """

    name: str
    says: str
    change: Change
    reason: str
    select: tuple[str, ...] = ONE
    ruling: Ruling = Ruling.INCONCLUSIVE


FAKES: Final = (
    Fake("hangs", "It never says that it is ready.", gateway("hangs"), "the gateway was not ready after 2"),
    Fake("dies", "It dies at start.", gateway("dies"), "the gateway ended at boot with 1: no such luck"),
    Fake("leaves", "It is ready and then gone.", gateway("leaves"), "the gateway did not take the request: "),
    Fake(
        "killed",
        "It is killed in the middle.",
        gateway("killed"),
        "the gateway ended with -9 before the probe answered",
    ),
    Fake("silent", "A probe prints nothing.", plugin("silent"), "'bad_response' without an answer of the probe"),
    Fake(
        "floods-stdout",
        "A probe prints a gigabyte.",
        plugin("floods_stdout"),
        "'output_limit' without an answer of the",
    ),
    Fake("floods-inbox", "A probe leaves a gigabyte.", plugin("floods_inbox"), "the answer is larger than"),
    Fake("endless", "A probe never ends.", plugin("endless"), "no answer within 2 s"),
    Fake("other-run", "It answers another run.", plugin("altered", "other_run"), "the nonce is another plan's"),
    Fake(
        "other-account",
        "It answers for another account.",
        plugin("altered", "other_account"),
        "kernel says otherwise",
        SEVERAL,
    ),
    Fake("duplicates", "A record is there twice.", plugin("altered", "duplicates"), "number 0 is there twice"),
    Fake("too-few", "A record is missing.", plugin("altered", "too_few"), "is missing"),
    Fake("not-a-number", "A number is NaN.", plugin("altered", "not_a_number"), "a number is NaN"),
    Fake("not-utf8", "A line is not UTF-8.", plugin("altered", "not_utf8"), "a line is not UTF-8"),
    Fake("allows-all", "It claims success for every attempt.", plugin("altered", "allows_all"), UNBELIEVED, SEVERAL),
    Fake("denies-all", "It claims EACCES for every attempt.", plugin("altered", "denies_all"), UNBELIEVED, SEVERAL),
    Fake(
        "not-permitted", "It claims EPERM for every attempt.", plugin("altered", "not_permitted"), UNBELIEVED, SEVERAL
    ),
    Fake(
        "denies-as-expected",
        "It claims of each attempt what a sound wall would give.",
        plugin("altered", "denies_as_expected"),
        UNBELIEVED,
    ),
    Fake(
        "better",
        "It claims that it could have no capability.",
        plugin("altered", "better"),
        "the kernel says otherwise: bounding are c0, it said 0",
        SEVERAL,
    ),
    Fake(
        "hostile-names",
        "It may write to files with ANSI sequences, HTML and ]]> in their names.",
        plugin("altered", "hostile_names"),
        "<script>alert(1)</script>]]>",
        ("WALL-19",),
        Ruling.FAIL,
    ),
    Fake(
        "interpreter-out-of-reach",
        "No account may run its probe's interpreter.",
        small.interpreter_out_of_reach,
        "'start_failed' without an answer of the probe",
    ),
    Fake(
        "account-unknown",
        "It is granted an account that it has not.",
        small.account_unknown_to_the_gateway,
        "account 'alpha', which is not conf",
    ),
    Fake(
        "user-unknown",
        "It spawns as a user that nobody has.",
        small.user_unknown_to_the_system,
        "the request ended with 1: setpriv: failed to parse",
    ),
)


@dataclass(frozen=True)
class FakeTrial(Trial):
    """A bad target, and what must be said of it."""

    fake: Fake

    def outcome(self, verdicts: Iterable[Verdict]) -> Outcome:
        """As expected or not."""
        return of_fake(self.planned.setting.postures, verdicts, self.fake.ruling, self.fake.reason)


def of_fakes(base: Plan, folder: Path) -> Iterator[FakeTrial]:
    """A trial for each; their descriptors are written below the folder."""
    for one in FAKES:
        path = small.write(folder / one.name, one.change)
        yield FakeTrial(TARGETS, one.name, one.says, plan_for(base, path, one.select), one)
