"""Small descriptors, made of the reference's: two accounts, few surfaces, and one thing broken."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import yaml

from wallbite.content import content

FAKES: Final = content("fixtures", "fakes")
ACCOUNTS: Final = ("alpha", "beta")
KEPT: Final = ("age-key", "secret-directory", "account-directory", "plugin-entry", "state-root")
PLUGINS: Final = "/opt/gateway/plugins"
OPEN: Final = {"owner": "root", "mode": "0755"}
WITHIN: Final = 2  # seconds for an answer, and to be ready
MANIFEST: Final = """\
manifest_spec: ductile.plugin
manifest_version: 1
name: probe-{account}
version: 1.0.0
protocol: 2
entrypoint: entry
description: A fake
concurrency_safe: true
commands:
  - {name: handle, type: write}
"""

Document = dict[str, Any]
Change = Callable[[Document, Path], None]


def small() -> Document:
    """The reference with two accounts and one spawn path; no gate, side doors, installer, reload, or backup."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    text = (content("fixtures", "targets") / "reference.yaml").read_text()
    document: Document = yaml.load(text, Loader=loader)  # noqa: S506 - safe, and in C where there is such a one
    document |= {"name": "small", "identities": ["gateway", *ACCOUNTS], "postures": ["ambient-caps"]}
    document["accounts"] = {name: document["accounts"][name] for name in ACCOUNTS}
    document["surfaces"] = {name: document["surfaces"][name] for name in KEPT}
    document["install"] = [step for step in document["install"] if _is_needed(step)]
    _simplify(document["config"]["document"])
    for name in ("gate", "loopback", "residuals", "side-doors", "installer", "ends", "beside"):
        document.pop(name, None)
    for name in ("backup", "backup-to", "backup-scopes", "backup-manifest", "restore", "reload", "rotate"):
        document["gateway"].pop(name)
    document["gateway"]["ready"]["within"] = WITHIN
    spawn = document["spawn"]
    document["spawn"] = {name: spawn[name] for name in ("request", "job", "answer", "plugin", "command", "refusals")}
    document["spawn"] |= {"within": WITHIN, "paths": {"handle": spawn["paths"]["handle"]}}
    return document


def _is_needed(step: Document) -> bool:
    return "carrier" not in step or step["name"] == "probe-{account}"


def _simplify(config: Document) -> None:
    config["plugins"] = {"probe-{account}": config["plugins"]["probe-{account}"]}
    config.pop("hooks")
    config.pop("pipelines")


def write(folder: Path, change: Change | None = None) -> Path:
    """A small descriptor with something changed, in a folder where it finds what it lays down; its path."""
    folder.mkdir(parents=True, exist_ok=True)
    document = small()
    if change:
        change(document, folder)
    path = folder / "small.yaml"
    path.write_text(yaml.safe_dump(document, sort_keys=False))
    return path


def gateway(name: str) -> Change:
    """Another gateway is started in the place of the true one."""

    def change(document: Document, folder: Path) -> None:
        _copy(document, folder, FAKES / "gateways" / f"{name}.py", "serve.py", "/opt/fakes")
        serve = document["gateway"]["serve"]
        document["gateway"]["serve"] = [*serve[:2], "/opt/fakes/serve.py", *serve[3:]]

    return change


def plugin(name: str, alter: str = "") -> Change:
    """Another program is in the place of the probe; ``alter`` names what it does to the true one's answer."""

    def change(document: Document, folder: Path) -> None:
        source = (FAKES / "plugins" / f"{name}.py").read_text()
        beside = {one: (content("probes") / one).read_text() for one in ("probe.py", "plugin.py")}
        folder.joinpath("fake").mkdir()
        head = f"#!{os.path.realpath(sys.executable)}\n"
        for file, text in {"entry": head + source, "alter": alter, **beside}.items():
            (folder / "fake" / file).write_text(text)
        fake(document, [{"copy": str(folder / "fake"), "to": PLUGINS + "/probe-{account}", **OPEN}])

    return change


def interpreter_out_of_reach(document: Document, _folder: Path) -> None:
    """The probe's interpreter lies where no account may go."""
    entry = {"file": PLUGINS + "/probe-{account}/entry", "text": "#!/opt/closed/python\n", **OPEN}
    closed = [
        {"directory": "/opt/closed", "owner": "root", "mode": "0700"},
        {"link": "/opt/closed/python", "to": "/usr/bin/env", "owner": "root"},
    ]
    fake(document, [*closed, entry])


def fake(document: Document, steps: list[Document]) -> None:
    """Lay a plugin by these steps in the place of the probe's carrier."""
    place = next(at for at, step in enumerate(document["install"]) if "carrier" in step)
    manifest = {"file": PLUGINS + "/probe-{account}/manifest.yaml", "text": MANIFEST, "owner": "root", "mode": "0644"}
    document["install"][place : place + 1] = [*steps, manifest]


def account_unknown_to_the_gateway(document: Document, _folder: Path) -> None:
    """A plugin is granted an account that the gateway's configuration does not have."""
    accounts = document["config"]["document"]["accounts"]
    document["config"]["document"]["accounts"] = {"beta": _of(accounts["{account}"], "beta")}


def user_unknown_to_the_system(document: Document, _folder: Path) -> None:
    """The command that is to spawn names a user that nobody has."""
    document["spawn"]["request"] = {"command": ["setpriv", "--reuid", "nobody-at-all", "true"]}
    document["spawn"].pop("job")


def _of(value: Any, account: str) -> Any:
    return {key: text.replace("{account}", account) for key, text in value.items()}


def _copy(document: Document, folder: Path, source: Path, name: str, to: str) -> None:
    (folder / "laid").mkdir()
    shutil.copyfile(source, folder / "laid" / name)
    document["install"].append({"copy": str(folder / "laid"), "to": to, **OPEN})
