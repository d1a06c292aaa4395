"""Descriptors that are wrong: one line that says where, what, and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallbite.documents import parse, read
from wallbite.problems import UsageProblem
from wallbite.target import Target, parse_target

WHOLE = Path(__file__).with_name("whole.yaml")
TEXT = WHOLE.read_text()
OTHER = Path(__file__).with_name("supervisord-like.yaml")


def refusal(text: str) -> UsageProblem:
    """The problem that a descriptor is refused with."""
    with pytest.raises(UsageProblem) as caught:
        parse_target(parse(text.encode(), "t.yaml"))
    assert len(str(caught.value).splitlines()) == 1
    return caught.value


WRONG = [
    ("owner: root, group: gateway", "owner: root, group: gatewya", "expected one of root, gateway, alpha", "'gateway'"),
    ("[gateway, alpha,", "[alpha,", "expected 'gateway' among them", "add it"),
    ("[gateway, alpha,", "[gateway,", "account 'alpha' is no identity; expected one of gateway, beta", "add it"),
    ("  beta: {directory", "  gateway: {directory", "account 'gateway' is not unprivileged", "rename it"),
    (
        "profile: privsep",
        "profile: prvsep",
        'claims.profile is "prvsep"; expected one of privsep, channels',
        "'privsep'",
    ),
    (
        "not-applicable: {}",
        "not-applicable: {FOO-01: x}",
        "FOO-01 is unknown; expected a requirement of one of BOOT",
        "",
    ),
    ("/var/log/gateway, owner", "/var/log/../gateway, owner", "expected a path without", "write /var/gateway"),
    ("/var/log/gateway, owner", "/var/log/gateway/, owner", "expected a path without", "write /var/log/gateway"),
    ("path: /run/gateway,", "path: //run/gateway,", "expected a path without", "write /run/gateway"),
    ("path: /run/gateway,", "path: run/gateway,", "expected an absolute path, such as /etc/gateway", "correct it"),
    ('mode: "0750"', "mode: 0750", "install[1].mode is 0750; expected an octal mode in quotes", 'quotes: "0750"'),
    ('mode: "0750"', 'mode: "0789"', 'install[1].mode is "0789"; expected an octal mode', "correct it"),
    ('"posture enforcing"', '"posture (enforcing"', "expected a regular expression", "unterminated subpattern"),
    ("'{tier}'", "'{teir}'", "unknown placeholder {teir}; expected one of account, door, key, plugin, tier", "brace"),
    (
        '"{uid:{account}}", gid',
        '"{uuid:{account}}", gid',
        "unknown placeholder {uuid:{account}}; expected one of uid:NA",
        "",
    ),
    ("{secret:token}", "{secret:tokken}", "unknown placeholder {secret:tokken}; expected token", "'token'"),
    ("{plan:init}", "{plan:inti}", "unknown placeholder {plan:inti}; expected one of handle, poll", "'init'"),
    (
        'serve: ["{program}"',
        'serve: ["{pogram}"',
        "unknown placeholder {pogram}; expected one of program, config",
        "text",
    ),
    ('serve: ["{program}"', 'serve: ["{account}"', "{account} has no value; expected no {account} here", "put it into"),
    ("name: reference\n      tick", 'name: "{account}"\n      tick', "{account} has no value", "put it into a key"),
    ("reload: {signal: HUP}", "reload: {signal: HUP, command: [x]}", "gateway.reload has signal and command", "keep"),
    ("rotate: {signal: USR1}", "rotate: {signal: SIGUSR1}", "expected one of HUP, INT", "'USR1'"),
    ("rotate: {signal: USR1}", "rotate: {within: 1}", "gateway.rotate has none of its kinds", "keep one"),
    ("gate:\n", "gate:\n  ready: {}\n", "gate.ready is {}; expected {http: URL}", "correct it"),
    ('by: event, event: "ping.{account}"', "by: event", "expected an event", "add 'event: NAME'"),
    ("answer: inbox", "answer: stdout", "expected an answer-file beside it", "add 'answer-file: PATH'"),
    (
        "copy: fixtures/gateway",
        "copy: fixtures/gatway",
        "expected a path beside this file or among Wallbite's",
        "correct",
    ),
    ("  - {directory: /opt/gateway,", "  - {folder: /opt/gateway,", 'unknown key "folder" in install[0]', ""),
    ("  - {directory: /opt/gateway, owner", "  - {owner", "install[0] is ", "correct it"),
    ("identities:", "identites:", 'unknown key "identites"; expected one of schema, name', "'identities'"),
    (
        "schema: wallbite-target/1",
        "schema: wallbite-target/2",
        'schema is "wallbite-target/2"; expected wallbite-tar',
        "",
    ),
    ("jobs: 500", "jobs: 0", "spawn.storm.jobs is 0; expected a number of jobs", "correct it"),
    ("jobs: 500", "jobs: lots", 'spawn.storm.jobs is "lots"; expected a number of jobs', "correct it"),
    (
        "kind: socket",
        "kind: pipe",
        'surfaces.control-socket.kind is "pipe"; expected one of file, directory, socket',
        "",
    ),
    ("  age-key: {path", "  Age-Key: {path", 'surfaces has the key "Age-Key"; expected a surface\'s name', "rename it"),
    ("  default: {directory", "  ../x: {directory", 'accounts has the key "../x"; expected an account', "rename it"),
    ("scratch: [/tmp,", "scratch: [tmp,", 'scratch[0] is "tmp"; expected an absolute path', "correct it"),
    ('url: "http://127.0.0.1:7401", open', 'url: "http://evil.example:80", open', "expected a URL on the loopback", ""),
]


@pytest.mark.parametrize(("before", "after", "what", "remedy"), WRONG, ids=[each[1] for each in WRONG])
def test_a_wrong_descriptor_is_refused_by_line(before: str, after: str, what: str, remedy: str) -> None:
    """File, line, the value, what was expected, and what to do."""
    assert before in TEXT
    at = TEXT.index(before)
    problem = refusal(TEXT.replace(before, after, 1))
    assert what in str(problem)
    assert remedy in problem.remedy
    line = TEXT.count("\n", 0, at) + 1
    if "has no value" not in what:  # it is named where it stands, which is a line further down
        assert abs(int(problem.where.removeprefix("t.yaml:")) - line) <= 2


def test_a_configuration_is_a_document_or_a_text() -> None:
    """Not both, and not none."""
    text = OTHER.read_text()
    both = text.replace("  text: |", "  document: {}\n  text: |", 1)
    assert "config has document and text; expected exactly one of document, text" in str(refusal(both))
    none = "".join(text.partition("  text: |")[:1]) + "secrets:" + text.partition("secrets:")[2]
    assert "config has none of its kinds" in str(refusal(none))


SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=8))
KEYS = st.sampled_from(["name", "path", "mode", "owner", "directory", "{account}", "by", "url", "signal", "x"])
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3))


@given(st.text())
def test_any_text_gives_a_target_or_one_line(text: str) -> None:
    """No other exception."""
    _target_or_line(text.encode("utf-8", "surrogatepass"))


@given(st.data())
def test_any_value_anywhere_gives_a_target_or_one_line(data: st.DataObject) -> None:
    """A sound descriptor with one value replaced by another."""
    import yaml  # noqa: PLC0415 - only to write what is read

    document = read(WHOLE).value
    holder = document
    while True:
        keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        key = data.draw(st.sampled_from(keys))
        if not isinstance(holder[key], (dict, list)) or not holder[key] or data.draw(st.integers(0, 3)) == 0:
            break
        holder = holder[key]
    holder[key] = data.draw(VALUES)
    _target_or_line(yaml.safe_dump(document, sort_keys=False, allow_unicode=True).encode("utf-8", "surrogatepass"))


def _target_or_line(raw: bytes) -> None:
    try:
        assert isinstance(parse_target(parse(raw, "any.yaml")), Target)
    except UsageProblem as problem:
        assert str(problem).isprintable()
        assert problem.where.startswith("any.yaml:")
        assert problem.remedy
