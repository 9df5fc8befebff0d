"""Redaction through the shapes that telemetry has: strings, bytes, sequences, mappings, and text known to be clean."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

from arc_runtime.redaction._engine import SHORT, find, find_short, replaced

__all__ = ["Clean", "Tally", "is_clean", "scrub", "scrub_item", "tells"]

_DEEPEST: Final = 32
_UNREADABLE: Final = "<UNREADABLE>"
_UNDER_WAY: Final = object()
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_LONG_NUMBER: Final = 10**11
_TELLING_KEY: Final = re.compile(r"ssn|social|aws|secret|bearer|authorization", re.IGNORECASE)
_LONGEST_KEYED: Final = 256

Tally = Counter[str]
"""How many values of each type were replaced."""


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
_BYTES: Final = (bytes, bytearray)
_KEYED: Final = (str, int)
_UNKEYED: Final = (bool, Clean)


def is_clean(value: object) -> bool:
    """Whether `value` is of numbers and short text without findings, as most attributes are; told ten times faster.

    False says only that `scrub` must look.
    """
    kind = type(value)
    if kind is str:
        return len(value) <= SHORT and _is_clean_short(value)  # type: ignore[arg-type]
    if kind is tuple:
        return all(map(is_clean, value))  # type: ignore[call-overload]
    if kind is int:
        return -_LONG_NUMBER < value < _LONG_NUMBER  # type: ignore[operator]
    return kind is float or kind is bool or value is None


Seen = dict[int, tuple[object, object]]
"""By identity, each container met so far and what became of it; it holds both, so that no identity is used again."""


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
    """`scrub` of a value that has a name: `ssn` or `aws_secret_access_key` says what the digits behind it are."""
    clean = scrub(value, tally, depth=depth, seen=seen)
    if clean is not value or not tells(key) or not isinstance(value, _KEYED) or isinstance(value, _UNKEYED):
        return clean
    text = str(value)
    if len(text) > _LONGEST_KEYED:
        return clean
    head = f"{key}: "
    inside = [finding for finding in find(head + text) if finding.start >= len(head)]
    if not inside:
        return clean
    tally.update(finding.type for finding in inside)
    return replaced(head + text, inside)[len(head) :]


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
    findings = find(text)
    if not findings:
        return text
    tally.update(finding.type for finding in findings)
    return replaced(text, findings)


def _scrub_number(value: int, tally: Tally) -> object:
    if -_LONG_NUMBER < value < _LONG_NUMBER:
        return value
    text = str(value)
    clean = _scrub_text(text, tally)
    return value if clean is text else clean


def _scrub_container(value: Mapping[object, object] | Sequence[object], tally: Tally, depth: int, seen: Seen) -> object:
    known = seen.get(id(value))
    if known is not None:
        return _dropped(tally) if known[1] is _UNDER_WAY else known[1]
    seen[id(value)] = value, _UNDER_WAY
    scrub_inside = _scrub_mapping if isinstance(value, _MAPPINGS) else _scrub_sequence
    clean = scrub_inside(value, tally, depth, seen)  # type: ignore[arg-type]
    seen[id(value)] = value, clean
    return clean


def _scrub_mapping(value: Mapping[object, object], tally: Tally, depth: int, seen: Seen) -> object:
    scrubbed: dict[object, object] = {}
    same = True
    for key, item in value.items():
        clean_key = scrub(key, tally, depth=depth + 1)
        clean = scrub_item(str(key), item, tally, depth=depth + 1, seen=seen)
        same = same and clean_key is key and clean is item
        scrubbed[clean_key] = clean
    return value if same else scrubbed


def _scrub_sequence(value: Sequence[object], tally: Tally, depth: int, seen: Seen) -> object:
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
