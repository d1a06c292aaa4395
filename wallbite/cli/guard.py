"""From anything that can happen to an exit code: 1 means "not conformant", and nothing else ever gives it."""

from __future__ import annotations

from collections.abc import Callable

from wallbite.cli.output import complain, prepare, settle
from wallbite.exits import ExitCode
from wallbite.problems import Problem


def guarded(action: Callable[[], ExitCode]) -> int:
    """Run an action, and give its exit code or the one that its exception deserves."""
    prepare()
    code = _code_of(action)
    if not settle():
        complain("the output could not be written in full")
        return int(ExitCode.UNDECIDED)
    return int(code)


def _code_of(action: Callable[[], ExitCode]) -> ExitCode:
    try:
        return action()
    except Problem as problem:
        complain(str(problem))
        return problem.code
    except KeyboardInterrupt:
        complain("interrupted")
        return ExitCode.INTERRUPTED
    except SystemExit as exit_:  # argparse after --help; from a library it means that something broke
        return ExitCode.CONFORMANT if exit_.code in {None, 0} else ExitCode.UNDECIDED
    except BaseException as error:  # noqa: BLE001 - whatever broke in the harness says nothing about the target
        import traceback

        traceback.print_exc()
        complain(f"the harness broke: {type(error).__name__}: {error}; nothing was decided; please report it")
        return ExitCode.UNDECIDED
