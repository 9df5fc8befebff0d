"""The fix language: a closed list of changes to a request body. Data, never code; the caller's body stays as it is."""

import copy
import json
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
from arc_semconv.fixes import Change

from arc_runtime.errors import PatternError
from arc_runtime.fixes._fields import ANY_API, CONTENT
from arc_runtime.fixes._paths import DEEPEST, MISSING, Path, assigned, lookup, path_of, removed
from arc_runtime.fixes._pattern import is_equal

__all__ = ["COMMANDS", "REWRITE", "Body", "Step", "change_of", "parse_fix", "without_content"]

Body = Mapping[str, object]
Run = Callable[["Step", Body], "tuple[Body, Change] | None"]

_ATOMS: Final = frozenset({str, int, float})
_PLAIN: Final = (str, int, float, bool, type(None))
REWRITE: Final = "$rewrite"
"""In a fix, the key under which it names a rewrite of the catalogue."""


class Step(msgspec.Struct, frozen=True, gc=False):
    """One change that a fix makes."""

    fields: tuple[str, ...]
    """First steps of the paths it touches; each field of a request is changed by one entry only."""
    run: Run
    """(step, body) -> the body after, and the change made; None when nothing is to be done."""
    name: str
    """The path as it is written."""
    path: Path
    operand: Any


def without_content(change: Change) -> Change:
    """`change` without its values, where they are words of the user's."""
    if change.path.partition(".")[0] not in CONTENT:
        return change
    new = change.new if change.op == "rename" else msgspec.UNSET
    return Change(change.path, change.op, new=new)


def parse_fix(fix: object) -> tuple[Step, ...]:
    """The steps of `fix`, rewrites apart; PatternError names the field at fault and the way out."""
    if not isinstance(fix, Mapping) or not fix:
        raise PatternError("fix", "a fix is a mapping with at least one change")
    steps = tuple(_parse_step(path, wanted) for path, wanted in fix.items() if path != REWRITE)
    moves = [step for step in steps if step.run is _rename]
    if not moves:
        return steps
    sources = {step.path for step in moves}
    for step in moves:
        shorter = min(len(step.path), len(step.operand))
        if step.operand in sources or step.path[:shorter] == step.operand[:shorter]:
            target = ".".join(step.operand)
            raise PatternError(step.name, f"it can't be renamed to {target!r}, which is part of it or is renamed too")
    # First what is renamed, so that the other changes see it where it will be: the same fix once more changes nothing.
    return (*moves, *(step for step in steps if step.run is not _rename))


def _parse_step(path: object, wanted: object) -> Step:
    steps, fields = _checked(path)
    name = ".".join(steps)
    if not isinstance(wanted, str | int | None):
        try:
            json.dumps(wanted, allow_nan=False)
        except Exception as error:  # a client would raise it at the program's call
            raise PatternError(name, f"what it is set to has no form in JSON: {error}") from error
        if _is_deep(wanted):
            raise PatternError(name, f"what it is set to has more than {DEEPEST} levels")
    if not isinstance(wanted, Mapping) or not any(str(key).startswith("$") for key in wanted):
        return Step(fields, _set_field if len(steps) == 1 and isinstance(wanted, _PLAIN) else _set, name, steps, wanted)
    command = next(iter(wanted))
    if len(wanted) != 1 or command not in _COMMANDS:
        raise PatternError(name, f"{wanted!r} is no change", allowed=_COMMANDS)
    check, act = _COMMANDS[command]
    operand = check(name, wanted[command])
    if command == "$rename":
        fields = (*fields, operand[0])
    return Step(fields, act, name, steps, operand)


def _is_deep(value: object, depth: int = 0) -> bool:
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    return depth > DEEPEST or any(_is_deep(one, depth + 1) for one in inner)


def _checked(path: object) -> tuple[Path, tuple[str, ...]]:
    steps = path_of(path) if isinstance(path, str) else None
    if not steps or steps[0] not in ANY_API:
        raise PatternError(str(path), "a fix may not touch this field", allowed=sorted(ANY_API))
    return steps, _alone(steps[0])


def _alone(field: str) -> tuple[str, ...]:
    return _ALONE[field]


_ALONE: Final = {field: (field,) for field in ANY_API}


def change_of(path: str, op: str, old: object, new: object) -> Change:
    """What a step did; MISSING is nothing."""
    absent = msgspec.UNSET
    return Change(path, op, absent if old is MISSING else old, absent if new is MISSING else new)  # type: ignore[arg-type]


def _as_it_is(_name: str, operand: object) -> object:
    return operand


def _put(step: Step, body: Body, old: object) -> tuple[Body, Change] | None:
    value = step.operand
    # A copy: what the caller's client does to the body must not change the entry.
    after = assigned(body, step.path, value if isinstance(value, _PLAIN) else copy.deepcopy(value))
    return None if after is None else (after, change_of(step.name, "set", old, value))


def _set(step: Step, body: Body) -> tuple[Body, Change] | None:
    old = lookup(body, step.path)
    return None if old is not MISSING and is_equal(old, step.operand) else _put(step, body, old)


def _set_field(step: Step, body: Body) -> tuple[Body, Change] | None:
    """`_set`, for a field of the body itself and a value that needs no copy: what nearly every fix does."""
    name, value = step.name, step.operand
    if name not in body:
        return {**body, name: value}, Change(name, "set", msgspec.UNSET, value)
    old = body[name]
    kind = type(old)  # most are what they seem; to compare them at once is half as dear
    if old == value if kind is type(value) and kind in _ATOMS else is_equal(old, value):
        return None
    return {**body, name: value}, Change(name, "set", old, value)


def _true(name: str, operand: object) -> object:
    if operand is not True:
        raise PatternError(name, "`$delete` takes true")
    return operand


def _delete(step: Step, body: Body) -> tuple[Body, Change] | None:
    old = lookup(body, step.path)
    if old is MISSING:
        return None
    after = removed(body, step.path)
    return (after, change_of(step.name, "delete", old, MISSING)) if lookup(after, step.path) is MISSING else None


def _target(_name: str, operand: object) -> Path:
    return _checked(operand)[0]


def _rename(step: Step, body: Body) -> tuple[Body, Change] | None:
    old = lookup(body, step.path)
    if old is MISSING:
        return None
    target: Path = step.operand
    rest = removed(body, step.path)
    if lookup(rest, step.path) is not MISSING:
        return None
    if lookup(rest, target) is not MISSING:  # what the caller set himself wins
        return rest, change_of(step.name, "delete", old, MISSING)
    after = assigned(rest, target, old)
    return None if after is None else (after, Change(step.name, "rename", old, ".".join(target)))


def _range(name: str, operand: object) -> object:
    match operand:
        case [int() | float() as low, int() | float() as high] if low <= high and not isinstance(low, bool):
            return low, high
        case _:
            raise PatternError(name, f"`$clamp` takes [lowest, highest], not {operand!r}")


def _clamp(step: Step, body: Body) -> tuple[Body, Change] | None:
    low, high = step.operand
    old = lookup(body, step.path)
    if not isinstance(old, int | float) or isinstance(old, bool) or low <= old <= high or old != old:  # noqa: PLR0124 - NaN
        return None
    new = low if old < low else high
    after = assigned(body, step.path, new)
    return None if after is None else (after, change_of(step.name, "set", old, new))


def _default(step: Step, body: Body) -> tuple[Body, Change] | None:
    return None if lookup(body, step.path) is not MISSING else _put(step, body, MISSING)


_COMMANDS: Final[dict[str, tuple[Callable[[str, object], Any], Run]]] = {
    "$rename": (_target, _rename),
    "$delete": (_true, _delete),
    "$clamp": (_range, _clamp),
    "$default": (_as_it_is, _default),
}
COMMANDS: Final = tuple(_COMMANDS)
"""What a fix can do to a field beside setting it."""
