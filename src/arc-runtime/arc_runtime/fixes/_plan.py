"""Finding the entries that match a request without looking at the others.

Each entry is filed under its most selective condition: under the value it demands of a field, on a scale of the numbers
it starts from or ends at, or under the field that has to be there. A request is asked for its own fields only.
"""

import math
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from arc_runtime.fixes._entry import Compiled
from arc_runtime.fixes._paths import MISSING, Path, lookup
from arc_runtime.fixes._pattern import Condition, is_number
from arc_runtime.fixes._request import Request

__all__ = ["Item", "Plan", "by_rank"]

Test = tuple[Path, Callable[[Any, Any], bool], Any, str]
"""Path, test, operand and key of a condition that is still to be looked at."""
Item = tuple[Compiled, tuple[Test, ...]]
_NOTHING: Final[tuple[Item, ...]] = ()
_LONGEST_SCALE: Final = 64
"""Entries on one scale for which every prefix is kept ready."""
_EXACT: Final = 2.0**52
"""Below it the next number up or down is closer than 1."""
_SCALARS: Final = (str, int, float, type(None))


def by_rank(item: Item) -> tuple[int, int, str]:
    """Sort key: what goes first."""
    return item[0].rank


class Plan:
    """Some entries, filed; nothing in it changes any more."""

    __slots__ = ("_always", "_call", "_fields", "_of_field", "fields")

    def __init__(self, entries: Sequence[Compiled], given: str | None = None) -> None:
        """`given`: a key that is known to be as each of `entries` demands."""
        shared = _shared(entries, given)
        always: list[Item] = []
        body: dict[str, dict[Path, _Drawer]] = {}
        call: dict[str, _Drawer] = {}
        for one in sorted(entries, key=lambda one: one.rank):
            first, rest = _split(one.conditions, given, shared)
            item = (one, rest)
            if first is None:
                always.append(item)
            elif first.path:
                head, *below = first.path
                body.setdefault(head, {}).setdefault(tuple(below), _Drawer()).put(first, item)
            else:
                call.setdefault(first.key, _Drawer()).put(first, item)
        self._always = tuple(always)
        self._of_field = {
            field: tuple((below, drawer.closed()) for below, drawer in drawers.items())
            for field, drawers in body.items()
        }
        self._fields = tuple(self._of_field) if len(self._of_field) < 8 else None  # noqa: PLR2004 - fewer than most bodies have
        self._call = tuple((key, drawer.closed()) for key, drawer in call.items())
        self.fields = frozenset(field for one in entries for step in one.steps for field in step.fields)
        """All that the steps of these entries can change."""

    def find(self, request: Request) -> Sequence[Item]:
        """The items whose first condition holds for `request`, best first."""
        found, mixed, body = self._always, False, request.body
        of_field = self._of_field
        for field in body if self._fields is None else self._fields:
            drawers = of_field.get(field)
            if drawers is None or field not in body:
                continue
            value = body[field]
            for below, drawer in drawers:
                hits = drawer.hits(lookup(value, below) if below else value)
                if hits:
                    mixed = mixed or bool(found) or len(hits) > drawer.in_order
                    found = found + hits if found else hits
        for key, drawer in self._call:
            hits = drawer.hits(request.call.get(key, MISSING))
            if hits:
                mixed, found = True, found + hits
        return sorted(found, key=by_rank) if mixed and len(found) > 1 else found


def _shared(entries: Sequence[Compiled], given: str | None) -> Counter[object]:
    """How many entries ask the same of the same key."""
    count: Counter[object] = Counter()
    for one in entries:
        for condition in one.conditions:
            if condition.key != given:
                count[_mark(condition)] += 1
    return count


def _mark(condition: Condition) -> object:
    if condition.name == "==" and isinstance(condition.operand, _SCALARS):
        return condition.key, type(condition.operand) is bool, condition.operand
    return condition.key


def _split(
    conditions: tuple[Condition, ...], given: str | None, shared: Counter[object]
) -> tuple[Condition | None, tuple[Test, ...]]:
    """The condition to file under, None when there is none that needs its key to be there; and those still to test."""
    first, lowest = None, math.inf
    for condition in conditions:
        if condition.key == given or not _needs_its_key(condition):
            continue
        many = float(shared[_mark(condition)])
        if condition.name != "==":
            many = many / 2 if condition.name in _SCALES else many + 0.5
        if not condition.path:
            many += 0.25  # to know the call takes a moment more
        if many < lowest:
            first, lowest = condition, many
    rest = tuple(
        (condition.path, condition.test, condition.operand, condition.key)
        for condition in conditions
        if condition is not first and condition.key != given
    )
    return first, rest


def _needs_its_key(condition: Condition) -> bool:
    if condition.name == "is":
        return False
    return not (condition.name == "exists" and condition.operand is False)


_SCALES: Final = frozenset({">", ">=", "<", "<="})


class _Drawer:
    """The entries filed under one key."""

    __slots__ = ("_equal", "_highs", "_lows", "_others", "_truths", "in_order")

    def __init__(self) -> None:
        self._equal: dict[object, Any] = {}
        self._truths: dict[bool, Any] = {}
        self._lows: Any = []
        self._highs: Any = []
        self._others: Any = []
        self.in_order = 0
        """How many hits may be there at most without having to be sorted."""

    def put(self, condition: Condition, item: Item) -> None:
        """File `item` under `condition`."""
        name, operand = condition.name, condition.operand
        if name == "==" and isinstance(operand, bool):
            self._truths.setdefault(operand, []).append(item)
        elif name == "==" and isinstance(operand, _SCALARS):
            self._equal.setdefault(operand, []).append(item)
        elif name in _SCALES and is_number(operand) and abs(operand) < _EXACT:
            edge = float(operand)
            if name == ">":
                edge = math.nextafter(edge, math.inf)
            elif name == "<":
                edge = math.nextafter(edge, -math.inf)
            (self._lows if name[0] == ">" else self._highs).append((edge, item))
        else:
            self._others.append((condition.test, operand, item))

    def closed(self) -> "_Drawer":
        """Itself, ready to be asked."""
        self._equal = {value: tuple(items) for value, items in self._equal.items()}
        self._truths = {value: tuple(items) for value, items in self._truths.items()}
        self._lows = _Scale(self._lows, lows=True) if self._lows else None
        self._highs = _Scale(self._highs, lows=False) if self._highs else None
        self._others = tuple(self._others)
        sorts = bool(self._equal or self._truths) + bool(self._lows) + bool(self._highs) + bool(self._others)
        self.in_order = 1 if sorts > 1 else 1 << 60
        return self

    def hits(self, value: object) -> tuple[Item, ...]:
        """What is filed under a condition that `value` meets."""
        if value is MISSING:
            return _NOTHING
        found = _NOTHING
        if value is True or value is False:
            if self._truths:
                found = self._truths.get(value, _NOTHING)
        elif self._equal and isinstance(value, _SCALARS):
            found = self._equal.get(value, _NOTHING)
        if (self._lows or self._highs) and is_number(value):
            if self._lows:
                found = found + self._lows.hits(value) if found else self._lows.hits(value)
            if self._highs:
                found = found + self._highs.hits(value) if found else self._highs.hits(value)
        for test, operand, item in self._others:
            if test(value, operand):
                found = (*found, item)
        return found


class _Scale:
    """Entries that begin to hold at a number, or cease to."""

    __slots__ = ("_edges", "_items", "_lows", "_ready")

    def __init__(self, edges: Iterable[tuple[float, Item]], *, lows: bool) -> None:
        ordered = sorted(edges, key=lambda pair: pair[0])
        self._lows = lows
        self._edges = [edge for edge, _ in ordered]
        self._items = [item for _, item in ordered]
        self._ready: list[tuple[Item, ...]] | None = None
        if len(ordered) <= _LONGEST_SCALE:
            self._ready = [self._cut(place) for place in range(len(ordered) + 1)]

    def hits(self, value: Any) -> tuple[Item, ...]:
        """Those that hold for `value`, a number, best first."""
        place = (bisect_right if self._lows else bisect_left)(self._edges, value)
        return self._ready[place] if self._ready is not None else self._cut(place)

    def _cut(self, place: int) -> tuple[Item, ...]:
        held = self._items[:place] if self._lows else self._items[place:]
        return tuple(sorted(held, key=by_rank))
