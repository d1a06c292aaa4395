"""A descriptor's plain values, valid by schema and rules, as frozen objects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from wallbite.documents import Document
from wallbite.target.endings import Beside, Ends
from wallbite.target.installing import Installer, Laid
from wallbite.target.library import IDENTITIES, build_library
from wallbite.target.model import Account, Claims, Config, ConfigFile, Image, Step, Surface, Target
from wallbite.target.placeholders import ACCOUNT, expand, expand_text, names_account
from wallbite.target.running import (
    Action,
    Gate,
    GatewayCommands,
    Job,
    JobLog,
    Loopback,
    Need,
    Ready,
    Refusals,
    Request,
    SideDoors,
    Spawn,
    SpawnPath,
    Storm,
    Vault,
)
from wallbite.target.verifying import build_fingerprints

KINDS: Final = ("directory", "interpreter", "copy", "file", "link", "canary", "carrier", "user")

Raw = Mapping[str, Any]


def build(document: Document) -> Target:
    """The target that a valid document describes."""
    raw: Raw = document.value
    accounts = {name: Account(name, each["directory"]) for name, each in raw["accounts"].items()}
    fixed = _fixed(raw)
    return Target(
        name=raw["name"],
        title=raw.get("title", raw["name"]),
        claims=Claims(raw["claims"]["profile"], raw["claims"].get("not-applicable", {})),
        identities=tuple(raw["identities"]),
        accounts=accounts,
        postures=tuple(raw["postures"]),
        gateway=_gateway(raw["gateway"]),
        surfaces=tuple(_surfaces(raw["surfaces"], fixed, tuple(accounts))),
        source=document,
        folder=Path(document.file).absolute().parent,
        secrets=tuple(raw.get("secrets", ())),
        install=tuple(_steps(raw.get("install", ()), fixed, tuple(accounts))),
        config=_config(raw["config"]) if "config" in raw else None,
        gate=_gate(raw["gate"]) if "gate" in raw else None,
        spawn=_spawn(raw["spawn"]) if "spawn" in raw else None,
        fingerprints=build_fingerprints(raw["fingerprints"]) if "fingerprints" in raw else None,
        loopback=_loopback(raw["loopback"]) if "loopback" in raw else None,
        side_doors=SideDoors(**raw["side-doors"]) if "side-doors" in raw else None,
        installer=_installer(raw["installer"], fixed, tuple(accounts)) if "installer" in raw else None,
        ends=_ends(raw["ends"]) if "ends" in raw else None,
        beside=_beside(raw["beside"], fixed) if "beside" in raw else None,
        vault=_vault(raw["vault"]) if "vault" in raw else None,
        image=_image(raw["image"]) if "image" in raw else None,
        scratch=tuple(raw.get("scratch", ())),
        residuals=raw.get("residuals", {}),
    )


def build_called(document: Document) -> Target:
    """The target that a valid document of a library describes: nothing boots, so its gateway has no command."""
    raw: Raw = document.value
    return Target(
        name=raw["name"],
        title=raw.get("title", raw["name"]),
        claims=Claims(raw["claims"]["profile"], raw["claims"].get("not-applicable", {})),
        identities=IDENTITIES,
        accounts={},
        postures=tuple(raw["postures"]),
        gateway=GatewayCommands(program="", serve=(), ready=Ready()),
        surfaces=(),
        source=document,
        folder=Path(document.file).absolute().parent,
        library=build_library(raw),
    )


def _image(raw: Raw) -> Image:
    return Image(**{**raw, "keep": tuple(raw.get("keep", ()))})


def _fixed(raw: Raw) -> dict[str, Any]:
    """The placeholders that a path may hold, which are known before there is a stage."""
    values = {"program": raw["gateway"]["program"]}
    if "config" in raw:
        values["config"] = raw["config"]["path"]
    return values


def _each(value: Any, accounts: Sequence[str]) -> Iterator[dict[str, str]]:
    """The account under which something is made: none, or each in turn."""
    yield from ({ACCOUNT: account} for account in accounts) if names_account(value) else ({},)


def _surfaces(raw: Raw, fixed: Raw, accounts: Sequence[str]) -> Iterator[Surface]:
    for key, each in raw.items():
        for bound in _each([key, each], accounts):
            yield _surface(key, expand(each, {**fixed, **bound}), bound)


def _surface(key: str, each: Raw, bound: Mapping[str, str]) -> Surface:
    account = bound.get(ACCOUNT, "")
    suffix = f":{account}" if account and not names_account(key) else ""
    return Surface(
        name=f"{expand_text(key, bound)}{suffix}",
        role=each.get("role", key),
        path=each["path"],
        class_=each["class"],
        kind=each["kind"],
        owner=each["owner"],
        group=each.get("group", each["owner"]),
        mode=int(each["mode"], 8),
        account=account,
    )


def _steps(raw: Sequence[Raw], fixed: Raw, accounts: Sequence[str]) -> Iterator[Step]:
    for each in raw:
        for bound in _each(each, accounts):
            later = {key: each[key] for key in ("text", "copy") if key in each}  # expanded when they are laid down
            yield _step({**expand({**each, **dict.fromkeys(later, "")}, {**fixed, **bound}), **later}, bound)


def _step(each: Raw, bound: Mapping[str, str]) -> Step:
    kind = next(kind for kind in KINDS if kind in each)
    owner = each.get("owner", "root")
    return Step(
        kind=kind,
        path=each["to"] if kind == "copy" else each[kind],
        owner=owner,
        group=each.get("group", owner),
        mode=int(each["mode"], 8) if "mode" in each else None,
        source=each["copy"] if kind == "copy" else each["to"] if kind == "link" else "",
        text=each.get("text", ""),
        name=each.get("name", ""),
        program=each.get("program", ""),
        account=bound.get(ACCOUNT, ""),
        home=each.get("home", ""),
        groups=tuple(each.get("groups", ())),
    )


def _config(raw: Raw) -> Config:
    return Config(_file(raw), tuple(_file(part) for part in raw.get("parts", ())))


def _file(raw: Raw) -> ConfigFile:
    return ConfigFile(
        path=raw["path"],
        owner=raw["owner"],
        group=raw.get("group", raw["owner"]),
        mode=int(raw["mode"], 8),
        document=raw.get("document"),
        text=raw.get("text", ""),
        each_account=raw.get("each-account", ""),
    )


def _gateway(raw: Raw) -> GatewayCommands:
    return GatewayCommands(
        program=raw["program"],
        serve=tuple(raw["serve"]),
        ready=Ready(**raw["ready"]),
        check=tuple(raw.get("check", ())),
        version=tuple(raw.get("version", ())),
        backup=tuple(raw.get("backup", ())),
        backup_to=raw.get("backup-to", ""),
        seal=tuple(raw.get("seal", ())),
        backup_scopes={name: tuple(roles) for name, roles in raw.get("backup-scopes", {}).items()},
        backup_manifest=raw.get("backup-manifest", {}),
        restore=tuple(raw.get("restore", ())),
        environment=raw.get("environment", {}),
        spared=tuple(raw.get("spared", ())),
        requires=tuple(Need(kind, name) for each in raw.get("requires", ()) for kind, name in each.items()),
        reload=_action(raw.get("reload")),
        rotate=_action(raw.get("rotate")),
        stop=_action(raw.get("stop")) or Action(signal="TERM"),
        log=raw.get("log", ""),
        says=raw.get("says", {}),
    )


def _action(raw: Raw | None) -> Action | None:
    return None if raw is None else Action(**_frozen(raw))


def _gate(raw: Raw) -> Gate:
    return Gate(**{**raw, "ready": Ready(**raw["ready"]) if "ready" in raw else None})


def _request(raw: Raw | None) -> Request | None:
    return None if raw is None else Request(**_frozen(raw))


def _frozen(raw: Raw) -> dict[str, Any]:
    """A mapping whose lists are tuples, and whose keys are Python names."""
    return {
        key.replace("-", "_"): tuple(value) if isinstance(value, list) and key != "body" else value
        for key, value in raw.items()
    }


def _spawn(raw: Raw) -> Spawn:
    names = ("answer", "answer-file", "plugin", "held", "command", "within", "broken")
    rest = {key: raw[key] for key in names if key in raw}
    return Spawn(
        **_frozen(rest),
        request=_request(raw.get("request")),
        event=_request(raw.get("event")),
        job=Job(**_frozen(raw["job"])) if "job" in raw else None,
        logged=JobLog(**raw["logged"]) if "logged" in raw else None,
        paths={name: SpawnPath(name, **each) for name, each in raw.get("paths", {}).items()},
        storm=Storm(**raw["storm"]) if "storm" in raw else None,
        ungranted=raw.get("ungranted", ""),
        refusals=Refusals(**raw["refusals"]) if "refusals" in raw else None,
    )


def _ends(raw: Raw) -> Ends:
    ready = {"second-ready": Ready(**raw["second-ready"])} if "second-ready" in raw else {}
    return Ends(**_frozen({**raw, **ready}))


def _beside(raw: Raw, fixed: Raw) -> Beside:
    return Beside(
        identity=raw["identity"],
        install=tuple(_steps(raw["install"], fixed, ())),
        config=_file(raw["config"]),
        serve=tuple(raw["serve"]),
        ready=Ready(**raw["ready"]),
        request=Request(**_frozen(raw["request"])),
        plugin=raw["plugin"],
        command=raw.get("command", ""),
    )


def _loopback(raw: Raw) -> Loopback:
    return Loopback(**_frozen(raw))


def _installer(raw: Raw, fixed: Raw, accounts: Sequence[str]) -> Installer:
    plain = {key: raw[key] for key in ("unit", "sysusers", "tmpfiles", "lost", "plugins", "accounts", "entry")}
    return Installer(
        **plain,
        needs=tuple(_steps(raw["needs"], fixed, accounts)),
        run=tuple(raw["run"]),
        tree=tuple(_laid(raw["tree"], fixed, accounts)),
        data=tuple(raw["data"]),
    )


def _laid(raw: Sequence[Raw], fixed: Raw, accounts: Sequence[str]) -> Iterator[Laid]:
    for each in raw:
        for bound in _each(each, accounts):
            one = expand(each, {**fixed, **bound})
            owner = one.get("owner", "root")
            yield Laid(**{"kind": "directory", "mode": "0755", **one, "owner": owner, "group": one.get("group", owner)})


def _vault(raw: Raw) -> Vault:
    return Vault(**{**_frozen(raw), "audit": _request(raw.get("audit"))})
