"""Redaction through the shapes that telemetry has: strings, bytes, sequences, mappings, and text known to be clean."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from time import monotonic
from typing import Final

from arc_runtime.redaction._engine import SHORT, find_short
from arc_runtime.redaction._finding import Finding
from arc_runtime.redaction._force import in_force
from arc_runtime.redaction._policy import Policy

__all__ = ["Clean", "Tally", "is_clean", "redact", "scrub", "scrub_item", "tells"]

_DEEPEST: Final = 32
_UNREADABLE: Final = "<UNREADABLE>"
_UNDER_WAY: Final = object()
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_LONG_NUMBER: Final = 10**11
_TELLING_KEY: Final = re.compile(
    r"ssn|social|aws|secret|bearer|authorization|passw|passwd|pwd|passport|licen[cs]e|birth|dob|tax|iban|card|account|phone|mobile|fax|"
    r"token|api.?key|access.?key|private.?key|credential|cookie|national|identit|personal|citizen|patient|cpf|nif|pesel|aadhaar|npi",
    re.IGNORECASE,
)
_BARE: Final = re.compile(r"[A-Za-z]{0,4}[ -]?[0-9][0-9A-Za-z .\-/+()]{4,40}")
_LONGEST_KEYED: Final = 256
_SECONDS: Final = 0.25
"""Longest time that the values of one span, log record or message are read; a 100 KB message takes a hundredth."""
_MOST_READ: Final = 4 * 1024 * 1024
"""Characters of them that are read."""
_FIRST_PART: Final = 16_384
_MOST_AT_ONCE: Final = 262_144
_OVERLAP: Final = 32_768
_CONTEXT: Final = 256
_UNREAD: Final = "<UNREAD>"


class Tally(Counter[str]):
    """How many values of each type were replaced, and how much of a budget is left to go on reading."""

    read = 0
    """Characters read so far."""
    until: float | None = None
    """When reading ends, on `monotonic`; set with the first text."""

    def late(self) -> bool:
        """Whether the time to read in is over."""
        now = monotonic()
        if self.until is None:
            self.until = now + _SECONDS
        return now > self.until

    def room(self, size: int) -> int:
        """How many of the next `size` characters may be read; all the rest is replaced unread."""
        if self.late():
            return 0
        room = min(size, _MOST_READ - self.read)
        self.read += size
        return max(room, 0)


class Clean(str):
    """Text that was redacted when it was captured; `tally` says what was taken out. It is not scanned again."""

    __slots__ = ("tally",)
    tally: Tally

    @classmethod
    def of(cls, text: str, tally: Tally) -> "Clean":
        """`text`, marked as redacted with the outcome `tally`."""
        clean = cls(text)
        clean.tally = tally
        return clean


# Tuples: a union written where it is asked for is made anew each time.
_NUMBERS: Final = (bool, float)
_MAPPINGS: Final = (dict, Mapping)
_CONTAINERS: Final = (dict, Mapping, Sequence)
_LISTS: Final = (list, tuple)
_BYTES: Final = (bytes, bytearray)
_KEYED: Final = (str, int)
_UNKEYED: Final = (bool, Clean)


def redact(text: str, policy: Policy | None = None) -> str:
    """`text` without what `policy` (or the one in force) takes away; the same object when that is nothing."""
    return (policy or in_force()).redact(text)


def is_clean(value: object) -> bool:
    """Whether `value` is of numbers and short text without findings, as most attributes are; told ten times faster.

    False says only that `scrub` must look.
    """
    kind = type(value)
    if kind is str:
        return len(value) <= SHORT and _is_clean_short(value) and in_force().plain  # type: ignore[arg-type]
    if kind is tuple:
        return all(map(is_clean, value))  # type: ignore[call-overload]
    if kind is int:
        return -_LONG_NUMBER < value < _LONG_NUMBER  # type: ignore[operator]
    return kind is float or kind is bool or value is None


Seen = dict[tuple[int, str], tuple[object, object]]
"""By identity and key: each container met so far (held, so that no identity is used again), and what became of it."""


def scrub(value: object, tally: Tally, *, depth: int = 0, seen: Seen | None = None) -> object:
    """`value` without personal data and secrets; the very same object when there was none.

    Text inside sequences and mappings (keys too) is scrubbed to a depth of 32, deeper values are dropped. Bytes are
    read as UTF-8; those that are not are dropped, and what UTF-8 has no form for is replaced in text. Each replacement
    is counted in `tally`. A container that holds itself is dropped inside itself; one that stands in several places is
    scrubbed once.
    """
    if isinstance(value, str):
        return _scrub_text(value, tally)
    if value is None or isinstance(value, _NUMBERS):
        return value
    if isinstance(value, int):
        return _scrub_number(value, tally)
    if depth >= _DEEPEST:
        return _dropped(tally)
    if isinstance(value, _BYTES):
        return _scrub_bytes(bytes(value), tally)
    if isinstance(value, _CONTAINERS):
        return _scrub_container(value, tally, depth, {} if seen is None else seen)
    return _dropped(tally)


def scrub_item(key: str, value: object, tally: Tally, *, depth: int = 0, seen: Seen | None = None) -> object:
    """`scrub` of a value that has a name: `ssn` or `aws_secret_access_key` says what the digits behind it are.

    What the policy drops by its key is None.
    """
    policy = in_force()
    action = policy.action_of(key) if policy.keys else None
    if action is not None:
        return _by_action(policy, value, action, tally)
    if isinstance(value, _KEYED) and not isinstance(value, _UNKEYED):
        text = str(value)
        if len(text) <= _LONGEST_KEYED and (tells(key) or _BARE.fullmatch(text)):
            return _scrub_named(key, value, text, tally)
    if isinstance(value, _LISTS) and depth < _DEEPEST:
        return _scrub_container(value, tally, depth, {} if seen is None else seen, key)
    return scrub(value, tally, depth=depth, seen=seen)


def _scrub_named(key: str, value: str | int, text: str, tally: Tally) -> object:
    """`value`, whose text is `text`, read with its key in front of it, as it would stand in a log line."""
    policy = in_force()
    if policy.level != "off" and tally.late():
        return _unread(tally)
    mark = '"' if isinstance(value, str) else ""
    if not text.isascii():
        text = _SURROGATE.sub("\ufffd", text)
    head = f"{key}: {mark}"
    try:
        findings = policy.find(f"{head}{text}{mark}") if policy.level != "off" else []
    except Exception:  # noqa: BLE001 - fail closed: a rule that raises costs the value that it was to read
        return _dropped(tally)
    inside = [
        one._replace(start=one.start - len(head), end=min(one.end - len(head), len(text)))
        for one in findings
        if one.start >= len(head) and not policy.lets_pass(key, one.type)
    ]
    if not inside:
        return value if text == str(value) else text
    tally.update(one.type for one in inside)
    return policy.replaced(text, inside)


def _by_action(policy: Policy, value: object, action: str, tally: Tally) -> object:
    if action == "keep":
        return value
    tally["DENIED"] += 1
    if action == "drop":
        return None
    text = value if isinstance(value, str) else str(value)
    return policy.replaced(text, [Finding(0, len(text), "DENIED", "key")], action=action)  # type: ignore[arg-type]


@lru_cache(maxsize=1024)
def tells(key: str) -> bool:
    """Whether the name `key` says what a bare value under it is."""
    return _TELLING_KEY.search(key) is not None


@lru_cache(maxsize=2048)
def _is_clean_short(text: str) -> bool:
    return not find_short(text) and (text.isascii() or _SURROGATE.search(text) is None)


def _dropped(tally: Tally) -> str:
    tally["UNREADABLE"] += 1
    return _UNREADABLE


def _scrub_text(text: str, tally: Tally) -> str:
    if isinstance(text, Clean):
        tally.update(text.tally)
        return text
    if not text.isascii() and _SURROGATE.search(text):
        # One such character, as file names bring them, would fail the encoding of a whole batch of spans.
        text = _SURROGATE.sub("\ufffd", text)
    policy = in_force()
    if policy.level == "off":
        return text
    size = len(text)
    if size <= SHORT:
        return _unread(tally) if tally.late() else _scrub_read(policy, text, tally)
    if size <= _OVERLAP:
        return _scrub_read(policy, text, tally) if tally.room(size) == size else _unread(tally)
    return _scrub_long(policy, text, tally)


def _unread(tally: Tally) -> str:
    tally["UNREAD"] += 1
    return _UNREAD


def _scrub_long(policy: Policy, text: str, tally: Tally) -> str:
    """`text` read part by part, as far as the budget goes; parts overlap, so that a value on a border is read whole."""
    pieces: list[str] = []
    at, size = 0, _FIRST_PART
    while at < len(text):
        end = min(at + size, len(text))
        if tally.room(end - at) < end - at:
            pieces.append(_unread(tally))
            break
        begin = max(0, at - _CONTEXT)
        asked = monotonic()
        try:
            findings = policy.find(text[begin : end + _OVERLAP])
        except Exception:  # noqa: BLE001 - fail closed: a rule that raises costs the value that it was to read
            return str(_dropped(tally))
        inside = [
            one._replace(start=one.start - (at - begin), end=one.end - (at - begin))
            for one in findings
            if at - begin <= one.start < end - begin
        ]
        to = max([end, *(at + one.end for one in inside[-1:])])
        pieces.append(policy.replaced(text[at:to], inside))
        tally.update(one.type for one in inside)
        at, size = to, _next_part(size, monotonic() - asked)
    clean = "".join(pieces)
    return text if clean == text else clean


def _next_part(size: int, seconds: float) -> int:
    """How much to read next where `size` took `seconds`: more of prose, little of a text that is all numbers."""
    return min(_MOST_AT_ONCE, max(_FIRST_PART, int(size * _SECONDS / 4 / max(seconds, 1e-6))))


def _scrub_read(policy: Policy, text: str, tally: Tally) -> str:
    try:
        findings = policy.find(text)
        if not findings:
            return text
        clean = policy.replaced(text, findings)
    except Exception:  # noqa: BLE001 - fail closed: a rule that raises costs the value that it was to read
        return str(_dropped(tally))
    tally.update(finding.type for finding in findings)
    return clean


def _scrub_number(value: int, tally: Tally) -> object:
    if -_LONG_NUMBER < value < _LONG_NUMBER:
        return value
    text = str(value)
    clean = _scrub_text(text, tally)
    return value if clean is text else clean


def _scrub_container(
    value: Mapping[object, object] | Sequence[object], tally: Tally, depth: int, seen: Seen, key: str = ""
) -> object:
    """`value` scrubbed; `key` is the name of a list, which says of its items what it says of a single value."""
    known = seen.get((id(value), key))
    if known is not None:
        return _dropped(tally) if known[1] is _UNDER_WAY else known[1]
    seen[id(value), key] = value, _UNDER_WAY
    if isinstance(value, _MAPPINGS):
        clean = _scrub_mapping(value, tally, depth, seen)
    else:
        clean = _scrub_sequence(value, tally, depth, seen, key)
    seen[id(value), key] = value, clean
    return clean


def _scrub_mapping(value: Mapping[object, object], tally: Tally, depth: int, seen: Seen) -> object:
    scrubbed: dict[object, object] = {}
    same = True
    for key, item in value.items():
        clean_key = scrub(key, tally, depth=depth + 1)
        clean = scrub_item(str(key), item, tally, depth=depth + 1, seen=seen)
        if clean is None and item is not None:
            same = False
            continue
        same = same and clean_key is key and clean is item
        scrubbed[clean_key] = clean
    return value if same else scrubbed


def _scrub_sequence(value: Sequence[object], tally: Tally, depth: int, seen: Seen, key: str) -> object:
    if key:
        scrubbed = [scrub_item(key, item, tally, depth=depth + 1, seen=seen) for item in value]
    else:
        scrubbed = [scrub(item, tally, depth=depth + 1, seen=seen) for item in value]
    if all(old is new for old, new in zip(value, scrubbed, strict=True)):
        return value
    return tuple(scrubbed) if isinstance(value, tuple) else scrubbed


def _scrub_bytes(value: bytes, tally: Tally) -> object:
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return _dropped(tally)
    clean = _scrub_text(text, tally)
    return value if clean is text else clean.encode()
