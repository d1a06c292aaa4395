"""Answers are fetched from a directory where anyone may put anything, and from logs."""

from __future__ import annotations

import os
import stat
import subprocess
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.probing.conftest import ACCOUNT, PYTHON, SIBLING, Scene
from wallbite.probing.answers import AnswerProblem, parse
from wallbite.probing.inbox import Inbox, await_answers_in_file, await_in_file
from wallbite.probing.plan import Attempt, Plan, plan
from wallbite.probing.run_here import load_probe


def soon() -> float:
    """A deadline that should not be needed."""
    return time.monotonic() + 20


@pytest.fixture
def inbox(scene: Scene) -> Inbox:
    """An inbox that all can put into."""
    made = Inbox(scene.root / "run" / "inbox")
    made.make()
    return made


def asked(inbox: Inbox, nonce: str = "ab12") -> Plan:
    """A plan of one attempt."""
    return plan(nonce, [Attempt("read", "file", path="/etc/passwd")], inbox=str(inbox.path))


def probe(scene: Scene, wanted: Plan, uid: int = ACCOUNT) -> None:
    """Has a uid answer."""
    path = scene.root / "plan"
    path.write_text(wanted.to_json())
    command = [PYTHON, "-I", str(scene.root / "probe.py"), str(path)]
    subprocess.run(command, check=True, user=uid, group=uid, extra_groups=[], cwd="/", umask=0)


def test_anyone_may_put_in_and_only_root_may_look(scene: Scene, inbox: Inbox) -> None:
    """01733: no listing, no removing of others' answers, and nothing there before."""
    assert stat.S_IMODE(inbox.path.stat().st_mode) == 0o1733
    with pytest.raises(FileExistsError):
        inbox.make()
    probe(scene, asked(inbox))
    (answer,) = inbox.path.glob("ab12.*")
    assert stat.S_IMODE(answer.stat().st_mode) == 0o600
    for command in (["ls", str(inbox.path)], ["rm", "-f", str(answer)], ["cat", str(answer)]):
        assert subprocess.run(
            command, user=SIBLING, group=SIBLING, extra_groups=[], capture_output=True, check=False
        ).returncode


def test_answers_come_with_the_uid_that_wrote_them(scene: Scene, inbox: Inbox) -> None:
    """Two accounts answer one plan; the kernel says who is who."""
    wanted = asked(inbox)
    for uid in (ACCOUNT, SIBLING):
        probe(scene, wanted, uid)
    letters = inbox.await_answers("ab12", 2, soon())
    assert {owner for _, owner, _ in letters} == {ACCOUNT, SIBLING}
    for _, owner, data in letters:
        assert parse(data, wanted, owner_uid=owner).who["uids"] == [owner] * 4


def test_an_answer_is_waited_for_and_no_longer_than_the_deadline(scene: Scene, inbox: Inbox) -> None:
    """The wait ends with the answer, not with a turn of a loop; without one it ends with the deadline."""
    begin = time.monotonic()
    assert inbox.await_answers("ab12", 1, begin + 0.2) == []
    assert 0.2 <= time.monotonic() - begin < 2
    later = threading.Timer(0.3, probe, (scene, asked(inbox)))
    later.start()
    assert len(inbox.await_answers("ab12", 1, soon())) == 1
    later.join()


def test_hostile_entries_are_not_read(inbox: Inbox) -> None:
    """Links, hard links, FIFOs, directories, other names and unfinished answers are no answers."""
    secret = inbox.path.parent / "secret"
    secret.write_bytes(b"secret")
    (inbox.path / "ab12.1").symlink_to(secret)
    os.link(secret, inbox.path / "ab12.2")
    os.mkfifo(inbox.path / "ab12.3")
    (inbox.path / "ab12.4").mkdir()
    for name in (".ab12.5", "ab12.6\n", "ab12.x", "ab12.7.8", "xab12.9", "ab12"):
        (inbox.path / name).write_bytes(b"x")
    assert inbox.await_answers("ab12", 1, time.monotonic() + 0.2) == []
    (inbox.path / "ab12.10-1").write_bytes(b"yes")
    assert inbox.await_answers("ab12", 1, soon()) == [("ab12.10-1", 0, b"yes")]


def test_a_flood_is_cut_where_the_parser_notices(inbox: Inbox) -> None:
    """4 MiB and one byte are read of a sparse terabyte."""
    with (inbox.path / "ab12.1").open("wb") as file:
        file.truncate(1 << 40)
    ((_, _, data),) = inbox.await_answers("ab12", 1, soon())
    assert len(data) == (4 << 20) + 1
    with pytest.raises(AnswerProblem, match="larger"):
        parse(data, asked(inbox))


def test_a_name_that_is_taken_loses_no_answer(inbox: Inbox) -> None:
    """Two pid namespaces have the same pids: the later answer takes another name."""
    module, wanted = load_probe(), asked(inbox)
    for _ in range(3):
        module.answer(wanted.to_document())
    names = sorted(name for name, _, _ in inbox.await_answers("ab12", 3, soon()))
    assert names == [f"ab12.{os.getpid()}{turn}" for turn in ("", "-1", "-2")]


def text(inbox: Inbox, nonce: str = "ab12") -> bytes:
    """A real answer."""
    return b"".join(load_probe().answer_lines(asked(inbox, nonce).to_document()))


def test_an_answer_stands_in_a_log_among_other_lines(scene: Scene, inbox: Inbox) -> None:
    """Only from the header with the nonce to its end line is taken."""
    log = scene.root / "log"
    log.write_bytes(b"started\n{}\n" + text(inbox, "ffff") + b"\xff\n" + text(inbox) + b"exited\n")
    found = await_in_file(log, asked(inbox), soon())
    assert found == text_like(found)
    assert parse(found or b"", asked(inbox)).results[0].errno == "OK"


def text_like(found: bytes | None) -> bytes:
    """The answer that begins with a header and ends with an end line."""
    assert found is not None
    assert found.startswith(b'{"schema":"wallbite-answer/1","nonce":"ab12"')
    assert found.splitlines()[-1].startswith(b'{"end":"ab12"')
    return found


def test_a_log_that_comes_late_grows_in_pieces_and_is_replaced(scene: Scene, inbox: Inbox) -> None:
    """The answer is waited for through all of that."""
    log, whole = scene.root / "logs" / "log", text(inbox)
    log.parent.mkdir()

    def writing() -> None:
        log.write_bytes(b"old\n" + whole[:500])
        log.rename(log.with_suffix(".1"))
        with log.open("ab", buffering=0) as file:
            for at in range(0, len(whole), 700):
                file.write(whole[at : at + 700])

    later = threading.Timer(0.2, writing)
    later.start()
    found = await_in_file(log, asked(inbox), soon())
    later.join()
    assert found == whole


def test_several_answers_stand_in_one_log(scene: Scene, inbox: Inbox) -> None:
    """A plan that is run again answers again; both are whole, whatever stands between them."""
    log, whole = scene.root / "log", text(inbox)
    log.write_bytes(b"old\n" + whole + b"between\n" + text(inbox, "ffff") + whole + b"after\n")
    assert await_answers_in_file(log, asked(inbox), 2, soon()) == [whole, whole]
    assert await_answers_in_file(log, asked(inbox), 3, time.monotonic() + 0.05) == [whole, whole]


def test_who_answers_by_a_log_signs_with_an_empty_letter(scene: Scene, inbox: Inbox) -> None:
    """Its owner is the kernel's word; a link, or nothing, is nobody's."""
    path = scene.root / "plan"
    path.write_text(replace(asked(inbox), answer="stdout").to_json())
    command = [PYTHON, "-I", str(scene.root / "probe.py"), str(path)]
    done = subprocess.run(
        command, check=True, user=ACCOUNT, group=ACCOUNT, extra_groups=[], cwd="/", capture_output=True
    )
    pid = parse(done.stdout, asked(inbox)).who["pid"]
    assert inbox.signer("ab12", pid) == ACCOUNT
    assert (inbox.path / f"ab12.{pid}").read_bytes() == b""
    (inbox.path / "ab12.1").symlink_to("/etc/passwd")
    assert (inbox.signer("ab12", 1), inbox.signer("ab12", 2)) == (None, None)


def test_a_log_without_the_answer_ends_with_the_deadline(scene: Scene, inbox: Inbox) -> None:
    """Nothing, half an answer, another's answer, a link: None, in time."""
    log, whole = scene.root / "log", text(inbox)
    for content in (
        b"",
        whole[:-2],
        text(inbox, "ffff"),
        whole.splitlines(keepends=True)[-1],
        b"{" * 100_000 + b"ab12\n",
    ):
        log.write_bytes(content)
        assert await_in_file(log, asked(inbox), time.monotonic() + 0.05) is None
    log.unlink()
    (scene.root / "real").write_bytes(whole)
    log.symlink_to(scene.root / "real")
    assert await_in_file(log, asked(inbox), time.monotonic() + 0.05) is None


def test_a_log_that_is_one_endless_line_stays_bounded(scene: Scene, inbox: Inbox) -> None:
    """Sixty-four megabytes without a newline, then the answer."""
    log = scene.root / "log"
    with log.open("wb") as file:
        file.truncate(64 << 20)
        file.seek(0, os.SEEK_END)
        file.write(b"\n" + text(inbox))
    assert await_in_file(log, asked(inbox), soon()) is not None
    assert Path(log).exists()
