"""A target laid down in a stage: its files, its configuration, and what was there before the gateway touched it."""

from __future__ import annotations

import os
import pickle
import secrets
import stat
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from wallbite.content import content
from wallbite.installation.document import dump, with_value
from wallbite.installation.fault import Fault
from wallbite.installation.identities import Identities
from wallbite.installation.layout import Layout
from wallbite.postures import Posture
from wallbite.stages.credentials import set_file_capabilities
from wallbite.target.endings import Beside
from wallbite.target.model import ConfigFile, Step, Surface, Target
from wallbite.target.placeholders import ACCOUNT, expand

PRIVATE: Final = "/run/wallbite"  # the harness's own place in the stage
PLANS: Final = f"{PRIVATE}/plans"
INBOX: Final = f"{PRIVATE}/inbox"
OUTPUT: Final = f"{PRIVATE}/output"
LOOSE: Final = 0o755  # what a directory of the gateway is loosened to before a boot
_OWN: Final = (PRIVATE, "/opt/wallbite-own", "/opt/wallbite-opened")
# Where a program leaves things behind; a stage begins with these empty, save for what is installed.
_KEPT: Final = ("/dev/shm", "/home", "/opt", "/root", "/run", "/srv", "/tmp", "/var")

Looked = dict[str, os.stat_result]


@dataclass
class Installation:
    """One target in one stage.

    Attributes:
        values: what the descriptor's placeholders stand for.
        config_text: the main configuration as it was written.
        starts: how many processes of the gateway were started in it.
        search: a directory in which the gateway finds programs last; empty: only the system's.
    """

    target: Target
    posture: Posture
    identities: Identities
    fault: Fault | None
    values: dict[str, Any] = field(init=False)
    config_text: str = ""
    starts: int = 0
    search: str = ""

    def __post_init__(self) -> None:
        """Give every placeholder its value; secrets are new each time."""
        self.values = self._values()

    @property
    def interpreter(self) -> str:
        """The Python that every account can reach."""
        return os.path.realpath(sys.executable)

    def lay_down(
        self, document: Mapping[str, Any] | None = None, *, loosen: bool = False, plugins: Collection[str] | None = None
    ) -> None:
        """Lay everything down.

        Args:
            document: the main configuration, instead of the descriptor's.
            loosen: open the gateway's own directories too far, as a careless operator would.
            plugins: the names of the carriers that are needed; None: all.
        """
        steps = self.target.install
        self.lay_steps([one for one in steps if one.kind != "carrier" or plugins is None or one.name in plugins])
        layout = self._layout
        if self.posture.file_capabilities:
            program = str(expand(self.target.gateway.program, self.values))
            set_file_capabilities(program, self.posture.permitted, effective=self.posture.effective != 0)
        for path, changes in self.fault.layout.items() if self.fault else ():
            if "capabilities" in changes:
                set_file_capabilities(path, int(changes["capabilities"], 16), effective=True)
        self.write_config(document)
        for part in self.target.config.parts if self.target.config else ():
            self._write(layout, part, part.expanded(self.values, self._accounts))
        if loosen:
            self._loosen()

    def lay_steps(self, steps: Iterable[Step]) -> None:
        """The harness's own places, and these steps alone."""
        self._lay_private()
        self.lay_more(steps)

    def lay_more(self, steps: Iterable[Step]) -> None:
        """Some steps besides what is there."""
        for step in steps:
            self._layout.lay(step)

    @property
    def _layout(self) -> Layout:
        return Layout(self.identities, self.values, self.fault, self.interpreter)

    def lay_beside(self, beside: Beside) -> None:
        """Lay down what a second instance of the gateway needs."""
        self.lay_more(beside.install)
        self._write(self._layout, beside.config, beside.config.expanded(self.values, self._accounts))

    def write_config(self, document: Mapping[str, Any] | None = None) -> None:
        """Write the main configuration anew: ``document``, or the descriptor's own."""
        if self.target.config is None:
            return
        main = self.target.config.main
        value = self._document if document is None else document
        if self.fault and isinstance(value, Mapping):
            for path, changed in self.fault.config.items():
                value = with_value(value, path, changed)
        Path(main.path).unlink(missing_ok=True)
        self.config_text = self._write(self._layout, main, value)

    def config_document(self) -> dict[str, Any]:
        """The descriptor's main configuration with its placeholders filled in."""
        document: dict[str, Any] = pickle.loads(self._pickled)  # noqa: S301 - our own; each caller may change its copy
        return document

    @cached_property
    def _pickled(self) -> bytes:
        return pickle.dumps(self._document)

    @cached_property
    def _document(self) -> Any:
        """What :meth:`config_document` gives; not to be changed."""
        assert self.target.config is not None
        return self.target.config.main.expanded(self.values, self._accounts)

    def expanded(self, value: Any, **more: Any) -> Any:
        """A nested value of the descriptor with its placeholders filled in."""
        return expand(value, {**self.values, **more}, self._accounts)

    @property
    def _accounts(self) -> Sequence[str]:
        return tuple(self.target.accounts)

    def _values(self) -> dict[str, Any]:
        names = (*self.target.identities, "root")
        values: dict[str, Any] = {f"uid:{name}": self.identities.uid(name) for name in names}
        values |= {f"gid:{name}": self.identities.gid(name) for name in names}
        values |= {f"secret:{name}": secrets.token_hex(24) for name in self.target.secrets}
        values |= {f"state:{account.name}": account.directory for account in self.target.accounts.values()}
        values |= {
            f"plan:{name}": f"{PLANS}/{name}.json" for name in (*self.paths, *self.target.accounts, *self.plugins)
        }
        values |= {"python": self.interpreter, "inbox": INBOX, "probe": f"{PRIVATE}/probe.py"}
        if self.target.config:
            values["config"] = self.target.config.main.path
        values["program"] = expand(self.target.gateway.program, values)
        return values

    @property
    def paths(self) -> tuple[str, ...]:
        """The declared spawn paths."""
        return tuple(self.target.spawn.paths) if self.target.spawn else ()

    @property
    def plugins(self) -> tuple[str, ...]:
        """The plugins that the descriptor makes spawn, each by its name."""
        templates = self.target.spawn.plugins if self.target.spawn else ()
        return tuple(str(expand(name, {ACCOUNT: account})) for name in templates for account in self._accounts)

    def _lay_private(self) -> None:
        for path, mode in ((PRIVATE, 0o755), (PLANS, 0o755), (OUTPUT, 0o700)):
            Path(path).mkdir()
            Path(path).chmod(mode)
        probe = Path(PRIVATE) / "probe.py"
        probe.write_bytes((content("probes") / "probe.py").read_bytes())
        probe.chmod(0o644)

    def _write(self, layout: Layout, file: ConfigFile, value: Any) -> str:
        text = value if isinstance(value, str) else dump(value)
        step = Step("file", file.path, file.owner, file.group, file.mode)
        changes = self.fault.layout.get(file.path, {}) if self.fault else {}
        if "mode" in changes:
            step = Step("file", file.path, file.owner, file.group, int(changes["mode"], 8))
        layout.write(file.path, text.encode(), step, file.mode)
        return text

    def _loosen(self) -> None:
        for step in self.target.install:
            if step.kind == "directory" and step.owner == "gateway" and (step.mode or 0) & 0o077 == 0:
                os.chmod(step.path, LOOSE)

    # What was there, to compare with what is there afterwards.

    def look(self) -> Looked:
        """Every path where something may have been left behind."""
        found: Looked = {}
        elsewhere = {
            step.path for step in self.target.install if not step.path.startswith(tuple(f"{top}/" for top in _KEPT))
        }
        for top in (*_KEPT, *elsewhere):
            found |= look_below(top)
        return found

    def snapshot(self) -> dict[str, tuple[Any, ...]]:
        """Kind, mode, owner, and for files size and time of change, of every such path."""
        return {path: state(found) for path, found in self.look().items()}

    def changed(self, before: Mapping[str, tuple[Any, ...]]) -> list[str]:
        """What differs from an earlier snapshot, sorted; directories only by mode and owner."""
        after = self.snapshot()
        return sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))[:50]

    def account_surfaces(self, account: str) -> list[Surface]:
        """The surfaces that are not the account's own."""
        return [surface for surface in self.target.surfaces if surface.account != account]

    def installed_files(self) -> Iterable[str]:
        """Every path that the descriptor's steps laid down, links not followed."""
        for top in {step.path for step in self.target.install if step.kind not in ("canary", "user")}:
            yield top
            for folder, directories, files in os.walk(top):
                yield from (os.path.join(folder, name) for name in (*directories, *files))


def state(found: os.stat_result) -> tuple[Any, ...]:
    """Kind, mode, owner, and for files size and time of change."""
    content = (found.st_size, found.st_mtime_ns) if stat.S_ISREG(found.st_mode) else ()
    return stat.S_IFMT(found.st_mode), stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid, content


def _is_writable(path: str) -> bool:
    """Whether it lies neither in the harness's own places nor on what the host gave read-only."""
    return path not in _OWN and not os.statvfs(path).f_flag & os.ST_RDONLY


def look_below(top: str) -> Looked:
    """A path, where it is there, and everything below it but what is read-only; links are not followed."""
    found: Looked = {}
    with suppress(OSError):
        found[top] = os.lstat(top)
        _list(top, found)
    return found


def _list(folder: str, found: Looked) -> None:
    """Everything below a directory that is there and is no link; what is gone meanwhile is left out."""
    if not stat.S_ISDIR(found[folder].st_mode):
        return
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(OSError):
                seen = entry.stat(follow_symlinks=False)
                if not stat.S_ISDIR(seen.st_mode):
                    found[entry.path] = seen
                elif _is_writable(entry.path):
                    found[entry.path] = seen
                    _list(entry.path, found)
