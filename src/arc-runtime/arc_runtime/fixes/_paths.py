"""Paths into a wire body: `response_format.type`, `tools.0.function.name`, `messages.-1.role`."""

import sys
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

__all__ = ["DEEPEST", "MISSING", "Path", "assigned", "lookup", "path_of", "removed"]

Path = tuple[str, ...]

DEEPEST: Final = 32
"""Steps that a path may have, and levels that a value in a fix may: no request is as deep."""
# A dict is told at once, the abstract class takes its time.
_MAPPINGS: Final = (dict, Mapping)
_LISTS: Final = (list, tuple)


class _Missing:
    """Told apart from None, which a body may hold."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = _Missing()


@lru_cache(maxsize=4096)
def path_of(name: str) -> Path | None:
    """The steps of `name`; None where one is empty, or there are too many. Entries share what they name alike."""
    path = tuple(sys.intern(step) for step in name.split(".", DEEPEST))
    return path if all(path) and len(path) <= DEEPEST else None


def lookup(body: object, path: Sequence[str]) -> object:
    """The value at `path`, or MISSING."""
    for step in path:
        if isinstance(body, _MAPPINGS):
            body = body.get(step, MISSING)
        elif isinstance(body, _LISTS):
            body = _item(body, step)
        else:
            return MISSING
    return body


def _item(items: Sequence[object], step: str) -> object:
    try:
        return items[int(step)]
    except (ValueError, IndexError):
        return MISSING


def assigned(body: Mapping[str, object], path: Sequence[str], value: object) -> dict[str, object] | None:
    """A copy of `body` with `value` at `path`; only the mappings on the way are copied, missing ones are made.

    None where something else than a mapping is in the way.
    """
    head, *rest = path
    copy = dict(body)
    if not rest:
        copy[head] = value
        return copy
    inner = copy.get(head, MISSING)
    if inner is not MISSING and not isinstance(inner, Mapping):
        return None
    below = assigned(inner if isinstance(inner, Mapping) else {}, rest, value)
    if below is None:
        return None
    copy[head] = below
    return copy


def removed(body: Mapping[str, object], path: Sequence[str]) -> dict[str, object]:
    """A copy of `body` without what is at `path`; nothing is taken out of a list."""
    head, *rest = path
    copy = dict(body)
    if not rest:
        copy.pop(head, None)
    elif isinstance(inner := copy.get(head), Mapping):
        copy[head] = removed(inner, rest)
    return copy
