"""A run: plan the cases, have the workers do them, have the checks judge what was written, close the record."""

from __future__ import annotations

import dataclasses
import secrets
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from wallbite import catalogue, checks, planning, reports, tables
from wallbite.catalogue import Catalogue, Requirement
from wallbite.checks import Check
from wallbite.evidence.host import host_facts, kernel_facts
from wallbite.evidence.model import Header, Record
from wallbite.evidence.reader import read
from wallbite.evidence.record import RecordWriter
from wallbite.evidence.summary import Summary, summary_of
from wallbite.facts import Facts, Setting
from wallbite.installation import fault as faults
from wallbite.observation import Observation
from wallbite.options import RunOptions
from wallbite.problems import EnvironmentProblem
from wallbite.progress import Progress
from wallbite.stages.namespace import probe_environment
from wallbite.stages.pool import CaseResult, Pool
from wallbite.target import Target, load, missing
from wallbite.verdict import Level, Verdict

CASE_SECONDS: Final = 60.0
CONDUCT: Final = "wallbite.cases.conduct:conduct"


@dataclass(frozen=True)
class RunResult:
    """What a run came to.

    Attributes:
        folder: where the record and its renderings lie.
        record: as it was written.
        summary: added up.
        cpu_seconds: processor time of all stages.
    """

    folder: Path
    record: Record
    summary: Summary
    cpu_seconds: float


@dataclass(frozen=True)
class Plan:
    """What a run is going to do: everything that is known before the first case."""

    options: RunOptions
    target: Target
    catalogue: Catalogue
    requirements: tuple[Requirement, ...]
    checks: Mapping[str, Check]
    setting: Setting
    tables: Mapping[str, Any]
    seed: int

    @property
    def cases(self) -> list[dict[str, Any]]:
        """The cases that the selected requirements need."""
        return planning.cases(
            self.target, self.requirements, self.checks, self.setting.postures, self.tables, self.seed
        )


def plan(options: RunOptions) -> Plan:
    """Read everything that a run needs.

    Raises:
        UsageProblem: something that the user wrote is wrong.
        EnvironmentProblem: the target's package or program is not here.
    """
    target = load(options.target)
    if absent := missing(target):
        raise EnvironmentProblem(f"{target.name} cannot be run: {absent}")
    if options.fault:
        faults.load(options.fault)
    known = catalogue.load()
    chosen = catalogue.select(known, options.select, options.profile or target.claims.profile)
    postures = tuple(options.postures) or target.postures
    return Plan(
        options=options,
        target=target,
        catalogue=known,
        requirements=chosen,
        checks=checks.load(),
        setting=planning.setting_of(target, options.stage, postures),
        tables=tables.load(),
        seed=secrets.randbelow(1 << 31) if options.seed is None else options.seed,
    )


def run(options: RunOptions, progress: Progress) -> RunResult:
    """Do a whole run, and write its folder.

    Raises:
        Problem: nothing could be decided, or what the user wrote is wrong; nothing is left then.
    """
    planned = plan(options)
    probe_environment()
    with RecordWriter(options.out) as writer:
        writer.header(header_of(planned))
        seen, used = observe(planned, writer, progress)
        facts = Facts(planned.setting, seen, planned.tables)
        writer.verdicts(checks.judged(planned.requirements, facts, planned.checks))
        writer.footer(finished=_now())
    del writer, seen, facts  # a large record is not held twice
    record = read(options.out)
    reports.write_all(options.out, record)
    return RunResult(options.out, record, summary_of(record), used)


def observe(planned: Plan, writer: RecordWriter, progress: Progress) -> tuple[Sequence[Observation], float]:
    """Have the workers do every case; the observations as they were written, and the processor time."""
    cases, total = planned.cases, 0
    used = 0.0
    context = {"target": planned.options.target, "fault": planned.options.fault}
    with Pool(min(planned.options.jobs, max(len(cases), 1)), CONDUCT, context=context) as pool:
        while cases:
            total += len(cases)
            progress.total(total)
            again: list[dict[str, Any]] = []
            for result in pool.run(cases, CASE_SECONDS, on_started=lambda case: progress.started(case["case"])):
                progress.finished(result.case["case"], result.seconds, result.problem)
                case, told = result.case, observations_of(result)
                found = writer.case(case, told, seconds=result.seconds, problem=result.problem)
                used += result.cpu_seconds
                again += planning.unfinished(case, found)
            cases = again
    return writer.observations, used


def observations_of(result: CaseResult) -> Iterable[Observation]:
    """What a case emitted and, where it broke, that it broke."""
    yield from (Observation(**values) for values in result.observations)
    if result.problem:
        case = result.case
        yield Observation(
            case["case"],
            case["kind"],
            case["posture"],
            "harness",
            "root",
            case["kind"],
            "case",
            "case",
            seen={"problem": result.problem, "trace": result.trace[-2000:]},
        )


def header_of(planned: Plan) -> Header:
    """What is known before the first case."""
    target, options = planned.target, planned.options
    absent = planned.catalogue.missing(options.profile or target.claims.profile)
    return Header(
        target=target.name,
        title=target.title,
        descriptor=str(options.target),
        descriptor_digest=target.digest,
        claims={"profile": target.claims.profile},
        stage=options.stage,
        postures=planned.setting.postures,
        accounts=planned.setting.accounts,
        surfaces=tuple(
            {"name": one.name, "path": one.path, "class": one.class_, "kind": one.kind} for one in target.surfaces
        ),
        requirements=tuple(_as_json(each) for each in planned.requirements),
        host=host_facts(),
        kernel=kernel_facts(),
        command=tuple(sys.argv),
        started=_now(),
        seed=planned.seed,
        fault=options.fault or None,
        missing_families=tuple(family.name for family in absent) if not options.select else (),
        residuals=target.residuals,
        not_applicable=planned.setting.excused,
        context={"setting": dataclasses.asdict(planned.setting), "tables": planned.tables},
    )


def judge_record(record: Record) -> Iterator[Verdict]:
    """The verdicts that today's checks give on a record's observations, with the catalogue that it holds."""
    context = record.header.context
    facts = Facts(Setting.from_json(context["setting"]), record.observations, context["tables"])
    return checks.judged([_from_json(each) for each in record.header.requirements], facts, checks.load())


def _as_json(requirement: Requirement) -> dict[str, Any]:
    return {**dataclasses.asdict(requirement), "level": str(requirement.level), "where": ""}


def _from_json(value: Mapping[str, Any]) -> Requirement:
    lists: Sequence[str] = ("source", "postures", "surfaces", "parts")
    changed: dict[str, Any] = {name: tuple(value[name]) for name in lists}
    return Requirement(**{**value, **changed, "level": Level(value["level"])})


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
