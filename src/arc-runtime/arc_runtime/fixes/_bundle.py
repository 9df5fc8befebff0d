"""Whether a bundle of fixes may be used: looked at from the outside inwards, nothing is read before it is verified."""

import base64
import binascii
import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib.metadata import version as version_of
from typing import Final, NamedTuple

import msgspec
from arc_semconv.bundle import PAYLOAD_TYPE, Bundle, Envelope, pre_authentication
from packaging.version import InvalidVersion, Version

from arc_runtime.errors import ArcError
from arc_runtime.fixes._entry import Entry

__all__ = ["LARGEST", "Accepted", "BundleError", "Verify", "accepted", "entries_of", "verifier"]

LARGEST: Final = 8 * 1024 * 1024
"""Bytes of an envelope; a larger one is not read."""
Verify = Callable[[bytes, bytes, bytes], bool]
"""(public key, signature, message) -> whether the key's owner signed it."""


class BundleError(ArcError):
    """A bundle that is not used; the message says why. What was in force stays so."""


class Accepted(NamedTuple):
    """A bundle that is used."""

    bundle: Bundle
    envelope: bytes
    digest: str
    """Of its payload."""
    is_in_force: bool = True
    """False for one that had expired when the process started: no older one is taken after it."""
    trusted: Sequence[str] = ()
    """The keys that it is trusted by beyond those given to the process; none where it is signed by one of these."""
    chain: tuple[bytes, ...] = ()
    """The envelopes, oldest first, that lead from a key given to the process to `trusted`."""

    @property
    def successors(self) -> tuple[Sequence[str], tuple[bytes, ...]]:
        """`trusted` and `chain` of a bundle that is signed by a key which this one names."""
        if set(self.bundle.keys) == set(self.trusted):
            return self.trusted, self.chain
        return self.bundle.keys, (*self.chain, self.envelope)


def verifier() -> Verify:
    """The check of an Ed25519 signature; BundleError where the library for it is not installed."""
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except ImportError as error:
        raise BundleError("fixes from Arc Core need a library: pip install 'arc-runtime[bundles]'") from error

    def verify(key: bytes, signature: bytes, message: bytes) -> bool:
        try:
            Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True

    return verify


def accepted(  # noqa: PLR0913 - all that decides, so that it is pure
    envelope: bytes,
    *,
    keys: Sequence[str],
    tenant: str | None,
    last: Accepted | None,
    now: float,
    verify: Verify,
) -> Accepted:
    """The bundle in `envelope`, to be used from now on; BundleError where that must not be.

    `keys` are those given to the process; `last` is the bundle before, whose own keys count too. `now` is in seconds
    since the epoch.
    """
    if len(envelope) > LARGEST:
        raise BundleError(f"a bundle of fixes is larger than {LARGEST >> 20} MiB")
    try:
        outer = msgspec.json.decode(envelope, type=Envelope)
        payload = base64.b64decode(outer.payload, validate=True)
        signatures = [base64.b64decode(one.sig, validate=True) for one in outer.signatures]
    except (msgspec.DecodeError, binascii.Error, ValueError, RecursionError) as error:
        raise BundleError(f"a bundle of fixes can't be read: {error}") from error
    signed = pre_authentication(outer.payload_type, payload)
    trusted, chain = ((), ()) if last is None else last.successors
    if outer.payload_type == PAYLOAD_TYPE and _is_signed(keys, signatures, signed, verify):
        trusted, chain = (), ()
    elif outer.payload_type != PAYLOAD_TYPE or not _is_signed(trusted, signatures, signed, verify):
        raise BundleError("a bundle of fixes is not signed by a trusted key")
    try:
        bundle = msgspec.json.decode(payload, type=Bundle)
    except (msgspec.DecodeError, RecursionError) as error:
        raise BundleError(f"a bundle of fixes can't be read: {error}") from error
    _check(bundle, tenant, last, now)
    return Accepted(bundle, envelope, hashlib.sha256(payload).hexdigest(), trusted=trusted, chain=chain)


def _is_signed(trusted: Iterable[str], signatures: Sequence[bytes], signed: bytes, verify: Verify) -> bool:
    for key in trusted:
        try:
            raw = base64.b64decode(key, validate=True)
        except ValueError:
            continue
        if any(verify(raw, signature, signed) for signature in signatures[:8]):
            return True
    return False


def _check(bundle: Bundle, tenant: str | None, last: Accepted | None, now: float) -> None:
    wanted = tenant or (f"{last.bundle.tenant}/{last.bundle.env}" if last else None)
    names = (bundle.tenant, f"{bundle.tenant}/{bundle.env}")
    if wanted is not None and wanted not in names:
        raise BundleError(f"a bundle of fixes is for {names[1]!r}, not {wanted!r}")
    if last is not None and bundle.version < last.bundle.version + last.is_in_force:
        raise BundleError(f"a bundle of fixes has version {bundle.version}; {last.bundle.version} is in force")
    if bundle.expires <= now:
        raise BundleError(f"a bundle of fixes, version {bundle.version}, has expired")
    if bundle.min_runtime:
        try:
            too_old = Version(version_of("arc-runtime")) < Version(bundle.min_runtime)
        except InvalidVersion:
            too_old = True
        if too_old:
            raise BundleError(f"a bundle of fixes needs arc-runtime {bundle.min_runtime}")


def entries_of(bundle: Bundle, warn: Callable[[str], None]) -> Iterator[Entry]:
    """The entries of `bundle` in the form that this version knows; `warn` is told of each of the others."""
    for number, item in enumerate(bundle.fixes):
        try:
            yield msgspec.structs.replace(msgspec.convert(item, Entry), origin="bundle")
        except msgspec.ValidationError as error:
            warn(f"entry {number} of the bundle of fixes is left out: {error}")
