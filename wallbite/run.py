"""A run: plan the cases, have the workers do them, have the checks judge what was written, close the record."""

from __future__ import annotations

import dataclasses
import secrets
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from wallbite import catalogue, checks, planning, reports, tables, waivers
from wallbite.catalogue import Catalogue, Requirement
from wallbite.checks import Check
from wallbite.containers.selection import INIT_PLACES, has_init, suited
from wallbite.content import root
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
from wallbite.selftest.backing import backing
from wallbite.stages import uids
from wallbite.stages.choice import Stage, here, stage_of
from wallbite.stages.pool import CaseResult, Pool
from wallbite.target import Target, load, missing
from wallbite.target.library import trees
from wallbite.target.model import Surface
from wallbite.verdict import Level, Verdict
from wallbite.waivers import Waiver

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
        absent: why no case could be run here, in a sentence; empty where all were.
    """

    folder: Path
    record: Record
    summary: Summary
    cpu_seconds: float
    absent: str = ""


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
    waivers: tuple[Waiver, ...] = ()
    waivers_digest: str = ""
    absent: str = ""  # why no case can be run here

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
    """
    options = suited(options)
    target = load(options.target)
    if options.fault:
        faults.load(options.fault)
    known = catalogue.load()
    chosen = catalogue.select(known, options.select, options.profile or target.claims.profile)
    postures = tuple(options.postures) or target.postures
    borne, digest = waivers.load(options.waivers, known) if options.waivers else ((), "")
    return Plan(
        options=options,
        target=target,
        catalogue=known,
        requirements=chosen,
        checks=checks.load(),
        setting=planning.setting_of(target, options.stage, postures, INIT_PLACES if has_init(options) else ()),
        tables=tables.load(),
        seed=secrets.randbelow(1 << 31) if options.seed is None else options.seed,
        waivers=waivers.covering(borne, known, [each.id for each in chosen], target.postures, postures),
        waivers_digest=digest,
        absent=missing(target, contained=True) if options.stage == "container" else missing(target) or uids.lacking(),
    )


def demand_checks(chosen: Iterable[Requirement], bound: Mapping[str, Check], excused: Mapping[str, str]) -> None:
    """A MUST without a check leaves a run undecided, and its record says so; a SHOULD would leave it conformant.

    Raises:
        EnvironmentProblem: a SHOULD has no check.
    """
    for each in chosen:
        known = each.id in bound or each.parts or each.id in excused or each.family in excused
        if each.level is Level.SHOULD and not known:
            raise EnvironmentProblem(f"{each.id} has no check", expected="a check for each requirement in conformance/")


def run(options: RunOptions, progress: Progress) -> RunResult:
    """Do a whole run, and write its folder.

    Raises:
        Problem: nothing could be decided, or what the user wrote is wrong; nothing is left then.
    """
    planned = plan(options)
    options = planned.options
    demand_checks(planned.requirements, planned.checks, planned.setting.excused)
    where = nullcontext(here()) if planned.absent else stage_of(options, planned.target)
    with where as stage, RecordWriter(options.out) as writer:
        planned = dataclasses.replace(planned, absent=planned.absent or stage.absent)
        writer.header(header_of(planned, stage.facts))
        seen, used = left_out(planned, writer) if planned.absent else observe(planned, writer, progress, stage)
        facts = Facts(planned.setting, seen, planned.tables)
        writer.verdicts(checks.judged(planned.requirements, facts, planned.checks))
        writer.footer(finished=now(), self_test=backing())
    del writer, seen, facts  # a large record is not held twice
    record = read(options.out)
    reports.write_all(options.out, record)
    return RunResult(options.out, record, summary_of(record), used, planned.absent)


def observe(
    planned: Plan, writer: RecordWriter, progress: Progress, stage: Stage | None = None
) -> tuple[Sequence[Observation], float]:
    """Have the workers do every case; the observations as they were written, and the processor time."""
    cases, total, stage = planned.cases, 0, stage or here()
    used = 0.0
    context = {"target": planned.options.target, "fault": planned.options.fault}
    jobs = min(planned.options.jobs, max(len(cases), 1))
    reached = () if planned.options.stage == "container" else trees(planned.target.library)  # an image has it in /usr
    with Pool(jobs, CONDUCT, trees=reached, context=context, start=stage.start, once=stage.once) as pool:
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


def left_out(planned: Plan, writer: RecordWriter) -> tuple[Sequence[Observation], float]:
    """Write for each case why it cannot be run here: every requirement is inconclusive, for that reason."""
    for case in planned.cases:
        result = CaseResult(case, (), planned.absent, 0.0, 0.0)
        writer.case(case, observations_of(result), problem=result.problem)
    return writer.observations, 0.0


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


def header_of(planned: Plan, facts: Mapping[str, Any] | None = None) -> Header:
    """What is known before the first case."""
    target, options, facts = planned.target, planned.options, facts or here().facts
    absent = planned.catalogue.missing(options.profile or target.claims.profile)
    return Header(
        target=target.name,
        title=target.title,
        descriptor=str(options.target),
        descriptor_digest=target.digest,
        descriptor_file=_below_content(target.source.file),
        claims={"profile": target.claims.profile},
        stage=options.stage,
        postures=planned.setting.postures,
        accounts=planned.setting.accounts,
        surfaces=tuple(
            {"name": one.name, "path": one.path, "class": one.class_, "kind": one.kind, "line": _line(target, one)}
            for one in target.surfaces
        ),
        requirements=tuple(_as_json(each) for each in planned.requirements),
        host=facts["host"],
        kernel=facts["kernel"],
        command=_command(sys.argv),
        started=now(),
        seed=planned.seed,
        fault=options.fault or None,
        missing_families=tuple(family.name for family in absent) if not options.select else (),
        residuals=target.residuals,
        not_applicable=planned.setting.excused,
        waivers=planned.waivers,
        waivers_digest=planned.waivers_digest,
        context={"setting": dataclasses.asdict(planned.setting), "tables": planned.tables},
    )


def _command(argv: Sequence[str]) -> tuple[str, ...]:
    """The command line, without where on this machine its program lies."""
    program = Path(argv[0])
    return (program.parent.name if program.name == "__main__.py" else program.name, *argv[1:])


def _below_content(file: str) -> str:
    """A shipped descriptor's path, wherever Wallbite is installed; any other as it was given."""
    path = Path(file)
    return str(path.relative_to(root())) if path.is_relative_to(root()) else file


def _line(target: Target, surface: Surface) -> int:
    """Where the descriptor declares a surface; one entry may stand for one of each account."""
    account = surface.account
    keys = (surface.name, surface.name.removesuffix(f":{account}"), surface.name.replace(account or "\0", "{account}"))
    found = (("surfaces", key) for key in keys if ("surfaces", key) in target.source.lines)
    return target.source.line(next(found, ("surfaces",)))


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


def now() -> str:
    """The time as records have it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
