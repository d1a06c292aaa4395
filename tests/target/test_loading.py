"""Targets by name and by path, and descriptors that are wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from wallbite import catalogue
from wallbite.content import content
from wallbite.documents import parse
from wallbite.postures import POSTURES
from wallbite.problems import UsageProblem
from wallbite.target import load, missing, names, parse_target
from wallbite.target.claims import check_claims

WHOLE = Path(__file__).with_name("whole.yaml")
TEXT = WHOLE.read_text()
OTHER = Path(__file__).with_name("supervisord-like.yaml")


@pytest.mark.parametrize("name", names())
def test_every_shipped_target_loads(name: str) -> None:
    """By its name, by its path, and with claims that the catalogue knows."""
    target = load(name)
    assert target == load(content("fixtures", "targets", f"{name}.yaml"))
    check_claims(target, catalogue.load())


def test_a_descriptor_is_read_as_it_is_written() -> None:
    """Surfaces and steps are repeated for each account, modes are numbers, the rest is kept."""
    target = load(WHOLE)
    assert target.postures == tuple(POSTURES)
    assert target.surface("age-key").mode == 0o600
    files = target.with_role("account-file")
    assert [each.name for each in files] == [f"account-file:{name}" for name in target.accounts]
    assert [each.owner for each in files] == [each.account for each in files] == list(target.accounts)
    carriers = [step.name for step in target.install if step.kind == "carrier" and step.name.startswith("probe-")]
    assert carriers == [f"probe-{name}" for name in target.accounts]
    assert target.install[1].group == "gateway"
    assert target.source_of(target.install[2]) == content("fixtures", "gateway")
    assert target.spawn is not None
    assert target.spawn.storm is not None
    assert target.spawn.storm.jobs == 500
    assert target.gateway.backup_to == "/var/backups/gateway/probe.tar"
    assert missing(target) == ""


def test_a_pattern_takes_its_words_literally() -> None:
    """`{tier}` is replaced by text that means itself; a statement that the target never makes has no pattern."""
    gateway = load(WHOLE).gateway
    found = gateway.pattern("missing-tier", tier="a.b")
    assert found is not None
    assert found.search("no account 'a.b'")
    assert not found.search("no account 'axb'")
    assert gateway.pattern("never") is None


def test_a_target_without_a_port_fits_the_model() -> None:
    """Commands, a text configuration, an answer in a file, and nothing else that the reference has."""
    target = load(OTHER)
    assert target.gate is None
    assert target.loopback is None
    assert target.spawn is not None
    assert target.spawn.request is not None
    assert target.spawn.request.command[-1] == "{plugin}"
    assert target.spawn.answer_file == "/var/log/super/{account}.log"
    assert target.gateway.ready.socket == "/run/super.sock"
    assert [surface.name for surface in target.with_role("log-file")] == ["log-alpha", "log-beta"]
    assert target.surface("config-file").path == "/etc/super/super.conf"
    assert target.gateway.stop.signal == "TERM"
    assert [step.text for step in target.install if step.kind == "file"] == ["WHO={account} UID={uid:{account}}\n"] * 2


def test_a_target_without_requests_says_how_its_log_tells_of_jobs() -> None:
    """Its plugins are known by name, so that each has its plan at a place of its own."""
    target = load(OTHER)
    assert target.spawn is not None
    assert target.spawn.job is None
    assert target.spawn.logged is not None
    assert target.spawn.logged.ends == {"failed": "gave up: {plugin}"}
    assert target.spawn.plugins == ("probe-{account}", "held-{account}", "free", "broken-{account}")
    users = [step for step in target.install if step.kind == "user"]
    assert [(step.path, step.home, step.groups) for step in users] == [
        (name, f"/var/lib/super/{name}", ("docker",)) for name in ("alpha", "beta")
    ]


def test_a_log_may_be_renamed_and_then_signalled() -> None:
    """The one thing that is told by a command and by a signal."""
    text = TEXT.replace("rotate: {signal: USR1}", "rotate: {command: [mv, a, b], signal: USR1}")
    rotate = parse_target(parse(text.encode(), "t.yaml")).gateway.rotate
    assert rotate is not None
    assert (rotate.command, rotate.signal) == (("mv", "a", "b"), "USR1")


def test_a_text_configuration_has_a_block_for_each_account() -> None:
    """Braces that are no placeholders stay; doubled ones lose a pair."""
    config = load(OTHER).config
    assert config is not None
    values = {"secret:token": "s", "python": "/py", "probe": "/p.py"}
    values |= {"plan:probe-alpha": "/a.json", "plan:probe-beta": "/b.json"}
    text = config.main.expanded(values, ["alpha", "beta"])
    assert 'username=%(ENV_USER)s {literal} {"json": {"a": 1}}\npassword=s\n' in text
    assert "[program:probe-beta]\ncommand=/py -I /p.py /b.json\nuser=beta\n" in text


def test_what_a_target_needs_and_is_not_there_is_said() -> None:
    """A package that is installed is not mentioned; the others are, with what to do."""
    reason = missing(load(OTHER))
    assert "'supervisor'" not in reason
    assert "'no-such-package' is not installed beside Wallbite; pip install no-such-package" in reason
    assert "'no-such-program' is not on PATH" in reason


def test_a_binary_may_be_named_by_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the variable the target is not provided; with it, that file is what is copied."""
    text = TEXT.replace("copy: fixtures/gateway", 'copy: "{environment:THE_BINARY}"').replace(
        "gateway:\n  program", "gateway:\n  requires: [{environment: THE_BINARY}]\n  program"
    )
    target = parse_target(parse(text.encode(), "t.yaml"))
    assert "THE_BINARY is not set" in missing(target)
    monkeypatch.setenv("THE_BINARY", str(tmp_path / "binary"))
    assert "is not there" in missing(target)
    (tmp_path / "binary").touch()
    assert missing(target) == ""
    assert target.source_of(target.install[2]) == tmp_path / "binary"


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ("refrence", 'unknown target "refrence"; expected '),
        ("zzz", "write one with: wallbite init FILE"),
        ("./absent.yaml", "./absent.yaml: cannot be read: No such file"),
        ("", 'unknown target ""'),
        ("x" * 5000, "write one with"),
        ("a\0b", "write one with"),
        ("a\x1bb", r'unknown target "a\\u001bb"'),
    ],
)
def test_an_unknown_target_is_answered_with_the_known_ones(given: str, line: str) -> None:
    """Names are listed, and the nearest is offered."""
    with pytest.raises(UsageProblem, match=line):
        load(given)


def test_claims_name_requirements_that_exist() -> None:
    """A requirement that its family does not have is refused by line."""
    target = parse_target(parse(TEXT.replace("not-applicable: {}", "not-applicable: {WALL-99: x}").encode(), "t.yaml"))
    with pytest.raises(UsageProblem, match=r"t.yaml:13: unknown requirement 'WALL-99'; expected a requirement of WALL"):
        check_claims(target, catalogue.load())


def test_a_claim_is_found_for_a_requirement_its_parent_or_its_family() -> None:
    """The nearest reason counts."""
    claims = load(OTHER).claims
    assert claims.reason("BOOT-03") == "It has no boot gate."
    assert claims.reason("BACK-01.2") == "It has no backup."
    assert claims.reason("BACK-02") == ""
