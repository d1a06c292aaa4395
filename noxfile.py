"""Sessions of the project's own checks: ``nox --list``. They make their environments themselves."""

from __future__ import annotations

import atexit
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nox

nox.options.sessions = ["lint", "types", "tests"]
nox.options.default_venv_backend = "venv"
PYTHONS = ["3.11", "3.12", "3.13", "3.14"]
ROOT = Path(__file__).parent
# Read without a YAML library: nox has an environment of its own.
DISTRIBUTIONS = re.findall(
    r"^  - name: (\S+)$", (ROOT / "fixtures/images/distributions.yaml").read_text(encoding="utf-8"), re.MULTILINE
)
REPORTS = Path("wallbite-reports")
NOT_CONFORMANT, UNDECIDED = 1, 3
_codes: dict[str, int] = {}  # of each distribution that this call of nox was to run


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run the engine's own tests (those that boot a stage need root)."""
    session.install("-e", ".[dev,targets]")
    session.run("pytest", "tests", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and format."""
    session.install("ruff")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Check types, strictly."""
    session.install("-e", ".[dev,targets]")
    session.run("mypy")


@nox.session
@nox.parametrize("distribution", [nox.param(name, id=name) for name in DISTRIBUTIONS])
def conformance(session: nox.Session, distribution: str) -> None:
    """Run the core profile in a container of a distribution (root, an engine); what follows -- goes to the run."""
    session.install("-e", ".")
    out = REPORTS / distribution
    _codes[distribution] = UNDECIDED  # until it has a code of its own
    shutil.rmtree(out, ignore_errors=True)  # the report of an earlier run says nothing of this one
    code = _built(session, distribution, session.posargs) or _wallbite(
        session, "run", "--stage", "container", "--distro", distribution, "--out", str(out), *session.posargs
    )
    _codes[distribution] = code
    folders = [str(REPORTS / name) for name in _codes]
    _wallbite(session, "report", "--output", str(REPORTS / "matrix.html"), "--matrix", *folders)
    if code:
        session.error(f"{distribution}: exit code {code}")


@nox.session
def selftest(session: nox.Session) -> None:
    """Faults, variants and bad targets: what backs a release (root; some twelve minutes on two cores)."""
    session.install("-e", ".[dev,targets]")
    session.run("wallbite", "selftest", *session.posargs)


@nox.session
def targets(session: nox.Session) -> None:
    """Run the checks against every target that is shipped (root)."""
    session.install("-e", ".[dev,targets]")
    modulatio = install_modulatio(session)
    environment = {"WALLBITE_MODULATIO": modulatio, "WALLBITE_TARGETS": "whole"}
    session.run("pytest", "tests/targets", *session.posargs, env=environment)
    report = ["--out", "wallbite-report-modulatio"]
    session.run("wallbite", "run", "modulatio", *report, env=environment, success_codes=[1])  # it does not conform


def install_modulatio(session: nox.Session) -> str:
    """A virtual environment with Modulatio and what the descriptor's calls need of its dependencies; its path."""
    python = next((path for path in map(shutil.which, ("python3.14", "python3.13", "python3.12")) if path), None)
    if python is None:
        session.error("Modulatio needs a Python of 3.12 or later on PATH")
    folder = os.path.abspath(f"{session.virtualenv.location}-modulatio")  # not nox's own: it would become TMPDIR
    session.run(python, "-m", "venv", folder, external=True)
    pip = [f"{folder}/bin/python", "-m", "pip", "install", "--quiet"]
    session.run(*pip, "--no-deps", "modulatio==1.0.4", external=True)
    session.run(*pip, "httpx", "pydantic", "pyyaml", "typer", external=True)
    return folder


@nox.session
def mutation(session: nox.Session) -> None:
    """Judge mutants of the reference runtime by the suite (needs root); `-- --sample 12` tries some of them."""
    session.install("-e", ".[dev,targets]")
    session.run("python", "-m", "tests.mutation", *session.posargs)


@nox.session
def repeat(session: nox.Session) -> None:
    """Run the core profile 30 times, with both cores under load, and compare the verdicts (needs root; hours)."""
    session.install("-e", ".[dev,targets]")
    session.run("python", "-m", "tests.repeat", *session.posargs)


@nox.session
def benchmark(session: nox.Session) -> None:
    """Measure speed against the kernel, the floor and other tools; writes docs/benchmarks.md (needs root)."""
    session.install("-e", ".[dev,benchmark,targets]")
    session.run("python", "-m", "benchmarks", *session.posargs)


@nox.session
def samples(session: nox.Session) -> None:
    """Make the sample reports of docs/samples/ anew (needs root and a Chromium)."""
    session.install("-e", ".[dev,targets]")
    session.run("python", "docs/samples/make.py", *session.posargs)


def _built(session: nox.Session, distribution: str, words: list[str]) -> int:
    """Build the image where there is none yet; 0, or why there is none."""
    engine = [word for at, word in enumerate(words) if word == "--engine" or words[at - 1 : at] == ["--engine"]]
    listed = subprocess.run(
        [f"{session.bin}/wallbite", "image", "list", *engine], capture_output=True, text=True, check=False
    )
    if re.search(rf"^{re.escape(distribution)}\s+built\b", listed.stdout, re.MULTILINE):
        return 0
    return _wallbite(session, "image", "build", *engine, distribution)


def _wallbite(session: nox.Session, *words: str) -> int:
    """Run a command of Wallbite's, for its exit code: nox itself knows no other than 0 and 1."""
    REPORTS.mkdir(exist_ok=True)
    session.log(" ".join(("wallbite", *words)))
    return subprocess.run([f"{session.bin}/wallbite", *words], check=False).returncode


def _leave() -> None:
    """End with the exit code that Wallbite's front ends have: what was chosen and did not run is 3, never green."""
    worst = {code for code in _codes.values() if code}
    if worst:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(NOT_CONFORMANT if NOT_CONFORMANT in worst else max(worst))


atexit.register(_leave)
