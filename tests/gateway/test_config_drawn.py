"""Configurations drawn by Hypothesis: the loader refuses each wrong one by name, and never fails otherwise."""

from __future__ import annotations

import copy
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from gateway import config
from gateway.refusal import Refusal
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

SECONDS = 2.0  # for one document

SOUND: dict[str, Any] = {
    "service": {"name": "drawn", "tick_interval": "50ms", "max_workers": 4, "unconfined": False,
                "plugin_env_passthrough": ["EDITOR"], "admission": {"verify_integrity_on_boot": False}},
    "plugin_roots": ["/opt/drawn/plugins"],
    "state": {"path": "/srv/drawn/state/state.db"},
    "run_dir": "/srv/drawn/run",
    "log": {"path": "/srv/drawn/log/drawn.log"},
    "backup_dir": "/srv/drawn/backups",
    "api": {"enabled": True, "listen": "127.0.0.1:7401",
            "auth": {"tokens": [{"token": "0123456789abcdef", "scopes": ["*"]}]}},
    "secrets": {"age_key_file": "/srv/drawn/secret/age.key", "vault_file": "/srv/drawn/state/vault.age"},
    "accounts": {
        "alpha": {"uid": 61001, "gid": 61001, "state_dir": "/srv/drawn/accounts/alpha"},
        "beta": {"uid": 61002, "gid": 61002, "home": "/home/drawn-beta"},
        "default": {"uid": 61003, "gid": 61003, "state_dir": "/srv/drawn/accounts/default"},
    },
    "plugins": {"one": {"run_as": "alpha", "enabled": True, "timeouts": {"poll": "5s"}, "retry": {"max_attempts": 2},
                        "schedules": [{"command": "poll", "every": "1h", "at_start": True}]},
                "two": {"uses": "one", "run_as": "beta"}},
    "hooks": [{"on": "ping", "plugin": "one"}],
    "pipelines": [{"name": "tour", "on": "tour", "steps": [{"plugin": "one", "command": "handle"}, {"plugin": "two"}]}],
}  # fmt: skip


def drawn(count: int) -> settings:
    """So many draws; those of all tests here are over a thousand."""
    return settings(max_examples=count, database=None, deadline=None, suppress_health_check=list(HealthCheck))


def load(text: bytes) -> config.Config:
    """Load a document from a file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "config.yaml")
        path.write_bytes(text)
        return config.load(str(path))


def refusal(document: Mapping[str, Any]) -> str:
    """What a document is refused with."""
    began = time.process_time()
    with pytest.raises(Refusal) as caught:
        load(yaml.safe_dump(document, sort_keys=False).encode())
    assert time.process_time() - began < SECONDS
    return str(caught.value)


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Every value below a mapping that is none itself, with its path."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in pairs:
        yield from leaves(inner, (*path, key)) if isinstance(inner, dict | list) else ((((*path, key), inner)),)


def changed(path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """The sound document with another value at a path."""
    document = copy.deepcopy(SOUND)
    inner: Any = document
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return document


LEAVES = list(leaves(SOUND))
FINITE = st.floats(allow_nan=False, allow_infinity=False)  # the spelling .inf is text to it
OTHER = st.one_of(st.none(), st.booleans(), st.integers(), FINITE, st.just([]), st.just({}))
WRONG_IDS = st.one_of(
    st.integers(max_value=0), st.integers(min_value=2**31), st.floats(allow_nan=False), st.text(), st.booleans(),
    st.none(), st.just([]), st.sampled_from([61002, 61003, os.getgid() or 0, 2**31, 2**32, 2**33]),
)  # fmt: skip
OUTSIDE: st.SearchStrategy[Any] = st.sampled_from(
    ["", "/", "/etc", "/usr/lib", "/home", "/srv/drawn", "/srv/drawn/accounts", "/srv/drawn/accounts/default",
     "/srv/drawn/accounts/default/x", "/srv/drawn/state", "/srv/drawn/run/x", "/home/drawn-beta/x", "/opt/drawn",
     "relative", "./x", "/srv/../etc", "/srv//x", "/srv/x/", "~", 7, None, True, []]
)  # fmt: skip


def test_the_sound_document_is_accepted() -> None:
    """The control: what each drawn one was made from."""
    assert set(load(yaml.safe_dump(SOUND).encode()).accounts) == {"alpha", "beta", "default"}


@drawn(400)
@given(st.sampled_from(["uid", "gid"]), WRONG_IDS)
def test_wrong_ids_are_refused_by_name(key: str, value: Any) -> None:
    """Whatever is no integer in 1..2^31-1, or is somebody else's."""
    said = refusal(changed(("accounts", "alpha", key), value))
    assert key in said
    assert any(name in said for name in ("alpha", "beta", "default"))


@drawn(100)
@given(OUTSIDE)
def test_wrong_directories_are_refused_by_name(value: Any) -> None:
    """Not absolute, not plain, shared, nested, or the system's."""
    assert "accounts." in refusal(changed(("accounts", "alpha", "state_dir"), value))


@drawn(400)
@given(st.sampled_from(LEAVES), OTHER)
@example((("service", "name"), "drawn"), 0.00046583746731713435)  # once read as text: it has twenty decimals
def test_values_of_a_wrong_type_are_refused_by_name(place: tuple[tuple[Any, ...], Any], value: Any) -> None:
    """At every documented key."""
    path, old = place
    if type(value) is not type(old):
        assert str([key for key in path if isinstance(key, str)][-1]) in refusal(changed(path, value))


@drawn(300)
@given(st.integers(0, 5000), st.binary(min_size=1, max_size=40), st.booleans())
def test_broken_bytes_are_refused_or_read(at: int, bytes_: bytes, insert: bool) -> None:
    """Bytes put into a sound file, or over it: a refusal of one line or a configuration, in time, and nothing else."""
    text = yaml.safe_dump(SOUND, sort_keys=False).encode()
    at %= len(text)
    began = time.process_time()
    try:
        load(text[:at] + bytes_ + text[at if insert else at + len(bytes_) :])
    except Refusal as refusal_:
        assert str(refusal_)
    assert time.process_time() - began < SECONDS
