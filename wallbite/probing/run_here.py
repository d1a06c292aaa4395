"""Runs a plan in the present process: root's controls, and the dropped vantage."""

from __future__ import annotations

import importlib.util
import io
from functools import cache
from types import ModuleType
from typing import Any

from wallbite.probing.answers import Answer, parse
from wallbite.probing.carriers import probes
from wallbite.probing.plan import Plan
from wallbite.problems import EnvironmentProblem


@cache
def load_probe() -> ModuleType:
    """The probe as a module, with all that its operations import later: call it before dropping to an account."""
    path = probes() / "probe.py"
    spec = importlib.util.spec_from_file_location("wallbite_probe", path)
    if spec is None or spec.loader is None:
        raise EnvironmentProblem("the probe cannot be loaded", where=str(path))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.warm()
    return module


def run_plan(plan: Plan) -> Answer:
    """Attempts everything as whoever this process is, and returns what a probe would have answered.

    Nothing is written to the inbox; `first`, `hold` and `respond` do not count.
    """
    probe = load_probe()
    stream = io.BytesIO(b"".join(probe.answer_lines(plan.to_document())))
    return parse(stream, plan)


def who_am_i() -> dict[str, Any]:
    """The identity block of the present process."""
    found: dict[str, Any] = load_probe().identity()
    return found
