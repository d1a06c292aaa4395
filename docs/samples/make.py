"""Make the sample reports and their pictures: ``nox -s samples [-- TARGET...]`` (needs root, and a Chromium).

On an idle machine: a case that runs out of time leaves the reference undecided, and no sample is made of that.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from playwright.sync_api import sync_playwright

HERE: Final = Path(__file__).resolve().parent
TARGETS: Final = {"reference": 0, "supervisord": 1}  # with the exit code that each deserves
BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SIZE: Final = {"width": 1280, "height": 900}


def main(targets: Sequence[str]) -> None:
    """Run each target as shipped, keep its page, and take a picture of it."""
    with tempfile.TemporaryDirectory() as folder:
        for target in targets:
            run(target, TARGETS[target], Path(folder))
            shutil.copyfile(Path(folder, target, "report.html"), HERE / f"{target}.html")
            picture(target)


def run(target: str, code: int, folder: Path) -> None:
    """Run a target in a folder; what it comes to is known beforehand, else the sample shows something else."""
    command = [sys.executable, "-m", "wallbite", "run", target, "--seed", "1", "--out", target]
    done = subprocess.run(command, cwd=folder, check=False)
    if done.returncode != code:
        raise SystemExit(f"{target}: exit code {done.returncode}, expected {code}; the samples are as they were")


def picture(target: str) -> None:
    """What is seen first of a page."""
    found = next(path for name in BROWSERS if (path := shutil.which(name)))
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=found, args=["--no-sandbox"])
        page = browser.new_page(viewport=SIZE)
        page.goto((HERE / f"{target}.html").as_uri())
        page.screenshot(path=HERE / f"{target}.png", timeout=120_000)
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1:] or list(TARGETS))
