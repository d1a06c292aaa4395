"""The pytest plugin: the same checks, the same exit codes and the same report folder as ``wallbite run``.

A check in ``conformance/`` is one test for each requirement that it judges. All cases run once, before the first test;
a test then says what the requirement came to. pytest's own exit codes are translated, save 4 for an option that pytest
itself does not know.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from wallbite.checks import Check
from wallbite.containers.engines import ENGINES
from wallbite.content import content
from wallbite.exits import ExitCode
from wallbite.options import DEFAULT_OUT, DEFAULT_TARGET, STAGES, RunOptions, processors
from wallbite.problems import Problem
from wallbite.verdict import Level, Ruling, Verdict

_SHOWN: Final = 8  # verdicts in a failure's text


@dataclass
class State:
    """What this session of pytest came to, as far as it concerns conformance.

    Attributes:
        result: of the run; None until it is over.
        problem: why there is none.
        interrupted: whether the user ended it.
        deselected: whether tests were left out by options of pytest.
    """

    result: Any = None
    problem: Problem | None = None
    interrupted: bool = False
    deselected: bool = False
    items: list[RequirementItem] = field(default_factory=list)

    def code(self, exitstatus: int) -> int:
        """The exit code that the session deserves."""
        if self.interrupted:
            return ExitCode.INTERRUPTED
        if self.problem is not None:
            return self.problem.code
        if exitstatus == pytest.ExitCode.USAGE_ERROR:
            return exitstatus
        if self.result is None and not self.items and exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:
            return ExitCode.USAGE
        if self.result is None or exitstatus == pytest.ExitCode.INTERNAL_ERROR:
            return ExitCode.UNDECIDED
        code: ExitCode = self.result.summary.outcome.code
        return code


STATE: Final = pytest.StashKey[State]()


class RequirementFailure(Exception):
    """A requirement that is not kept, or that nothing could be said of."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of ``wallbite run``, prefixed."""
    group = parser.getgroup("wallbite", "conformance of a privilege-separated gateway")
    group.addoption("--wallbite-target", metavar="TARGET", help=f"a target's name, or a descriptor ({DEFAULT_TARGET})")
    group.addoption("--wallbite-posture", metavar="P", action="append", default=[], help="one posture; may be repeated")
    group.addoption("--wallbite-select", metavar="ID|FAMILY", action="append", default=[], help="some requirements")
    group.addoption("--wallbite-profile", metavar="NAME", default="", help="a profile")
    group.addoption("--wallbite-stage", choices=STAGES, default=STAGES[0], help=f"where it runs ({STAGES[0]})")
    group.addoption("--wallbite-engine", choices=ENGINES, default="", help="of the stage container")
    group.addoption("--wallbite-distro", metavar="NAME", default="", help="a distribution, for the stage container")
    group.addoption("--wallbite-image", metavar="REF", default="", help="an image of your own, for the stage container")
    group.addoption("--wallbite-fault", metavar="NAME", default="", help="plant a seeded fault of the reference")
    group.addoption("--wallbite-out", metavar="DIR", type=Path, default=DEFAULT_OUT, help="the report's folder")
    group.addoption("--wallbite-jobs", metavar="N", type=int, default=processors(), help="workers")
    group.addoption("--wallbite-seed", metavar="N", type=int, help="of everything that is drawn")
    group.addoption("--wallbite-waivers", metavar="FILE", type=Path, help="failures that somebody answers for")


def pytest_configure(config: pytest.Config) -> None:
    """Without any path, the shipped checks are what is collected."""
    named = config.args_source is pytest.Config.ArgsSource.ARGS
    if config.getoption("--wallbite-target") and not named:
        config.args = [str(content("conformance"))]


def pytest_pycollect_makeitem(collector: pytest.Module | pytest.Class, name: str, obj: object) -> Any:
    """One test for each requirement that a check judges."""
    if not isinstance(obj, Check):
        return None
    state = collector.config.stash.setdefault(STATE, State())
    found = [
        RequirementItem.from_parent(collector, name=f"{name}[{requirement}]", requirement=requirement)
        for requirement in obj.requirements
        if _wanted(requirement, collector.config)
    ]
    state.items += found
    return found


def _wanted(requirement: str, config: pytest.Config) -> bool:
    named = [word for value in config.getoption("--wallbite-select") for word in value.split(",")]
    return not named or requirement in named or requirement.partition("-")[0] in named


def pytest_deselected(items: list[pytest.Item]) -> None:
    """Remember that pytest itself was told to leave tests out."""
    for item in items:
        if isinstance(item, RequirementItem):
            item.config.stash[STATE].deselected = True


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """Do the run before the first test, for the requirements that are left."""
    state = session.config.stash.get(STATE, None)
    items = [item for item in session.items if isinstance(item, RequirementItem)]
    if state is None or not items or session.config.option.collectonly or session.testsfailed:
        return
    try:
        state.result = _run(session.config, items, state)
    except Problem as problem:
        state.problem = problem
        raise pytest.exit.Exception(f"wallbite: {problem}", returncode=problem.code) from None


def _run(config: pytest.Config, items: list[RequirementItem], state: State) -> Any:
    from wallbite.preflight import preflight
    from wallbite.progress import reporter
    from wallbite.run import run

    options = _options(config, [item.requirement for item in items] if state.deselected else [])
    preflight(options)
    manager = config.pluginmanager.getplugin("capturemanager")
    with manager.global_and_fixture_disabled() if manager else contextlib.nullcontext(), reporter() as progress:
        return run(options, progress)


def _options(config: pytest.Config, left: list[str]) -> RunOptions:
    named = [word for value in config.getoption("--wallbite-select") for word in value.split(",") if word]
    return RunOptions(
        target=config.getoption("--wallbite-target") or DEFAULT_TARGET,
        postures=tuple(dict.fromkeys(config.getoption("--wallbite-posture"))),
        select=tuple(dict.fromkeys(left or named)),
        profile=config.getoption("--wallbite-profile"),
        stage=config.getoption("--wallbite-stage"),
        engine=config.getoption("--wallbite-engine"),
        distro=config.getoption("--wallbite-distro"),
        image=config.getoption("--wallbite-image"),
        fault=config.getoption("--wallbite-fault"),
        out=config.getoption("--wallbite-out"),
        jobs=max(1, config.getoption("--wallbite-jobs")),
        seed=config.getoption("--wallbite-seed"),
        waivers=config.getoption("--wallbite-waivers"),
    )


def pytest_keyboard_interrupt(excinfo: pytest.ExceptionInfo[BaseException]) -> None:
    """An interrupt of the user's; pytest's own exits come by here as well."""
    if isinstance(excinfo.value, KeyboardInterrupt):
        for state in _states:
            state.interrupted = True


_states: list[State] = []


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Start without anything of an earlier session in the same process."""
    _states[:] = [session.config.stash.setdefault(STATE, State())]


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Translate pytest's exit code, where requirements were judged."""
    state = session.config.stash.get(STATE, None)
    asked = session.config.getoption("--wallbite-target") is not None
    if state is not None and (state.items or asked) and not session.config.option.collectonly:
        session.exitstatus = state.code(exitstatus)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """The run's summary, after pytest's."""
    state = terminalreporter.config.stash.get(STATE, None)
    if state is None or state.result is None:
        return
    from wallbite.cli.summary import lines

    terminalreporter.section("wallbite")
    for line in lines(state.result.summary, state.result.folder):
        terminalreporter.write_line(line)


class RequirementItem(pytest.Item):
    """One requirement as a test."""

    def __init__(self, *, requirement: str, **kwargs: Any) -> None:
        """Remember which."""
        super().__init__(**kwargs)
        self.requirement = requirement

    def runtest(self) -> None:
        """Say what the requirement came to."""
        result = self.config.stash[STATE].result
        standing = next((each for each in result.summary.requirements if each.id == self.requirement), None)
        if standing is None:
            raise RequirementFailure("the run did not judge it")
        verdicts = [each for each in result.record.verdicts if each.requirement == self.requirement]
        text = "\n".join(self._lines(verdicts, standing.ruling)) or standing.reason
        if standing.ruling is Ruling.NOT_APPLICABLE:
            pytest.skip(f"not applicable: {text}")
        if standing.ruling is Ruling.PASS:
            return
        if standing.is_waived and standing.binding is not Ruling.INCONCLUSIVE:
            pytest.xfail(f"fail, waived: {text}")
        if standing.level is Level.SHOULD:
            pytest.xfail(f"SHOULD, {standing.ruling}: {text}")
        raise RequirementFailure(f"{standing.ruling}\n{text}")

    @staticmethod
    def _lines(verdicts: list[Verdict], ruling: Ruling) -> Iterator[str]:
        chosen = [each for each in verdicts if each.ruling is ruling]
        for each in chosen[:_SHOWN]:
            scope = " ".join(filter(None, (each.posture, each.account, each.surface)))
            yield f"  {scope}: {each.reason}" if scope else f"  {each.reason}"
        if len(chosen) > _SHOWN:
            yield f"  and {len(chosen) - _SHOWN} more"

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The verdicts, not a traceback of the harness."""
        if isinstance(excinfo.value, RequirementFailure):
            return f"{self.requirement}: {excinfo.value}"
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Where it stands, and its id."""
        return self.path, None, self.requirement
