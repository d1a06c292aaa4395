"""A gateway that runs under a tracer: every process that it starts is looked at, at its exec and at its exit."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from wallbite.cases.scene import CaseProblem
from wallbite.search import Needle, search_bytes
from wallbite.stages.launch import Launch
from wallbite.stages.tracing import Trace, trace

BOUND: Final = 60.0  # seconds of a gateway's life
_PARTS: Final = ("cmdline", "environ")
_READ: Final = 4 << 20


@dataclass
class Tracer:
    """Starts a gateway as ``Gateway.start`` has it done, in a thread that waits for its end."""

    needles: Sequence[Needle]
    _found: list[Trace] = field(default_factory=list)
    _thread: threading.Thread | None = None
    _problem: str = ""
    _releasing: int = -1

    def start(self, spec: Launch) -> int:
        """Start it; its pid.

        Raises:
            CaseProblem: it did not start.
        """
        reading, writing = os.pipe()
        released, self._releasing = os.pipe()
        first = [True]

        def look(pid: int) -> dict[str, Any]:
            if first[0]:
                first[0] = False
                os.write(writing, f"{pid}\n".encode())
                os.read(released, 1)
            return self.look(pid)

        def follow() -> None:
            try:
                self._found.append(trace(spec, BOUND, look=look, keep=(writing, released)))
            except Exception as error:  # noqa: BLE001 - it is said by whoever waits
                self._problem = f"{type(error).__name__}: {error}"
            finally:
                os.close(writing)
                os.close(released)

        self._thread = threading.Thread(target=follow, name="tracer")
        self._thread.start()
        with os.fdopen(reading, "rb") as stream:
            line = stream.readline()
        if not line:
            os.close(self._releasing)
            self._thread.join()
            raise CaseProblem(f"the gateway did not start under a tracer: {self._problem}")
        return int(line)

    def release(self, pid: int) -> None:  # noqa: ARG002 - there is one
        """Let it run; its tracer waits for that since its exec."""
        os.write(self._releasing, b"!")
        os.close(self._releasing)

    def look(self, pid: int) -> dict[str, Any]:
        """What stands in a process's command line and environment, by needles; and how much there was."""
        parts = [(name, _read(f"/proc/{pid}/{name}")) for name in _PARTS]
        found = search_bytes([(name, data) for name, data in parts if data is not None], self.needles)
        return {
            "hits": sorted({(hit["needle"], hit["where"].split(" ")[0]) for hit in found.hits}),
            "unread": [name for name, data in parts if data is None],
            "size": found.size,
        }

    def result(self) -> Trace:
        """All that was seen; call it when the gateway was ended.

        Raises:
            CaseProblem: the tracer broke.
        """
        assert self._thread is not None
        self._thread.join()
        if not self._found:
            raise CaseProblem(f"the tracer broke: {self._problem}")
        return self._found[0]


def _read(path: str) -> bytes | None:
    try:
        with open(path, "rb") as file:
            return file.read(_READ)
    except OSError:
        return None
