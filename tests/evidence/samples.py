"""Records for tests: a sound one of a population, with whatever is wrong planted in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from wallbite.evidence.model import Header, Record
from wallbite.evidence.record import RecordWriter
from wallbite.observation import Observation
from wallbite.verdict import Level, Ruling, Verdict
from wallbite.waivers import Waiver

POSTURES = ("root", "ambient-caps", "file-caps")
ACCOUNTS = ("alpha", "beta", "default", "untrusted")
SURFACES = (
    *("age-key", "secret-directory", "config-file", "config-directory", "config-include", "vault", "state-directory"),
    *("database", "database-wal", "database-shm", "tokens", "lock-records", "pid-file", "run-directory"),
    *("control-socket", "log-file", "log-directory", "backup-file", "backup-directory", "plugin-root"),
    *("plugin-directory", "plugin-entry", "plugin-manifest", "accounts-parent", "state-root"),
)
WALLS = ("WALL-01", "WALL-02", "WALL-03", "WALL-04.1", "WALL-04.2")
GATES = ("BOOT-01", "BOOT-02", "BOOT-03", "BOOT-10", "CONF-01", "DROP-01")

Planted = Callable[[Verdict], Verdict]


@dataclass(frozen=True, kw_only=True)
class Sample:
    """What a sample record is made of."""

    postures: Sequence[str] = POSTURES
    accounts: Sequence[str] = ACCOUNTS
    surfaces: Sequence[str] = SURFACES
    walls: Sequence[str] = WALLS
    gates: Sequence[str] = GATES
    should: Sequence[str] = ("BOOT-10",)
    target: str = "reference"
    fault: str | None = None
    noise: int = 0  # observations in each case that no verdict names
    planted: Planted = lambda verdict: verdict
    waivers: Sequence[Waiver] = ()


def header(sample: Sample) -> Header:
    """The header of a sample."""
    names = (*sample.gates, *sample.walls)
    return Header(
        target=sample.target,
        title="The reference runtime",
        descriptor=sample.target,
        descriptor_digest="5e" * 32,
        claims={"profile": "privsep"},
        stage="namespace",
        postures=tuple(sample.postures),
        accounts=tuple(sample.accounts),
        surfaces=tuple(_surface(name) for name in sample.surfaces),
        requirements=tuple(_requirement(name, sample) for name in names),
        host={"name": "lab-7", "machine": "x86_64", "distribution": "Debian GNU/Linux 12 (bookworm)"},
        kernel={"release": "6.1.0-18-amd64", "fs.protected_symlinks": "1", "cgroup": "v2", "yama": "present"},
        command=("wallbite", "run", sample.target),
        started="2026-01-02T03:04:05Z",
        seed=1234567,
        fault=sample.fault,
        missing_families=("SIDE", "INST"),
        residuals={"shared-account": "Plugins that share an account are not walled from each other."},
        not_applicable={"CONF": "this target's configuration has no accounts to get wrong"},
        waivers=tuple(sample.waivers),
        waivers_digest="3a" * 32 if sample.waivers else "",
        context={"setting": {"paths": ["handle", "poll"]}},
    )


def write(directory: Path, sample: Sample | None = None) -> Record:
    """Write a sample's record into a folder."""
    sample = sample or Sample()
    with RecordWriter(directory) as writer:
        writer.header(header(sample))
        for posture in sample.postures:
            case = {"case": f"walls@{posture}", "kind": "walls", "posture": posture, "params": {}}
            seen = writer.case(case, _observations(posture, sample), seconds=0.5)
            writer.verdicts(sample.planted(verdict) for verdict in _verdicts(posture, sample, seen))
        return writer.footer(finished="2026-01-02T03:04:15Z")


def failing(verdict: Verdict) -> Verdict:
    """Plant two failing surfaces, a gate that fails and one that could not be decided."""
    open_to = {("WALL-02", "config-file", "beta"), ("WALL-01", "age-key", "untrusted")}
    if (verdict.requirement, verdict.surface, verdict.account) in open_to and verdict.posture == "ambient-caps":
        reason = f"{verdict.account} read {verdict.surface}: OK, expected EACCES"
        return replace(verdict, ruling=Ruling.FAIL, reason=reason, control="")
    if (verdict.requirement, verdict.posture) == ("BOOT-03", "file-caps"):
        return replace(verdict, ruling=Ruling.FAIL, reason="it stayed up, expected a refusal", control="")
    if (verdict.requirement, verdict.posture) == ("DROP-01", "file-caps"):
        return replace(verdict, ruling=Ruling.INCONCLUSIVE, reason="no answer within 10 s", control="")
    if verdict.requirement == "BOOT-10":
        return replace(verdict, ruling=Ruling.FAIL, reason="check gave no warning", control="")
    return verdict


def borne(requirement: str, *, posture: str = "", account: str = "", expires: str = "2026-12-31") -> Waiver:
    """A waiver that Ada answers for."""
    return Waiver(
        requirement=requirement,
        posture=posture,
        account=account,
        owner="Ada Lovelace",
        justification="The directory moves with release 4.",
        created="2026-01-01",
        expires=expires,
        where="waivers.yaml:3",
    )


def _observations(posture: str, sample: Sample) -> Iterable[Observation]:
    def seen(account: str, vantage: str, operation: str, name: str, errno: str, **facts: object) -> Observation:
        return Observation(
            f"walls@{posture}", "walls", posture, vantage, account, "attempt", operation, name, errno=errno, seen=facts
        )

    yield seen("root", "harness", "read", "own-directory", "OK", size=32)
    for account in sample.accounts:
        for surface in sample.surfaces:
            yield seen(account, "spawned", "read", surface, "EACCES")
    for number in range(sample.noise):
        yield seen("gateway", "harness", "stat", f"noise-{number}", "OK", mode="0600", uid=1001, size=32)


def _verdicts(posture: str, sample: Sample, seen: Sequence[Observation]) -> Iterable[Verdict]:
    control = seen[0].id
    for requirement in sample.gates:
        if not requirement.startswith("CONF"):
            yield Verdict(requirement, Ruling.PASS, "as expected", posture, evidence=(seen[1].id,), control=control)
    for number, one in enumerate(item for item in seen if item.vantage == "spawned"):
        requirement = sample.walls[number % len(sample.walls)]
        requirement = {"age-key": "WALL-01", "config-file": "WALL-02"}.get(one.object, requirement)
        reason = "read gave EACCES"
        scope = {"posture": posture, "account": one.account, "surface": one.object}
        yield Verdict(requirement, Ruling.PASS, reason, **scope, evidence=(one.id,), control=control)


def _surface(name: str) -> dict[str, str]:
    kind = "directory" if name.endswith(("directory", "root", "parent")) else "file"
    return {"name": name, "path": f"/srv/gateway/{name}", "class": "gateway", "kind": kind}


def _requirement(name: str, sample: Sample) -> dict[str, object]:
    level = Level.SHOULD if name in sample.should else Level.MUST
    return {
        "id": name,
        "level": str(level),
        "statement": f"A spawned plugin {level} NOT read, change, replace or list what {name} speaks of.",
        "rationale": "Who reads it holds every credential that the gateway keeps.",
        "source": ["accounts and grants (DEPLOYMENT 5b)"],
        "observed": "The errno of each operation of the table, from each account, in both layouts.",
        "expected": "EACCES below a closed parent; below an open one EACCES, and EPERM from chmod and chown.",
        "remediation": "Own it by the gateway's uid with mode 0600, and refuse to start where another bit is set.",
        "vantage": "spawned",
        "postures": list(POSTURES),
        "mappings": {
            "nist-800-53": {"AC-3": "The kernel refuses it.", "AC-6(8)": "It runs with less."},
            "cis": ["3.3"],  # a list says nothing of why
            "house-rules": {"7": "Ours."},
        },
    }
