"""What the registry holds, and what follows from it; pure."""

import hashlib
import re
from collections.abc import Iterable
from typing import Final

import msgspec

from arc_core.access import SCOPES, Key, Scope
from arc_core.errors import UsageError

DAY_MS: Final = 24 * 3600 * 1000

ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
ID_ALPHABET: Final = "abcdefghijklmnopqrstuvwxyz0123456789"
ID_LENGTH: Final = 12
SECRET_LENGTH: Final = 40

_DURATION: Final = re.compile(r"(?P<number>[0-9]{1,6})(?P<unit>[smhdw])")
_UNIT_MS: Final = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": DAY_MS, "w": 7 * DAY_MS}


class NewKey(msgspec.Struct, frozen=True):
    """A key that was just made."""

    key: Key
    text: str
    """The whole of it: shown once, stored nowhere."""


class Usage(msgspec.Struct, frozen=True):
    """What a tenant sent in a day."""

    tenant: str
    day: int
    """Days since 1970-01-01 UTC."""
    spans: int
    """Spans, log records and data points."""
    size_bytes: int


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One change to the registry; each is chained to the one before by its hash."""

    number: int
    """1, 2, 3 and so on, without a gap."""
    at_ms: int
    actor: str
    """Who did it: `cli USER`, `key ID` or `operator`."""
    action: str
    """`tenant.create`, `key.revoke` and so on."""
    tenant: str
    subject: str
    """The id of the key or tenant that it was done to."""
    detail: dict[str, object] = {}
    previous: str = ""
    """The hash of the entry before; empty in the first."""
    hash: str = ""
    """SHA-256 over all of the above, in hex."""


def sealed(entry: AuditEntry) -> AuditEntry:
    """`entry` with its hash."""
    bare = msgspec.structs.replace(entry, hash="")
    return msgspec.structs.replace(entry, hash=hashlib.sha256(msgspec.json.encode(bare, order="sorted")).hexdigest())


def broken_link(entries: Iterable[AuditEntry]) -> int | None:
    """The number of the first of `entries`, oldest first, that is missing or was altered; None when there is none."""
    previous = ""
    for number, entry in enumerate(entries, 1):
        if entry.number != number or entry.previous != previous or sealed(entry).hash != entry.hash:
            return number
        previous = entry.hash
    return None


def scopes_of(texts: Iterable[str]) -> frozenset[Scope]:
    """The scopes that `texts` name; raise UsageError for none, or one that there is not."""
    wanted = list(texts)
    for text in wanted:
        if text not in SCOPES:
            raise UsageError(f"scope {text[:100]!r} is none of {', '.join(SCOPES)}")
    if not wanted:
        raise UsageError(f"a key needs a scope: one or more of {', '.join(SCOPES)}")
    return frozenset(scope for scope in SCOPES if scope in wanted)


def duration_ms(text: str, option: str) -> int:
    """The milliseconds in `text`, e.g. `90d`; raise UsageError when it is no duration."""
    found = _DURATION.fullmatch(text)
    if found is None:
        raise UsageError(f"{option} {text[:100]!r} is no duration, for example 12h, 90d or 4w")
    return int(found["number"]) * _UNIT_MS[found["unit"]]


def state_of(key: Key, now_ms: int) -> str:
    """`in force`, `expired` or `revoked`."""
    if key.revoked_ms is not None:
        return "revoked"
    if key.expires_ms is not None and key.expires_ms <= now_ms:
        return "expired"
    return "in force"
