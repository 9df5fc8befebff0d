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
NAME_LENGTH: Final = 200
MAX_DURATION_MS: Final = 100 * 366 * DAY_MS
"""A hundred years: times beyond the year 9999 could not be shown."""

_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
"""Control characters (ECMA-48), and bytes of a command line that are no UTF-8."""

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


class AuditHead(msgspec.Struct, frozen=True):
    """Where the audit log ends: kept apart from it, so that it shows when its newest entries were cut off."""

    number: int
    """Of the newest entry; 0 where there is none."""
    hash: str
    """Of the newest entry; empty where there is none."""


def sealed(entry: AuditEntry) -> AuditEntry:
    """`entry` with its hash."""
    bare = msgspec.structs.replace(entry, hash="")
    return msgspec.structs.replace(entry, hash=hashlib.sha256(msgspec.json.encode(bare, order="sorted")).hexdigest())


def broken_link(entries: Iterable[AuditEntry], head: AuditHead) -> int | None:
    """The number of the first of `entries`, oldest first, that is missing or was altered; None when there is none.

    `head` was read before them: there may be newer ones by now, and must be all up to it.
    """
    number, previous = 0, ""
    for number, entry in enumerate(entries, 1):
        is_head_another = number == head.number and entry.hash != head.hash
        if entry.number != number or entry.previous != previous or sealed(entry).hash != entry.hash or is_head_another:
            return number
        previous = entry.hash
    return number + 1 if number < head.number else None


def checked_name(text: str) -> str:
    """`text`, a name for a key or tenant; raise UsageError when it is too long, or would garble a terminal."""
    if len(text) > NAME_LENGTH:
        raise UsageError(f"the name {text[:20]!r}... is longer than {NAME_LENGTH} characters")
    if _CONTROL.search(text):
        raise UsageError(f"the name {text!r} has control characters in it; leave them out")
    return text


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
    told_ms = int(found["number"]) * _UNIT_MS[found["unit"]]
    if told_ms > MAX_DURATION_MS:
        raise UsageError(f"{option} {text!r} is longer than a hundred years")
    return told_ms


def state_of(key: Key, now_ms: int) -> str:
    """`in force`, `expired` or `revoked`."""
    if key.revoked_ms is not None:
        return "revoked"
    if key.expires_ms is not None and key.expires_ms <= now_ms:
        return "expired"
    return "in force"
