"""The core profile, run again and again under load: no verdict may differ from one run to the next.

    python -m tests.repeat [--times N] [--select ID|FAMILY]... [--out DIR]

Every processor is kept busy besides. The seed is the same each time, so that the same configurations are drawn.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from wallbite import run
from wallbite.options import RunOptions, processors
from wallbite.progress import reporter

TIMES: Final = 30
BUSY: Final = "import os\nwhile os.getppid() == {parent}: sum(range(100_000))"

Said = Counter[tuple[str, str, str, str, str]]


def main() -> int:
    """Run, compare with the first run, and say what differs; 0 where nothing does."""
    options = _options()
    first: Said | None = None
    different = 0
    with tempfile.TemporaryDirectory() as scratch, busy():
        for number in range(1, options.times + 1):
            said, line = once((options.out or Path(scratch)) / str(number), tuple(options.select or ()))
            first = said if first is None else first
            differs = sorted(((first - said) + (said - first)).elements())
            different += bool(differs)
            print(f"{number} of {options.times}: {line}; {len(differs)} verdicts differ", flush=True)
            for one in differs[:20]:
                print("  " + " ".join(filter(None, one)))
    print(f"{different} of {options.times} runs differ from the first")
    return int(different > 0)


def once(folder: Path, select: tuple[str, ...]) -> tuple[Said, str]:
    """One run: its verdicts without reasons, which hold times and numbers, and its line."""
    with reporter() as progress:
        result = run.run(RunOptions(select=select, out=folder, jobs=processors(), seed=1), progress)
    verdicts = result.record.verdicts
    return Counter(
        (v.requirement, str(v.ruling), v.posture, v.account, v.surface) for v in verdicts
    ), result.summary.line


@contextlib.contextmanager
def busy() -> Iterator[None]:
    """A process for each processor that does nothing but count, until the block ends or this process does."""
    program = BUSY.format(parent=os.getpid())
    running = [subprocess.Popen([sys.executable, "-IS", "-c", program]) for _ in range(processors())]
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.repeat")
    parser.add_argument("--times", type=int, default=TIMES)
    parser.add_argument("--select", action="append", metavar="ID|FAMILY")
    parser.add_argument("--out", type=Path, help="keep the reports here")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
