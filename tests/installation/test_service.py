"""What is waited for once a real init has started something."""

import subprocess

import pytest

from wallbite.installation.service import _await_program
from wallbite.stages.launch import LaunchError


def test_a_process_that_executes_the_program_is_not_waited_for() -> None:
    """It is seen at once."""
    with subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE) as process:
        _await_program(process.pid, "/bin/cat")


def test_a_process_that_ended_is_said_to_have_ended() -> None:
    """Not that a file is missing, which would be nobody's fault."""
    process = subprocess.Popen(["/bin/true"])
    process.wait()
    with pytest.raises(LaunchError, match="it ended before it could execute /bin/cat"):
        _await_program(process.pid, "/bin/cat")
