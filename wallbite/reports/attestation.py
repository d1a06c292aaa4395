"""The record as an attestation: an in-toto statement (test-result v0.1) about its digest, in a DSSE envelope.

Signed with an Ed25519 key of the user's it proves who vouches for the record; without a key the envelope has no
signature, and proves nothing. Names are those of requirements. What fails is among the failed ones, waived or not; what
could not be decided is among the warned ones. The result is FAILED unless the run's exit code is 0; WARNED where
something of a conformant run is not as it should be: a waived failure, a SHOULD.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any, Final

from wallbite.evidence.canonical import canonical
from wallbite.evidence.folder import RECORD
from wallbite.evidence.model import Record
from wallbite.evidence.signing import PAYLOAD_TYPE, Signer, encoded
from wallbite.evidence.summary import Summary, summary_of
from wallbite.reports.text import inert, label
from wallbite.reports.totals import totals
from wallbite.verdict import Outcome, Ruling

STATEMENT: Final = "https://in-toto.io/Statement/v1"
PREDICATE: Final = "https://in-toto.io/attestation/test-result/v0.1"


def render(record: Record, signer: Signer | None = None) -> str:
    """The envelope; without a signer it has no signature."""
    payload = canonical(statement(record))
    signatures = [] if signer is None else [signer.sign(encoded(PAYLOAD_TYPE, payload))]
    envelope = {
        "payloadType": PAYLOAD_TYPE,
        "payload": base64.b64encode(payload).decode(),
        "signatures": signatures,
    }
    return json.dumps(envelope, indent=1) + "\n"


def statement(record: Record) -> dict[str, Any]:
    """What is vouched for."""
    summary = summary_of(record)
    return {
        "_type": STATEMENT,
        "subject": [{"name": RECORD, "digest": {"sha256": record.digest}}],
        "predicateType": PREDICATE,
        "predicate": {
            "result": _result(summary),
            "configuration": list(_configuration(record, summary)),
            "passedTests": _named(summary, Ruling.PASS),
            "warnedTests": _named(summary, Ruling.INCONCLUSIVE),
            "failedTests": _named(summary, Ruling.FAIL),
        },
    }


def _result(summary: Summary) -> str:
    if summary.outcome is not Outcome.CONFORMANT:
        return "FAILED"
    clean = all(item.ruling in {Ruling.PASS, Ruling.NOT_APPLICABLE} for item in summary.requirements)
    return "PASSED" if clean else "WARNED"


def _named(summary: Summary, ruling: Ruling) -> list[str]:
    return [inert(item.id) for item in summary.requirements if item.ruling is ruling]


def _configuration(record: Record, summary: Summary) -> Iterator[dict[str, Any]]:
    """What the result depends on."""
    header = record.header
    counted = {name: str(number) for name, number in totals(summary).items()}
    about = {
        "outcome": str(summary.outcome),
        "target": label(header.target),
        "stage": label(header.stage),
        "fault": label(header.fault or "none"),
        "seed": str(header.seed),
        "self-test": inert(record.footer.self_test),
        "started": inert(header.started),
        "finished": inert(record.footer.finished),
    }
    yield {"name": "run", "annotations": {**about, **counted}}
    yield {"name": "descriptor", "digest": {"sha256": inert(header.descriptor_digest)}}
    yield {"name": "catalogue", "digest": {"sha256": header.catalogue_digest}}
    if header.waivers_digest:
        yield {"name": "waivers", "digest": {"sha256": inert(header.waivers_digest)}}
    yield {"name": "harness", "annotations": {"version": inert(header.harness)}}
