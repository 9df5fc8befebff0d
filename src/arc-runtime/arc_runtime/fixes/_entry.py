"""An entry: pattern, fix, and where it comes from."""

import hashlib
from collections.abc import Mapping
from typing import Any, Final, Literal

import msgspec

from arc_runtime.errors import PatternError
from arc_runtime.fixes._changes import REWRITE, Step, parse_fix
from arc_runtime.fixes._pattern import Condition, Pattern, parse_pattern
from arc_runtime.fixes._predicates import PREDICATES
from arc_runtime.fixes._rewrites import REWRITES, Rewrite

__all__ = ["Compiled", "Entry", "Guardrail", "compiled"]


class Guardrail(msgspec.Struct, frozen=True, omit_defaults=True):
    """When a process turns an entry that is under test off by itself."""

    max_delta: float = 0.05
    """How much more often calls may fail with the fix than without."""
    min_n: int = 20
    """Calls with the fix before it is judged."""
    window_s: float = 3600.0
    """How long a call counts, in seconds."""


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that is recognised and mended; data, as it stands in a file or a bundle."""

    id: str
    pattern: Mapping[str, object]
    fix: Mapping[str, object] = {}
    """Empty for one that is only reported."""
    origin: Literal["user", "catalogue", "learned", "bundle"] = "user"
    when: Literal["before", "after_error"] = "before"
    """Whether it mends what is about to leave, or what the provider has refused."""
    level: Literal["safe", "ask", "alert"] = "safe"
    """`safe` is applied by default, `ask` when the user's settings allow it, `alert` is only reported."""
    state: Literal["shadow", "canary", "on", "off"] = "on"
    """`shadow` records what would change and changes nothing; `canary` changes `percent` of the keys."""
    percent: float = 0.0
    """Share of the keys that a canary mends, from 0 to 100."""
    salt: str = ""
    """What a canary's buckets are drawn with; the same salt keeps them."""
    sticky: Literal["trace", "session", "user"] = "trace"
    """What a canary draws for: all calls of one trace, session or user are treated alike."""
    guard: Guardrail | None = None
    """When this process turns a canary off by itself; None is the default one."""
    priority: int = 0
    """Higher goes first; then the entry with more conditions; then the lower id."""
    reason: str = ""
    """Why, for the person who reads the span."""
    advice: str = ""
    """What the person can do where Arc does nothing."""
    source: str = ""
    """Where the failure was seen: an address or a recording."""

    @classmethod
    def of(cls, pattern: Mapping[str, object], fix: Mapping[str, object]) -> "Entry":
        """An entry of the user's own, with an id made of its content."""
        content = hashlib.sha256(repr((pattern, fix)).encode())
        return cls(id=f"user.{content.hexdigest()[:12]}", pattern=pattern, fix=fix)


_STATES: Final = ("on", "canary", "shadow", "off")
_DECODER: Final = msgspec.json.Decoder(Entry)
_ENCODER: Final = msgspec.json.Encoder()


class Compiled:
    """An entry ready to run; what a call does not need of it is kept as JSON."""

    __slots__ = ("_data", "conditions", "is_plain", "level", "rank", "rewrite", "state", "steps", "when")

    def __init__(self, entry: Entry, data: bytes, pattern: Pattern, steps: tuple[Step, ...]) -> None:
        self._data = data
        self.rank: tuple[int, int, str] = (-entry.priority, -len(pattern.conditions), entry.id)
        """Sort key: what goes first; its last is the id."""
        self.conditions: tuple[Condition, ...] = pattern.conditions
        self.steps = steps
        self.rewrite: Rewrite | None = REWRITES.get(str(entry.fix[REWRITE])) if REWRITE in entry.fix else None
        self.level = entry.level
        self.state = entry.state
        self.when = entry.when
        self.is_plain = self.rewrite is None and entry.level == "safe" and entry.state == "on"

    @property
    def id(self) -> str:
        """The entry's id."""
        return self.rank[2]

    @property
    def entry(self) -> Entry:
        """The entry whole."""
        return _DECODER.decode(self._data)


def compiled(entry: Entry) -> tuple[Compiled, tuple[str, ...]]:
    """`entry` ready to run, and what is to be warned of; PatternError when its pattern or fix is malformed."""
    if not isinstance(entry.id, str) or not entry.id:
        raise PatternError("id", "an entry has an id, a non-empty string")
    if not 0 <= entry.percent <= 100:  # noqa: PLR2004 - per cent
        raise PatternError("percent", f"{entry.percent!r} is not from 0 to 100")
    if not isinstance(entry.priority, int):
        raise PatternError("priority", f"{entry.priority!r} is no int")
    if entry.state not in _STATES:
        raise PatternError("state", f"{entry.state!r} is none", allowed=_STATES)
    if not isinstance(entry.reason, str):
        raise PatternError("reason", f"{entry.reason!r} is no str")
    pattern = parse_pattern(entry.pattern, after_error=entry.when == "after_error", predicates=PREDICATES)
    steps = _steps(entry)
    try:
        data = _ENCODER.encode(entry)
    except (TypeError, ValueError, RecursionError) as error:
        raise PatternError(entry.id, f"it has no form in JSON: {error}") from error
    return Compiled(entry, data, pattern, steps), pattern.warnings


def _steps(entry: Entry) -> tuple[Step, ...]:
    fix: Any = entry.fix
    if entry.level == "alert" and not fix:
        return ()
    steps = parse_fix(fix)
    if REWRITE in fix:
        if len(fix) != 1:
            raise PatternError(REWRITE, "a rewrite stands alone; make two entries")
        name = fix[REWRITE]
        if not isinstance(name, str) or name not in REWRITES:
            raise PatternError(REWRITE, f"there is no rewrite {name!r}", allowed=REWRITES)
        if entry.when == "before" and REWRITES[name].needs_refusal:
            raise PatternError(REWRITE, f"{name!r} reads the provider's error: the entry needs `when: after_error`")
    return steps
