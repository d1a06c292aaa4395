"""The same verdicts whoever runs beside, with however many workers, and wherever; and a record that holds them."""

from __future__ import annotations

import os
import select
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.engine import running
from tests.engine.running import Done
from wallbite.exits import ExitCode
from wallbite.selftest import small

Wallbite = Callable[..., Done]

SELECTED = ("--select", "WALL-01,DROP-04", "--seed", "7")
PAIRS = int(os.environ.get("WALLBITE_PAIRS", "3"))
MEMORY = 200 << 20


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """A run with nothing beside it, by one worker."""
    folder = tmp_path_factory.mktemp("alone")
    done = running.run(str(small.write(folder)), *SELECTED, "--jobs", "1", folder=folder)
    assert done.code == ExitCode.CONFORMANT, done.error
    assert len(done.verdicts) > 5
    return done


@pytest.mark.parametrize("pair", range(PAIRS))
def test_two_runs_started_together_give_the_verdicts_of_one(tmp_path: Path, alone: Done, pair: int) -> None:
    """WALLBITE_PAIRS says how many pairs."""
    folders = [tmp_path / f"{pair}-{name}" for name in ("one", "two")]
    paths = [small.write(folder) for folder in folders]
    words = [["run", str(path), *SELECTED, "--jobs", "1", "--out", str(path.parent / "out")] for path in paths]
    began = [running.begin(each, folder) for each, folder in zip(words, folders, strict=True)]
    codes = [running.reap(process) for process in began]
    assert codes == [ExitCode.CONFORMANT] * 2, [(folder / "stderr").read_text() for folder in folders]
    for folder in folders:
        assert Done(0, "", "", 0.0, 0, (), folder / "out").verdicts == alone.verdicts


def test_four_workers_give_the_verdicts_of_one(wallbite: Wallbite, alone: Done) -> None:
    """However the cases are shared out."""
    done = wallbite(*SELECTED, "--jobs", "4")
    assert (done.code, done.verdicts) == (alone.code, alone.verdicts)
    assert done.left == ()


@pytest.fixture
def in_memory() -> Iterator[Path]:
    """A folder on a tmpfs."""
    with tempfile.TemporaryDirectory(dir="/dev/shm", prefix="wallbite-test-") as folder:
        yield Path(folder)


def test_a_run_in_a_folder_on_a_tmpfs_is_the_same(in_memory: Path, alone: Done) -> None:
    """Descriptor, working directory and report lie there."""
    done = running.run(str(small.write(in_memory)), *SELECTED, "--jobs", "1", folder=in_memory)
    assert (done.code, done.verdicts) == (alone.code, alone.verdicts)


def test_a_record_verifies_until_one_byte_of_it_is_changed(alone: Done, tmp_path: Path) -> None:
    """Exit 0 as it was written; exit 5 and the line for a byte in any of its lines."""
    lines = (alone.folder / "record.jsonl").read_bytes().splitlines(keepends=True)
    assert verify(alone.folder) == (ExitCode.CONFORMANT, "intact: self-consistent, origin not proven\n")
    folder = tmp_path / "edited"
    folder.mkdir()
    for number, place in enumerate((len(lines) // 2, len(lines) - 1)):
        line = lines[place]
        middle = line.index(b":", len(line) // 2) - 2  # in the name of a member
        edited = [*lines[:place], line[:middle] + bytes([line[middle] ^ 1]) + line[middle + 1 :], *lines[place + 1 :]]
        (folder / "record.jsonl").write_bytes(b"".join(edited))
        code, said = verify(folder)
        assert (number, code) == (number, ExitCode.ALTERED)
        assert said.startswith((f"altered: line {place + 1}: ", f"altered: line {place + 2}: "))


def verify(folder: Path) -> tuple[int, str]:
    """Exit code and output of ``wallbite verify``."""
    done = subprocess.run(running.command(["verify", str(folder)]), capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def test_a_whole_case_of_the_reference_fits_in_memory(tmp_path: Path) -> None:
    """What the harness's processes hold together, while two workers look at every wall of the reference."""
    held: list[int] = []

    def measure(process: subprocess.Popen[bytes]) -> None:
        handle = os.pidfd_open(process.pid)
        while not select.select([handle], [], [], 0.1)[0]:
            held.append(running.proportional(running.of_the_harness(process.pid)))
        os.close(handle)

    words = ("reference", "--posture", "ambient-caps", "--select", "WALL", "--jobs", "2")
    done = running.run(*words, folder=tmp_path, during=measure)
    assert done.code == ExitCode.CONFORMANT, done.out
    assert len(held) > 10
    assert 0 < max(held) < MEMORY
    assert done.left == ()
