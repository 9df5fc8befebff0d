"""Why an entry did what it did to a request, or why it did nothing."""

from collections.abc import Iterable
from typing import Any, Final, Literal

import msgspec
from arc_semconv.fixes import Change

from arc_runtime.fixes._engine import Engine, applied
from arc_runtime.fixes._entry import Compiled, Entry
from arc_runtime.fixes._paths import MISSING, lookup
from arc_runtime.fixes._pattern import PREDICATE, Condition, holds
from arc_runtime.fixes._request import Request

__all__ = ["Explanation", "Held", "Reason", "explain"]

_NEAREST: Final = 5


class Held(msgspec.Struct, frozen=True):
    """One condition of a pattern, and whether it holds."""

    key: str
    wanted: Any
    """As the pattern has it: a value, or operators with theirs."""
    found: Any
    """What the request has there; left out when it has nothing."""
    holds: bool


class Reason(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of one entry."""

    id: str
    verdict: Literal[
        "applied", "shadow", "canary", "control", "level", "alert", "outranked", "nothing to change", "off", "no match"
    ]
    """`level`: it asks, and the settings let safe ones pass alone; `outranked`: a better entry changes its fields."""
    conditions: tuple[Held, ...] = ()
    """Its pattern, key by key."""
    failed: tuple[str, ...] = ()
    """The conditions that do not hold, each with the value found."""
    held: int = 0
    """How many conditions hold."""
    changes: tuple[Change, ...] = ()
    """What it changes, or would."""
    reason: str = ""
    advice: str = ""


class Explanation(msgspec.Struct, frozen=True):
    """What the engine makes of one request, and why."""

    mode: Literal["on", "shadow", "canary", "control", "none"]
    """`none`: no entry has anything to change."""
    matched: tuple[Reason, ...]
    """Entries whose conditions all hold, best first."""
    nearest: tuple[Reason, ...]
    """Entries that fail for the fewest conditions; at most five."""
    changes: tuple[Change, ...]
    """What is changed in all."""

    def json(self) -> str:
        """The explanation as a JSON object."""
        return msgspec.json.encode(self).decode()

    @property
    def text(self) -> str:
        """The explanation for a person to read."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterable[str]:
        if not self.matched:
            yield "no entry matches"
        for one in self.matched:
            yield f"{one.id}: {one.verdict}" + (f" ({one.reason})" if one.reason else "")
            if one.advice and one.verdict in ("alert", "level"):
                yield f"  advice: {one.advice}"
            for change in one.changes:
                yield from _diff(change)
        if self.nearest:
            yield "nearest:"
        for one in self.nearest:
            yield f"  {one.id}: {one.verdict}" if one.verdict == "off" else f"  {one.id}"
            for failed in one.failed:
                yield f"    fails: {failed}"


def _diff(change: Change) -> Iterable[str]:
    if change.op == "rename":
        yield f"  - {change.path}: {_shown(change.old)}"
        yield f"  + {change.new}: {_shown(change.old)}"
        return
    if change.old is not msgspec.UNSET:
        yield f"  - {change.path}: {_shown(change.old)}"
    if change.new is not msgspec.UNSET:
        yield f"  + {change.path}: {_shown(change.new)}"


def _shown(value: object) -> str:
    try:
        return msgspec.json.encode(value).decode()
    except (TypeError, ValueError, RecursionError):
        return repr(value)


def explain(engine: Engine, request: Request) -> Explanation:
    """Why each entry did what it would do to `request`, which is looked at as it is; nothing is counted or learned.

    A request with a refusal is looked at as after the error, one without as before it leaves.
    """
    engine = engine.uncounted()
    when = "before" if request.refusal is None else "after_error"
    mended = engine.before(request) if when == "before" else engine.after_error(request)
    known = [one for one in engine.registry.compiled if one.when == when]
    matched: list[Reason] = []
    others: list[Reason] = []
    for one in sorted(known, key=lambda one: one.rank):
        failed = [condition for condition in one.conditions if not holds(condition, request.body, request.call)]
        entry = one.entry
        if failed or one.state == "off" or one.id in engine.registry.silenced:
            said = tuple(_failure(condition, request) for condition in failed)
            verdict: Literal["no match", "off"] = "no match" if failed else "off"
            held = len(one.conditions) - len(failed)
            others.append(Reason(one.id, verdict, _held(one, entry, request), said, held, reason=entry.reason))
            continue
        would = applied(request, [one], "shadow")
        changes = would.changes if would else ()
        verdict_of = _verdict(engine, one, mended.ids if mended else (), mended.mode if mended else "on", bool(changes))
        matched.append(
            Reason(
                one.id, verdict_of, _held(one, entry, request), (), len(one.conditions), changes,  # type: ignore[arg-type]
                entry.reason, entry.advice,
            )
        )  # fmt: skip
    others.sort(key=lambda one: (len(one.failed), -one.held))
    did_change = mended is not None and bool(mended.changes)
    return Explanation(
        mended.mode if mended is not None and did_change else "none",
        tuple(matched),
        tuple(one for one in others if one.held or one.verdict == "off")[:_NEAREST],
        mended.changes if mended else (),
    )


def _verdict(engine: Engine, one: Compiled, ids: tuple[str, ...], mode: str, changes: bool) -> str:  # noqa: FBT001
    if engine.mode == "off":
        return "off"
    if one.id in ids:
        return "applied" if mode == "on" else mode
    if one.level == "alert":
        return "alert"
    if one.level == "ask" and engine.level == "safe":
        return "level"
    if one.state == "shadow" or engine.mode == "shadow":
        return "shadow" if changes else "nothing to change"
    return "outranked" if changes else "nothing to change"


def _held(one: Compiled, entry: Entry, request: Request) -> tuple[Held, ...]:
    found: list[Held] = []
    for key, wanted in entry.pattern.items():
        tests = [condition for condition in one.conditions if condition.key == key]
        value = _found(tests[0], request) if tests and key != PREDICATE else MISSING
        all_hold = all(holds(condition, request.body, request.call) for condition in tests)
        found.append(Held(key, wanted, msgspec.UNSET if value is MISSING else value, all_hold))
    return tuple(found)


def _found(condition: Condition, request: Request) -> object:
    return lookup(request.body, condition.path) if condition.path else request.call.get(condition.key, MISSING)


def _failure(condition: Condition, request: Request) -> str:
    if condition.key == PREDICATE:
        return f"{condition}"
    value = _found(condition, request)
    return f"{condition}; it is {'not there' if value is MISSING else _shown(value)}"
