"""Sessions of the project's own checks: ``nox --list``. They make their environments themselves."""

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
    session.run("pytest", "tests", "-k", "targets", *session.posargs)


@nox.session
def faults(session: nox.Session) -> None:
    """Run every seeded fault, not only as many as turn each requirement red (needs root; ten minutes)."""
    session.install("-e", ".[dev,targets]")
    session.run("pytest", "tests/faults", *session.posargs, env={"WALLBITE_FAULTS": "every"})


@nox.session
def benchmark(session: nox.Session) -> None:
    """Measure speed against the kernel, the floor and other tools; writes docs/benchmarks.md (needs root)."""
    session.install("-e", ".[dev,benchmark,targets]")
    session.run("python", "-m", "benchmarks", *session.posargs)
