"""The wheel: one import package with the content inside it, that works from an empty directory; needs root."""

from __future__ import annotations

import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from wallbite import content
from wallbite.exits import ExitCode

CHECKOUT = Path(content.__file__).resolve().parents[1]
NARROW = ("ambient-caps", "BOOT-11,WALL-01")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    argv = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--wheel-dir",
        str(folder),
    ]
    subprocess.run([*argv, str(CHECKOUT)], check=True, timeout=120)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with nothing but the wheel; its dependencies are those of this environment."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    site = next(folder.glob("lib/python3*/site-packages"))
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    (site / "dependencies.pth").write_text(
        "\n".join(path for path in sys.path if path.endswith("site-packages")) + "\n"
    )
    return folder / "bin" / "python"


def run(python: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Start something of the wheel's in an empty directory."""
    return subprocess.run(
        [python, "-I", "-m", *arguments], cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )


def test_it_holds_one_import_package(wheel: Path) -> None:
    """Generic names such as ``fixtures`` land in nobody's site-packages."""
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.split("/")[0] for name in archive.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"wallbite"}


def test_it_lists_the_catalogue_from_its_own_content(installed: Path, tmp_path: Path) -> None:
    """It does not fall back on a checkout."""
    done = run(installed, tmp_path, "wallbite", "list")
    assert done.returncode == ExitCode.CONFORMANT, done.stderr
    assert "WALL-19" in done.stdout
    where = subprocess.run(
        [installed, "-I", "-c", "import wallbite; print(wallbite.__file__)"], capture_output=True, text=True, check=True
    ).stdout
    assert str(CHECKOUT) not in where


def test_it_runs_the_reference(installed: Path, tmp_path: Path) -> None:
    """As ``wallbite run`` does in a checkout."""
    posture, select = NARROW
    done = run(installed, tmp_path, "wallbite", "run", "--posture", posture, "--select", select)
    assert done.returncode == ExitCode.CONFORMANT, done.stdout + done.stderr
    assert run(installed, tmp_path, "wallbite", "verify", "wallbite-report").returncode == ExitCode.CONFORMANT


def test_it_runs_under_pytest_in_an_empty_directory(installed: Path, tmp_path: Path) -> None:
    """The plugin brings the checks along."""
    posture, select = NARROW
    options = ("--wallbite-target", "reference", "--wallbite-posture", posture, "--wallbite-select", select)
    done = run(installed, tmp_path, "pytest", "-p", "no:cacheprovider", *options)
    assert done.returncode == ExitCode.CONFORMANT, done.stdout + done.stderr
    assert "2 passed" in done.stdout
