"""The fix language: a closed list of changes to a request body. Data, never code; the caller's body stays as it is."""

import copy
import json
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

import msgspec
from arc_semconv.fixes import Change

from arc_runtime.errors import PatternError
from arc_runtime.fixes._fields import ANY_API, CONTENT
from arc_runtime.fixes._paths import MISSING, assigned, lookup, removed

__all__ = ["Step", "parse_fix", "without_content"]

Body = Mapping[str, object]
Apply = Callable[[Body], "tuple[Body, Change] | None"]


class Step(NamedTuple):
    """One change that a fix makes."""

    fields: frozenset[str]
    """First steps of the paths it touches; each field of a request is changed by one entry only."""
    apply: Apply
    """The body after, and the change made; None when nothing is to be done."""


def without_content(change: Change) -> Change:
    """`change` without its values, where they are words of the user's."""
    if change.path.partition(".")[0] not in CONTENT:
        return change
    new = change.new if change.op == "rename" else msgspec.UNSET
    return Change(change.path, change.op, new=new)


def parse_fix(fix: object) -> tuple[Step, ...]:
    """`fix` compiled; PatternError names the field at fault and the way out."""
    if not isinstance(fix, Mapping) or not fix:
        raise PatternError("fix", "a fix is a mapping with at least one change")
    return tuple(_parse_step(path, wanted) for path, wanted in fix.items())


def _parse_step(path: object, wanted: object) -> Step:
    steps = _checked(path)
    name = ".".join(steps)
    command = next(iter(wanted), None) if isinstance(wanted, Mapping) else None
    try:
        json.dumps(wanted, allow_nan=False)
    except Exception as error:  # a client would raise it at the program's call
        problem = f"what it is set to has no form in JSON: {error}"
        raise PatternError(name, problem) from error
    if isinstance(wanted, Mapping) and any(str(key).startswith("$") for key in wanted):
        command = command if isinstance(command, str) and command.startswith("$") else "$"
    if not isinstance(command, str) or not command.startswith("$"):
        return Step(frozenset(steps[:1]), _set(name, steps, wanted))
    if not isinstance(wanted, Mapping) or len(wanted) != 1 or command not in _COMMANDS:
        raise PatternError(name, f"{wanted!r} is no change", allowed=_COMMANDS)
    return _COMMANDS[command](name, steps, wanted[command])


def _checked(path: object) -> tuple[str, ...]:
    if path == "$rewrite":
        raise PatternError("$rewrite", "there are no named rewrites in this version")
    steps = tuple(path.split(".")) if isinstance(path, str) else ()
    if not steps or not all(steps) or steps[0] not in ANY_API:
        raise PatternError(str(path), "a fix may not touch this field", allowed=sorted(ANY_API))
    return steps


def _change(path: str, op: str, old: object, new: object) -> Change:
    absent = msgspec.UNSET
    return Change(path, op, absent if old is MISSING else old, absent if new is MISSING else new)  # type: ignore[arg-type]


def _set(name: str, steps: tuple[str, ...], value: object) -> Apply:
    def apply(body: Body) -> tuple[Body, Change] | None:
        old = lookup(body, steps)
        if old is not MISSING and old == value:
            return None
        # A copy: what the caller's client does to the body must not change the entry.
        return assigned(body, steps, copy.deepcopy(value)), _change(name, "set", old, value)

    return apply


def _delete(name: str, steps: tuple[str, ...], operand: object) -> Step:
    if operand is not True:
        raise PatternError(name, "`$delete` takes true")

    def apply(body: Body) -> tuple[Body, Change] | None:
        old = lookup(body, steps)
        return None if old is MISSING else (removed(body, steps), _change(name, "delete", old, MISSING))

    return Step(frozenset(steps[:1]), apply)


def _rename(name: str, steps: tuple[str, ...], operand: object) -> Step:
    target = _checked(operand)

    def apply(body: Body) -> tuple[Body, Change] | None:
        old = lookup(body, steps)
        if old is MISSING:
            return None
        rest = removed(body, steps)
        if lookup(rest, target) is not MISSING:  # what the caller set himself wins
            return rest, _change(name, "delete", old, MISSING)
        return assigned(rest, target, old), Change(name, "rename", old, ".".join(target))

    return Step(frozenset((steps[0], target[0])), apply)


def _clamp(name: str, steps: tuple[str, ...], operand: object) -> Step:
    match operand:
        case [int() | float() as low, int() | float() as high] if low <= high:
            pass
        case _:
            raise PatternError(name, f"`$clamp` takes [lowest, highest], not {operand!r}")

    def apply(body: Body) -> tuple[Body, Change] | None:
        old = lookup(body, steps)
        if not isinstance(old, int | float) or isinstance(old, bool) or low <= old <= high:
            return None
        new = low if old < low else high
        return assigned(body, steps, new), _change(name, "set", old, new)

    return Step(frozenset(steps[:1]), apply)


def _default(name: str, steps: tuple[str, ...], operand: object) -> Step:
    def apply(body: Body) -> tuple[Body, Change] | None:
        if lookup(body, steps) is not MISSING:
            return None
        return assigned(body, steps, copy.deepcopy(operand)), _change(name, "set", MISSING, operand)

    return Step(frozenset(steps[:1]), apply)


_COMMANDS: Final[dict[str, Callable[[str, tuple[str, ...], object], Step]]] = {
    "$rename": _rename,
    "$delete": _delete,
    "$clamp": _clamp,
    "$default": _default,
}
