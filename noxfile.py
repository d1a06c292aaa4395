"""Sessions of the project's own checks: ``nox --list``. They make their environments themselves."""

import shutil

import nox

nox.options.sessions = ["lint", "types", "tests"]
nox.options.default_venv_backend = "venv"
PYTHONS = ["3.11", "3.12", "3.13", "3.14"]


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
def targets(session: nox.Session) -> None:
    """Run the checks against every target that is shipped (needs root)."""
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
    folder = f"{session.create_tmp()}/modulatio"
    session.run(python, "-m", "venv", folder, external=True)
    pip = [f"{folder}/bin/python", "-m", "pip", "install", "--quiet"]
    session.run(*pip, "--no-deps", "modulatio==1.0.4", external=True)
    session.run(*pip, "httpx", "pydantic", "pyyaml", "typer", external=True)
    return folder


@nox.session
def faults(session: nox.Session) -> None:
    """Run every seeded fault, not only as many as turn each requirement red (needs root; ten minutes)."""
    session.install("-e", ".[dev,targets]")
    session.run("pytest", "tests/faults", *session.posargs, env={"WALLBITE_FAULTS": "every"})


@nox.session
def benchmarks(session: nox.Session) -> None:
    """Measure how fast probing is (needs root)."""
    session.install("-e", ".[dev]")
    session.run("python", "-m", "benchmarks", *session.posargs)
