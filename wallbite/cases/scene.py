"""The scene of a case: one stage, one installation, and the way in which what is seen becomes observations."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from wallbite.cases.truth import Neighbour
from wallbite.installation.fault import Fault
from wallbite.installation.gateway import Gateway
from wallbite.installation.identities import GATEWAY, Identities
from wallbite.installation.installation import INBOX, PLANS, Installation
from wallbite.installation.service import Service, service_of
from wallbite.postures import POSTURES, Posture
from wallbite.probing.inbox import Inbox
from wallbite.probing.plan import Plan
from wallbite.probing.shapes import AnswerProblem
from wallbite.probing.storm import parse_storm
from wallbite.target import Ready
from wallbite.target.model import Target

EXTRA: Final = ("extra-one", "extra-two")  # supplementary groups that the gateway is started with
IGNORED: Final = (signal.SIGUSR2, signal.SIGALRM)  # one that many programs set anew, and one that few do


class CaseProblem(Exception):
    """Why a case can go no further; its verdicts are then inconclusive for this reason."""


def _identity(data: bytes, owner: int) -> dict[str, Any]:
    try:
        who = parse_storm(data, owner)
    except AnswerProblem as problem:
        return {"uids": [], "gids": [], "file_uid": owner, "problem": str(problem)}
    return {"uids": who["uids"], "gids": who["gids"], "file_uid": owner}


@dataclass
class Scene:
    """One case being done.

    Attributes:
        case, kind, params: of the request.
        tables: the policy tables.
        emit_raw: takes an observation as JSON values.
        service: the target's unit where a real init starts it.
        asked: when each plan was handed over, by its nonce; ``refused``: what a failing request said, likewise.
        silent: the accounts whose probe let the time run out or never answers, and why.
        unanswered: how many errands of each account had no answer.
    """

    case: str
    kind: str
    params: Mapping[str, Any]
    target: Target
    posture: Posture
    identities: Identities
    fault: Fault | None
    tables: Mapping[str, Any]
    emit_raw: Callable[[dict[str, Any]], None]
    installation: Installation
    service: Service | None = None
    inbox: Inbox = field(default_factory=lambda: Inbox(Path(INBOX)))
    asked: dict[str, float] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    silent: dict[str, str] = field(default_factory=dict)
    unanswered: Counter[str] = field(default_factory=Counter)
    _inherited: list[int] = field(default_factory=list)

    @classmethod
    def of(cls, request: Mapping[str, Any], context: Any, emit: Callable[[dict[str, Any]], None]) -> Scene:
        """The scene of one request to a worker."""
        posture = POSTURES[request["posture"]]
        identities = Identities.of(request["uid_base"] + context.uids, context.target.identities, posture)
        return cls(
            request["case"],
            request["kind"],
            request["params"],
            context.target,
            posture,
            identities,
            context.fault,
            context.tables,
            emit,
            Installation(context.target, posture, identities, context.fault),
            service_of(context.target) if request["stage"].get("init") else None,
        )

    # Observations.

    def emit(
        self,
        operation: str,
        object_: str,
        *,
        account: str,
        vantage: str,
        step: str = "",
        layout: str = "laid",
        errno: str | None = None,
        seen: Mapping[str, Any] | None = None,
    ) -> None:
        """Give one observation to the harness."""
        self.emit_raw(
            {
                "case": self.case,
                "kind": self.kind,
                "posture": self.posture.name,
                "vantage": vantage,
                "account": account,
                "step": step or self.kind,
                "operation": operation,
                "object": object_,
                "layout": layout,
                "errno": errno,
                "seen": dict(seen or {}),
            }
        )

    def note(self, operation: str, object_: str, errno: Any = None, **seen: Any) -> None:
        """An observation that root of the harness made."""
        self.emit(operation, object_, account="root", vantage="harness", errno=errno, seen=seen)

    # What there is.

    @cached_property
    def neighbour(self) -> Neighbour:
        """The file that shows whether a probe speaks the truth."""
        return Neighbour.lay()

    @property
    def gateway_ids(self) -> dict[str, int]:
        """The gateway's own ids."""
        return {"uid": self.identities.uid(GATEWAY), "gid": self.identities.gid(GATEWAY)}

    def ids(self, account: str) -> dict[str, Any]:
        """What an account's identity must be; nobody's without an account."""
        if not account:
            return {"uid": None, "gid": None, "directory": ""}
        return {
            "uid": self.identities.uid(account),
            "gid": self.identities.gid(account),
            "directory": self.target.accounts[account].directory if account in self.target.accounts else "",
        }

    def account_of(self, uid: int) -> str:
        """The identity with this uid, or a word that says that there is none."""
        if uid == 0:
            return "root"
        return next((name for name in self.identities.names if self.identities.uid(name) == uid), f"uid {uid}")

    # Making it.

    def lay_down(
        self, document: Mapping[str, Any] | None = None, *, loosen: bool = False, plugins: Collection[str] | None = None
    ) -> Installation:
        """The target, laid down in this stage, with the inbox beside it. ``plugins``: only these; None: all."""
        self.installation.lay_down(document, loosen=loosen, plugins=plugins)
        self.inbox.make()
        return self.installation

    def verb(self) -> Gateway:
        """A command of the gateway's program, started as by hand: init starts what serves, not what ends by itself."""
        return Gateway(self.installation)

    def gateway(self, *, deny: Any = None, burdened: bool = True, ready: Ready | None = None) -> Gateway:
        """A gateway, started with groups, descriptors and ignored signals that its children must not have."""
        groups = tuple(self.identities.gid(name) for name in EXTRA if name in self.identities.names) if burdened else ()
        burden = tuple(self._burden()) if burdened else ()
        ignored = IGNORED if burdened else ()
        through = self.service
        return Gateway(self.installation, groups, burden, deny, ready, ignored=ignored, through=through)

    def boot(self, gateway: Gateway, within: float | None = None, **how: Any) -> None:
        """Start it (``how``: as `Gateway.start` takes it) and wait until it is ready.

        Raises:
            CaseProblem: it did not come up, or not in its posture.
        """
        gateway.start(**how)
        if reason := self.oracle(gateway):
            raise CaseProblem(reason)
        ended = gateway.wait(within or self.target.gateway.ready.within)
        if ended == "exited":
            raise CaseProblem(f"the gateway ended at boot with {gateway.exit_status}: {gateway.tail()}")
        if ended == "timeout":
            raise CaseProblem(f"the gateway was not ready after {gateway.seconds:.1f} s: {gateway.tail()}")
        self.emit("posture", "gateway", account=GATEWAY, vantage="harness", step="boot", seen=gateway.facts)

    def oracle(self, gateway: Gateway) -> str:
        """How the gateway's process differs from its posture, as the kernel says; or nothing."""
        seen, posture = gateway.credentials, self.posture
        if seen is None:
            return "the gateway's credentials could not be read"
        sets = ("permitted", "effective", "inheritable", "ambient")
        wrong = [f"{name} {getattr(seen, name):x}" for name in sets if getattr(seen, name) != getattr(posture, name)]
        if set(seen.uids) != {self.gateway_ids["uid"]}:
            wrong.append(f"uids {seen.uids}")
        return f"the gateway is not in posture {posture.name}: {', '.join(wrong)}" if wrong else ""

    def _burden(self) -> list[int]:
        """A file, a directory and a socket, open and without close-on-exec in the gateway."""
        if not self._inherited:
            self._inherited = [
                os.open("/etc/hostname", os.O_RDONLY)
                if os.path.exists("/etc/hostname")
                else os.open("/etc/passwd", os.O_RDONLY),
                os.open("/etc", os.O_RDONLY | os.O_DIRECTORY),
                socket.socket(socket.AF_UNIX).detach(),
            ]
        return self._inherited

    # Plans.

    def witness(self, within: float) -> list[dict[str, Any]]:
        """Who the plugins were that came up with the gateway (the light program); waits for the first."""
        letters = self.inbox.await_storm(1, time.monotonic() + within)
        return [_identity(data, owner) for _, owner, data in letters]

    def write_plan(self, name: str, plan: Plan) -> str:
        """Lay a plan where every account can read it; its path.

        Raises:
            CaseProblem: there is no room for it: what was spawned before has filled the stage.
        """
        path = Path(PLANS) / f"{name}.json"
        path.unlink(missing_ok=True)
        try:
            path.write_text(plan.to_json())
        except OSError as error:
            raise CaseProblem(f"no plan can be laid in the stage: {error.strerror}") from error
        path.chmod(0o644)
        return str(path)

    def account_entries(self, names: Iterable[str]) -> dict[str, Any]:
        """The configuration's entries for some accounts, as the descriptor's configuration has them."""
        assert self.target.config is not None
        assert self.target.gate is not None
        entries: Any = self.installation.config_document()
        for key in self.target.gate.accounts.split("."):
            entries = entries[key]
        return {name: entries[name] for name in names}

    @property
    def accounts(self) -> Sequence[str]:
        """The target's accounts."""
        return tuple(self.target.accounts)
