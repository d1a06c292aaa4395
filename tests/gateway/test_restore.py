"""A restore: new files only, each where it belongs, and no name that leads elsewhere."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest
from gateway.keeping import restore
from gateway.refusal import Refusal


def archive(path: Path, members: dict[str, bytes], lie: bool = False) -> str:
    """An archive with its manifest; with ``lie`` the digests are wrong."""
    listed = [{"name": name, "sha256": hashlib.sha256(data + b"!" * lie).hexdigest()} for name, data in members.items()]
    with tarfile.open(path, "w") as made:
        for name, data in {"manifest.json": json.dumps({"members": listed}).encode(), **members}.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(data), 0o600
            made.addfile(member, io.BytesIO(data))
    return str(path)


def config(tmp_path: Path) -> bytes:
    """A small configuration."""
    text = f"state: {{path: {tmp_path}/state/state.db}}\nrun_dir: {tmp_path}/run\nplugin_roots: [{tmp_path}/plugins]\n"
    return text.encode()


def test_every_member_comes_back_where_the_configuration_says(tmp_path: Path) -> None:
    """With its bytes."""
    members = {"config/config.yaml": config(tmp_path), "state/state.db": b"db", "plugins/1/a/entry": b"code"}
    (tmp_path / "etc").mkdir()
    count = restore.restore(archive(tmp_path / "a.tar", members), str(tmp_path / "etc" / "config.yaml"))
    assert count == len(members)
    assert (tmp_path / "state" / "state.db").read_bytes() == b"db"
    assert (tmp_path / "plugins" / "a" / "entry").read_bytes() == b"code"


@pytest.mark.parametrize("name", ["../x", "/etc/x", "config/../../x", "plugins/2/x", "plugins/1", "other/x", "x"])
def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    """The archive may be anybody's."""
    (tmp_path / "etc").mkdir()
    members = {"config/config.yaml": config(tmp_path), name: b"x"}
    with pytest.raises(Refusal):
        restore.restore(archive(tmp_path / "a.tar", members), str(tmp_path / "etc" / "config.yaml"))
    assert not (tmp_path / "x").exists()


def test_what_exists_is_not_replaced(tmp_path: Path) -> None:
    """Not even by the same."""
    (tmp_path / "config.yaml").write_text("old")
    with pytest.raises(Refusal, match="File exists"):
        restore.restore(archive(tmp_path / "a.tar", {"config/config.yaml": b"new"}), str(tmp_path / "config.yaml"))
    assert (tmp_path / "config.yaml").read_text() == "old"


def test_a_member_that_is_not_what_the_manifest_says_is_refused(tmp_path: Path) -> None:
    """A damaged archive is noticed before its file is made."""
    source = archive(tmp_path / "a.tar", {"config/config.yaml": b"new"}, lie=True)
    with pytest.raises(Refusal, match="is not what the manifest says"):
        restore.restore(source, str(tmp_path / "config.yaml"))
    assert not (tmp_path / "config.yaml").exists()
