"""What a case starts: boots, spawns and commands, written down beside a real case, outside of any measurement.

:func:`count` is what a worker runs once for each case. What it tells is what ``benchmarks/floor.py`` does again.
"""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import json
import sys
import zlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from benchmarks import planting
from wallbite.cases import conduct as cases
from wallbite.cases.code import changing
from wallbite.cases.gate import verbs
from wallbite.cases.scene import Scene
from wallbite.installation import command, talk
from wallbite.installation.gateway import Gateway, read_bounded
from wallbite.installation.installation import Installation, Looked
from wallbite.stages import tracing
from wallbite.stages.launch import Launch

PLAIN: Final = ("cwd", "env", "umask", "user", "group", "extra_groups")  # options of a command that can be told
LAUNCHED: Final = ("uid", "gid", "groups", "env", "cwd")  # of a verb

Emit = Callable[[dict[str, Any]], None]
Step = dict[str, Any]

prepare = cases.prepare


def count(request: dict[str, Any], emit: Emit) -> None:
    """A real case; its only observation is what it started."""
    witness = Witness()
    witness.watch()
    with contextlib.suppress(Exception):  # a case that gives up has started what it has
        cases.conduct(request, lambda _: None)
    emit({"uid_base": request["uid_base"], "steps": witness.steps})


@dataclasses.dataclass
class Witness:
    """Stands for what starts something, notes it, and calls what it stands for.

    Attributes:
        steps: what was started, in order.
        laid: the installation that was laid down last.
        ground: what was there after that, or after the last gateway's end.
    """

    steps: list[Step] = dataclasses.field(default_factory=list)
    laid: Installation | None = None
    ground: Looked = dataclasses.field(default_factory=dict)

    def watch(self) -> None:
        """Note each start, request and command from here on, wherever it is called from."""
        Gateway.start, Gateway.wait = self._started(), self._waited()  # type: ignore[method-assign]  # each calls what it stands for
        Gateway._reap = self._reaped()  # type: ignore[method-assign]  # noqa: SLF001 - every end comes to it
        Installation.lay_down = self._laid()  # type: ignore[method-assign]  # as above: it tells, and calls it
        stand_ins = {talk.ask: self._asked, command.run_bounded: self._bounded, changing.lay_subjects: self._added}
        verbs.trace = self._traced  # type: ignore[attr-defined]  # a gateway under a tracer is a boot, and told as one
        for module in [module for name, module in sys.modules.items() if name.startswith("wallbite.")]:
            for name, value in list(vars(module).items()):
                if callable(value) and getattr(value, "__hash__", None) and value in stand_ins:
                    setattr(module, name, stand_ins[value])

    def _started(self) -> Any:
        start = Gateway.start

        def started(gateway: Gateway, argv: Any = None, by: Any = None, cwd: str = "/") -> None:
            begun = argv or gateway.installation.expanded(list(gateway.installation.target.gateway.serve))
            posture = (gateway.posture or gateway.installation.posture).name
            self.steps.append({
                "do": "boot", "argv": [str(word) for word in begun], "files": _files(gateway.installation),
                "ready": dataclasses.asdict(gateway.ready) if gateway.ready else None,
                "user": gateway.user, "posture": posture, "cwd": cwd, "end": "", "planted": self._planted(),
            })  # fmt: skip
            start(gateway, argv, by, cwd)

        return started

    def _waited(self) -> Any:
        wait = Gateway.wait

        def waited(gateway: Gateway, within: float) -> str:
            boot = next(step for step in reversed(self.steps) if step["do"] == "boot")
            boot["end"] = wait(gateway, within)
            return str(boot["end"])

        return waited

    def _reaped(self) -> Any:
        reap = Gateway._reap  # noqa: SLF001 - as above

        def reaped(gateway: Gateway) -> None:
            reap(gateway)
            self.ground = planting.look(gateway.installation)

        return reaped

    def _planted(self) -> list[planting.Change]:
        """What was changed since the ground was seen."""
        if self.laid is None:
            return []
        before, self.ground = self.ground, planting.look(self.laid)
        return planting.changes(before, self.ground)

    def _laid(self) -> Any:
        lay_down = Installation.lay_down

        def laid(installation: Installation, *given: Any, **options: Any) -> None:
            plugins = options.get("plugins")
            known = {name: value for name, value in installation.values.items() if name.startswith("secret:")}
            self.steps.append({"do": "lay", "plugins": None if plugins is None else sorted(plugins), "secrets": known})
            lay_down(installation, *given, **options)
            self.laid, self.ground = installation, planting.look(installation)

        return laid

    def _asked(self, installation: Any, request: Any, values: Mapping[str, Any], timeout: float = 10.0) -> Any:
        terms = installation.target.spawn
        if terms is None or request not in (terms.request, terms.event):
            return _ask(installation, request, values, timeout)
        told = {name: str(value) for name, value in values.items() if name != "plan"}
        kept = {name: value for name, value in _plan(values).items() if name in ("respond", "first")}
        step = {"do": "spawn" if request == terms.request else "event", "values": told, "plan": kept, "status": 0}
        self.steps.append(step)
        reply = _ask(installation, request, values, timeout)
        step["status"] = reply.status
        return reply

    def _bounded(self, argv: Any, timeout: float, *stdin: Any, **options: Any) -> Any:
        kept = {name: value for name, value in options.items() if name in PLAIN}
        files = _files(self.laid) if self.laid else {}
        self.steps.append({"do": "command", "argv": [str(word) for word in argv], "options": kept, "files": files})
        return _run_bounded(argv, timeout, *stdin, **options)

    def _traced(self, spec: Launch, timeout: float) -> Any:
        kept = {name: getattr(spec, name) for name in LAUNCHED}
        files = _files(self.laid) if self.laid else {}
        found = _trace(spec, timeout)  # what cannot be started is not told
        self.steps.append({
            "do": "verb", "argv": list(spec.argv), "posture": dataclasses.asdict(spec.posture), "options": kept,
            "files": files,
        })  # fmt: skip
        return found

    def _added(self, scene: Scene, subjects: Iterable[changing.Subject]) -> None:
        given = list(subjects)
        self.steps.append({"do": "subjects", "subjects": [dataclasses.asdict(one) for one in given]})
        _lay_subjects(scene, given)


_ask, _run_bounded, _lay_subjects, _trace = talk.ask, command.run_bounded, changing.lay_subjects, tracing.trace


def _files(installation: Installation) -> dict[str, str]:
    """The configuration as it lies there, packed, by its paths; what an account sees of it is not asked."""
    config = installation.target.config
    paths = [str(installation.expanded(one.path)) for one in (config.main, *config.parts)] if config else []
    return {path: base64.b64encode(zlib.compress(read_bounded(path).encode())).decode() for path in paths}


def unpacked(step: Step) -> Step:
    """A step with its files as they were: some are large, and what a worker tells is bounded."""
    files = {path: zlib.decompress(base64.b64decode(text)).decode() for path, text in step.get("files", {}).items()}
    return {**step, "files": files, "planted": [planting.unpacked(one) for one in step.get("planted", ())]}


def _plan(values: Mapping[str, Any]) -> dict[str, Any]:
    """The plan that a request names, or nothing."""
    try:
        found: dict[str, Any] = json.loads(Path(str(values["plan"])).read_text())
    except (OSError, KeyError, ValueError):
        return {}
    return found
