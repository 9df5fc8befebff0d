"""Fixes on their way from Arc Core to a process: one bundle of all entries, in an envelope that says who made it.

Source: DSSE v1 (github.com/secure-systems-lab/dsse), envelope and pre-authentication encoding; RFC 8032 for Ed25519.
"""

import base64
import hashlib
from collections.abc import Sequence
from typing import Any, Final, Literal

import msgspec

__all__ = ["PAYLOAD_TYPE", "Bundle", "Envelope", "Signature", "canonical", "pre_authentication", "sealed"]

PAYLOAD_TYPE: Final = "application/vnd.arc.fixes+json"


class Bundle(msgspec.Struct, frozen=True, kw_only=True):
    """All entries of one tenant and environment."""

    schema: Literal[1] = 1
    tenant: str
    env: str = ""
    version: int
    """Only ever rises: to go back is a higher version with what was before."""
    prev_sha256: str = ""
    """Digest of the payload before."""
    created: float
    """When it was made, in seconds since the epoch."""
    expires: float
    """When it is no longer taken, in seconds since the epoch."""
    min_runtime: str = ""
    """The oldest arc-runtime that understands it."""
    mode: Literal["on", "off"] = "on"
    """`off` stops every fix of the process, whatever its origin."""
    keys: Sequence[str] = ()
    """Keys, base64, that may sign from now on beside those that the process was given; empty: no others."""
    fixes: Sequence[Any] = ()
    """Entries, as `arc_runtime.fixes.Entry` has them."""


class Signature(msgspec.Struct, frozen=True):
    """One signature of an envelope."""

    sig: str
    """Base64."""
    keyid: str = ""
    """A hint, never trusted."""


class Envelope(msgspec.Struct, frozen=True, rename={"payload_type": "payloadType"}):
    """A DSSE envelope."""

    payload: str
    """Base64."""
    payload_type: str
    signatures: Sequence[Signature]


def canonical(bundle: Bundle) -> bytes:
    """`bundle` as JSON with sorted keys and no spaces: the same bundle is the same bytes."""
    return msgspec.json.encode(bundle, order="sorted")


def pre_authentication(payload_type: str, payload: bytes) -> bytes:
    """What is signed: type and payload, each with its length."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def sealed(bundle: Bundle, signatures: Sequence[tuple[str, bytes]]) -> tuple[bytes, str]:
    """The envelope of `bundle` with `signatures` (key id, signature) as JSON, and its ETag."""
    payload = canonical(bundle)
    signed = [Signature(base64.b64encode(sig).decode(), keyid) for keyid, sig in signatures]
    envelope = Envelope(base64.b64encode(payload).decode(), PAYLOAD_TYPE, signed)
    return msgspec.json.encode(envelope), f'"{hashlib.sha256(payload).hexdigest()}"'
