"""Signatures over a record's attestation: Ed25519 keys in PEM, and DSSE envelopes (protocol v1.0).

A key's id is the SHA-256 of its public half, as DER, in hex. An id is a hint and proves nothing: a signature does.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from wallbite.documents import printable, read_bytes
from wallbite.problems import UsageProblem

PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
LARGEST: Final = 16 << 20  # bytes of an envelope
_MAKE: Final = "make one: openssl genpkey -algorithm ed25519"
_HALF: Final = "take its public half: openssl pkey -in KEY -pubout"


@dataclass(frozen=True, slots=True)
class Signer:
    """An Ed25519 key of the user's."""

    key: Ed25519PrivateKey

    @classmethod
    def load(cls, path: Path) -> Signer:
        """The private key of a PEM file without a passphrase.

        Raises:
            UsageProblem: it is none.
        """
        try:
            key = serialization.load_pem_private_key(read_bytes(path), None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise _no_key(path, "private", _MAKE) from None
        if not isinstance(key, Ed25519PrivateKey):
            raise _no_key(path, "private", _MAKE)
        return cls(key)

    def sign(self, message: bytes) -> dict[str, str]:
        """A signature as an envelope holds it."""
        return {"keyid": key_id(self.key.public_key()), "sig": base64.b64encode(self.key.sign(message)).decode()}


class EnvelopeProblem(Exception):
    """Why an envelope vouches for nothing."""


def load_public(path: Path) -> Ed25519PublicKey:
    """The public key of a PEM file.

    Raises:
        UsageProblem: it is none.
    """
    try:
        key = serialization.load_pem_public_key(read_bytes(path))
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise _no_key(path, "public", _HALF) from None
    if not isinstance(key, Ed25519PublicKey):
        raise _no_key(path, "public", _HALF)
    return key


def opened(envelope: bytes, key: Ed25519PublicKey) -> Any:
    """The statement of an envelope that a key has signed.

    Raises:
        EnvelopeProblem: it is no envelope of an in-toto statement, or the key has not signed it.
    """
    try:
        value = json.loads(envelope)
        kind, payload = value["payloadType"], base64.b64decode(value["payload"], validate=True)
        signatures = [base64.b64decode(one["sig"], validate=True) for one in value["signatures"]]
    except (ValueError, KeyError, TypeError, binascii.Error, RecursionError) as error:
        raise EnvelopeProblem(f"is no DSSE envelope: {type(error).__name__}") from None
    if kind != PAYLOAD_TYPE:
        raise EnvelopeProblem(f"is of the type {printable(str(kind))}, not {PAYLOAD_TYPE}")
    if not signatures:
        raise EnvelopeProblem("is not signed")
    if not any(_signed(key, one, encoded(kind, payload)) for one in signatures):
        raise EnvelopeProblem("is not signed by this key")
    try:
        return json.loads(payload)
    except (ValueError, RecursionError):
        raise EnvelopeProblem("holds no JSON") from None


def encoded(kind: str, payload: bytes) -> bytes:
    """What is signed: type and payload with their lengths (DSSE's pre-authentication encoding)."""
    name = kind.encode()
    return b"DSSEv1 %d %s %d %s" % (len(name), name, len(payload), payload)


def key_id(key: Ed25519PublicKey) -> str:
    """SHA-256 of a public key, as DER, in hex."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return hashlib.sha256(key.public_bytes(serialization.Encoding.DER, form)).hexdigest()


def _signed(key: Ed25519PublicKey, signature: bytes, message: bytes) -> bool:
    try:
        key.verify(signature, message)
    except InvalidSignature:
        return False
    return True


def _no_key(path: Path, half: str, remedy: str) -> UsageProblem:
    file = printable(str(path))
    return UsageProblem(f"is no {half} Ed25519 key", file, "PEM, without a passphrase", remedy)
