"""Attestations: who signed a record can show it, and whoever edits one is found."""

from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from google.protobuf import json_format
from in_toto_attestation.predicates.test_result.v0 import test_result_pb2
from in_toto_attestation.v1 import statement_pb2
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer._key import SSlibKey

from tests.evidence import samples
from tests.evidence.test_reader import rechain
from wallbite.evidence.folder import RECORD
from wallbite.evidence.reader import read
from wallbite.evidence.signing import Signer, key_id, load_public
from wallbite.evidence.verify import State, Verification, hold_against, verify
from wallbite.problems import UsageProblem
from wallbite.reports import attestation


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two pairs of keys, as openssl makes them, and a key of another kind."""
    folder = tmp_path_factory.mktemp("keys")
    for name, kind in (("mine", "ed25519"), ("other", "ed25519"), ("x", "x25519")):
        private = str(folder / f"{name}.pem")
        subprocess.run(["openssl", "genpkey", "-algorithm", kind, "-out", private], check=True, capture_output=True)
        subprocess.run(
            ["openssl", "pkey", "-in", private, "-pubout", "-out", str(folder / f"{name}.pub")],
            check=True,
            capture_output=True,
        )
    return folder


@pytest.fixture
def signed(folder: Path, keys: Path) -> Path:
    """A record's folder with a signed attestation in it."""
    text = attestation.render(read(folder), Signer.load(keys / "mine.pem"))
    (folder / "attestation.json").write_text(text)
    return folder


def held(folder: Path, key: Path) -> Verification:
    """What verifying with a key finds."""
    return hold_against(folder, folder / "attestation.json", key, verify(folder, lambda record: record.verdicts))


def public(path: Path) -> Ed25519PublicKey:
    """A public key."""
    found = load_pem_public_key(path.read_bytes())
    assert isinstance(found, Ed25519PublicKey)
    return found


def statement(envelope: str) -> dict[str, Any]:
    """What an envelope holds."""
    found: dict[str, Any] = json.loads(base64.b64decode(json.loads(envelope)["payload"]))
    return found


def test_another_program_verifies_the_signature(signed: Path, keys: Path) -> None:
    """Another library, securesystemslib, accepts the key that signed, and no other."""
    envelope = Envelope.from_dict(json.loads((signed / "attestation.json").read_text()))
    mine, other = (SSlibKey.from_crypto(public(keys / f"{name}.pub")) for name in ("mine", "other"))
    mine.keyid = key_id(public(keys / "mine.pub"))
    assert envelope.verify([mine], 1) == {mine.keyid: mine}
    with pytest.raises(VerificationError):
        envelope.verify([other], 1)


def test_another_program_reads_the_statement(signed: Path) -> None:
    """in-toto's own definitions of statement and test result, with no field that they do not know."""
    found = statement((signed / "attestation.json").read_text())
    predicate = found["predicate"]
    read_back = json_format.ParseDict(found, statement_pb2.Statement())
    assert read_back.predicate_type == "https://in-toto.io/attestation/test-result/v0.1"
    assert read_back.subject[0].digest["sha256"] == read(signed).digest
    result = json_format.ParseDict(predicate, test_result_pb2.TestResult())
    assert result.result == "FAILED"  # nothing was decided of some of them
    assert list(result.passed_tests) == predicate["passedTests"]
    assert {one.name for one in result.configuration} == {"run", "descriptor", "catalogue", "harness"}


def test_a_waived_failure_is_a_failed_test_of_a_run_with_a_warning(tmp_path: Path) -> None:
    """It counts as conformant, and nobody can take it for a pass."""

    def one(verdict: Any) -> Any:
        return samples.failing(verdict) if verdict.requirement == "WALL-01" else verdict

    record = samples.write(tmp_path / "out", samples.Sample(planted=one, waivers=[samples.borne("WALL-01")]))
    predicate = statement(attestation.render(record))["predicate"]
    assert (predicate["result"], predicate["failedTests"]) == ("WARNED", ["WALL-01"])
    assert {"name": "waivers", "digest": {"sha256": "3a" * 32}} in predicate["configuration"]


def test_with_the_key_a_record_is_unaltered(signed: Path, keys: Path) -> None:
    """That is more than can be said without."""
    assert str(held(signed, keys / "mine.pub")) == "intact: unaltered since the attestation was signed with this key"
    assert str(verify(signed)) == "intact: self-consistent, origin not proven"


def test_an_editor_who_computes_the_chain_anew_is_found(signed: Path, keys: Path) -> None:
    """Self-consistent without the key, altered with it."""
    path = signed / RECORD
    lines = list(map(json.loads, path.read_text().splitlines()))
    lines[0]["title"] = "Another gateway"
    path.write_bytes(rechain(lines))
    assert str(verify(signed)) == "intact: self-consistent, origin not proven"
    found = held(signed, keys / "mine.pub")
    assert found.state is State.ALTERED
    assert "another record" in found.detail


def test_a_record_that_is_broken_stays_broken(signed: Path, keys: Path) -> None:
    """The line is named as without a key."""
    path = signed / RECORD
    path.write_bytes(path.read_bytes().replace(b"as expected", b"as suspected", 1))
    assert (held(signed, keys / "mine.pub").state, held(signed, keys / "mine.pub").line) == (State.ALTERED, 4)


@pytest.mark.parametrize(
    ("name", "detail"),
    [("other", "is not signed by this key"), ("stripped", "is not signed"), ("edited", "by this key")],
)
def test_a_signature_of_somebody_else_vouches_for_nothing(signed: Path, keys: Path, name: str, detail: str) -> None:
    """Another key, none at all, or a statement that was changed under its signature."""
    path = signed / "attestation.json"
    envelope = json.loads(path.read_text())
    if name == "stripped":
        envelope["signatures"] = []
    if name == "edited":
        changed = base64.b64decode(envelope["payload"]).replace(b"FAILED", b"PASSED")
        assert changed != base64.b64decode(envelope["payload"])
        envelope["payload"] = base64.b64encode(changed).decode()
    path.write_text(json.dumps(envelope))
    found = held(signed, keys / ("other.pub" if name == "other" else "mine.pub"))
    assert found.state is State.ALTERED
    assert detail in found.detail


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"payloadType": 1, "payload": "", "signatures": []}', "[" * 9999])
def test_what_is_no_envelope_vouches_for_nothing(signed: Path, keys: Path, text: str) -> None:
    """Whatever lies in its place."""
    (signed / "attestation.json").write_text(text)
    assert held(signed, keys / "mine.pub").state is State.ALTERED


def test_a_statement_about_something_else_vouches_for_nothing(signed: Path, keys: Path) -> None:
    """Signed by the right key, about another file."""
    other = samples.write(signed.parent / "second")
    (signed / "attestation.json").write_text(attestation.render(other, Signer.load(keys / "mine.pem")))
    assert held(signed, keys / "mine.pub").detail == "the attestation vouches for another record than this one"


def test_an_absent_attestation_is_the_users_to_name(folder: Path, keys: Path) -> None:
    """With 2, and never as intact."""
    with pytest.raises(UsageProblem, match=r"no attestation to hold the record against.*--attestation FILE"):
        held(folder, keys / "mine.pub")


@pytest.mark.parametrize("name", ["mine.pub", "x.pem", "absent.pem"])
def test_what_cannot_sign_is_refused(keys: Path, name: str) -> None:
    """A public half, a key of another kind, nothing."""
    with pytest.raises(UsageProblem, match=r"private Ed25519 key|No such file"):
        Signer.load(keys / name)


@pytest.mark.parametrize("name", ["mine.pem", "x.pub"])
def test_what_cannot_verify_is_refused(keys: Path, name: str) -> None:
    """A private half is not to be passed around."""
    with pytest.raises(UsageProblem, match="is no public Ed25519 key"):
        load_public(keys / name)
