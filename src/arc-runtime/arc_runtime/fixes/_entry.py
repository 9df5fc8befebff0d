"""An entry: pattern, fix, and where it comes from."""

import hashlib
from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

import msgspec

from arc_runtime.errors import PatternError
from arc_runtime.fixes._changes import Step, parse_fix
from arc_runtime.fixes._pattern import Pattern, parse_pattern

__all__ = ["Compiled", "Entry", "compiled"]


_STATES: Final = ("on", "shadow", "off")


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is recognised and mended; data, as it stands in a file or a bundle."""

    id: str
    pattern: Mapping[str, object]
    fix: Mapping[str, object]
    origin: Literal["user", "catalogue", "learned"] = "user"
    level: Literal["safe", "ask", "alert"] = "safe"
    """`safe` is applied by default, `ask` when the user's settings allow it, `alert` is only reported."""
    state: Literal["shadow", "on", "off"] = "on"
    """`shadow` records what would change and changes nothing."""
    priority: int = 0
    """Higher goes first; then the entry with more conditions; then the lower id."""
    reason: str = ""
    """Why, for the person who reads the span."""

    @classmethod
    def of(cls, pattern: Mapping[str, object], fix: Mapping[str, object]) -> "Entry":
        """An entry of the user's own, with an id made of its content."""
        content = hashlib.sha256(repr((pattern, fix)).encode())
        return cls(id=f"user.{content.hexdigest()[:12]}", pattern=pattern, fix=fix)


class Compiled(NamedTuple):
    """An entry ready to run."""

    entry: Entry
    pattern: Pattern
    steps: tuple[Step, ...]

    @property
    def rank(self) -> tuple[int, int, str]:
        """Sort key: what goes first."""
        return (-self.entry.priority, -len(self.pattern.conditions), self.entry.id)


def compiled(entry: Entry) -> Compiled:
    """`entry` ready to run; PatternError when a part of it is malformed."""
    if not isinstance(entry.priority, int):
        raise PatternError("priority", f"{entry.priority!r} is no int")
    if entry.state not in _STATES:
        raise PatternError("state", f"{entry.state!r} is none", allowed=_STATES)
    if not isinstance(entry.reason, str):
        raise PatternError("reason", f"{entry.reason!r} is no str")
    return Compiled(entry, parse_pattern(entry.pattern), parse_fix(entry.fix))
