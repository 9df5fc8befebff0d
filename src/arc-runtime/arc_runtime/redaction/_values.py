"""Redaction through the shapes that telemetry has: strings, bytes, sequences, mappings, and text known to be clean."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from arc_runtime.redaction._engine import SHORT, find, find_short, replaced

__all__ = ["Clean", "Tally", "is_clean", "scrub"]

_DEEPEST: Final = 32
_UNREADABLE: Final = "<UNREADABLE>"

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


_HARMLESS: Final = frozenset({int, float, bool, type(None)})


def is_clean(value: object) -> bool:
    """Whether `value` is of numbers and short text without findings, as most attributes are; told ten times faster.

    False says only that `scrub` must look.
    """
    kind = type(value)
    if kind is str:
        return len(value) <= SHORT and not find_short(value)  # type: ignore[arg-type]
    if kind is tuple:
        return all(map(is_clean, value))  # type: ignore[call-overload]
    return kind in _HARMLESS


def scrub(value: object, tally: Tally, *, depth: int = 0) -> object:
    """`value` without personal data and secrets; the very same object when there was none.

    Text inside sequences and mappings (keys too) is scrubbed to a depth of 32, deeper values are dropped. Bytes are
    read as UTF-8; those that are not are dropped. Each replacement is counted in `tally`.
    """
    if isinstance(value, str):
        return _scrub_text(value, tally)
    if value is None or isinstance(value, bool | int | float):
        return value
    if depth >= _DEEPEST:
        tally["UNREADABLE"] += 1
        return _UNREADABLE
    if isinstance(value, Mapping):
        return _scrub_mapping(value, tally, depth)
    if isinstance(value, bytes | bytearray):
        return _scrub_bytes(bytes(value), tally)
    if isinstance(value, Sequence):
        return _scrub_sequence(value, tally, depth)
    tally["UNREADABLE"] += 1
    return _UNREADABLE


def _scrub_text(text: str, tally: Tally) -> str:
    if isinstance(text, Clean):
        tally.update(text.tally)
        return text
    findings = find(text)
    if not findings:
        return text
    tally.update(finding.type for finding in findings)
    return replaced(text, findings)


def _scrub_mapping(value: Mapping[object, object], tally: Tally, depth: int) -> object:
    scrubbed = {scrub(key, tally, depth=depth + 1): scrub(item, tally, depth=depth + 1) for key, item in value.items()}
    same = all(
        old is new
        for pair in zip(value.items(), scrubbed.items(), strict=False)
        for old, new in zip(*pair, strict=True)
    )
    return value if same and len(scrubbed) == len(value) else scrubbed


def _scrub_sequence(value: Sequence[object], tally: Tally, depth: int) -> object:
    scrubbed = [scrub(item, tally, depth=depth + 1) for item in value]
    if all(old is new for old, new in zip(value, scrubbed, strict=True)):
        return value
    return tuple(scrubbed) if isinstance(value, tuple) else scrubbed


def _scrub_bytes(value: bytes, tally: Tally) -> object:
    try:
        text = value.decode()
    except UnicodeDecodeError:
        tally["UNREADABLE"] += 1
        return _UNREADABLE
    clean = _scrub_text(text, tally)
    return value if clean is text else clean.encode()
