"""Finding the entries that match a request without looking at the others.

Each entry is filed under its most selective condition: under the value it demands of a field, on a scale of the numbers
it starts from or ends at, or under the field that has to be there. A request is asked for its own fields only.
"""

import math
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

from arc_runtime.fixes._entry import Compiled
from arc_runtime.fixes._paths import MISSING, Path, lookup
from arc_runtime.fixes._pattern import Condition, is_number
from arc_runtime.fixes._request import Request

__all__ = ["Item", "Plan", "by_rank", "passes"]

Test = tuple[Path, Callable[[Any, Any], bool], Any, str]
"""Path, test, operand and key of a condition that is still to be looked at."""
Item = tuple[Compiled, tuple[Test, ...]]
Look = Callable[[Any], tuple[Item, ...]]
"""What of the entries filed under one key holds for its value."""
_NOTHING: Final[tuple[Item, ...]] = ()
_LONGEST_SCALE: Final = 64
"""Entries on one scale for which every prefix is kept ready."""
_EXACT: Final = 2.0**52
"""Below it the next number up or down is closer than 1."""
_FEW: Final = 7
"""Keys for which a value is asked one by one; beyond, it is asked which keys it has."""
_SCALARS: Final = (str, int, float, type(None))


def by_rank(item: Item) -> tuple[int, int, str]:
    """Sort key: what goes first."""
    return item[0].rank


def passes(rest: tuple[Test, ...], request: Request) -> bool:
    """Whether `request` meets the conditions that are still to be looked at."""
    body = request.body
    for path, test, operand, key in rest:
        if len(path) == 1:
            value = body.get(path[0], MISSING)
        else:
            value = lookup(body, path) if path else request.call.get(key, MISSING)
        if not test(value, operand):
            return False
    return True


class Plan:
    """Some entries, filed; nothing in it changes any more."""

    __slots__ = ("_always", "_call", "_fields", "_may_always", "_of_field", "is_plain")

    def __init__(self, entries: Sequence[Compiled], given: str | None = None) -> None:
        """`given`: a key that is known to be as each of `entries` demands."""
        shared = _shared(entries, given)
        always: list[Item] = []
        body = _Node()
        call: dict[str, _Drawer] = {}
        for one in sorted(entries, key=lambda one: one.rank):
            first, rest = _split(one.conditions, given, shared)
            item = (one, rest)
            if first is None:
                always.append(item)
            elif first.path:
                body.at(first.path).put(first, item)
            else:
                call.setdefault(first.key, _Drawer()).put(first, item)
        self._always = tuple(always)
        self._may_always = _changed_by(always)
        self._of_field = {field: (node.closed(), _changed_by(node.items())) for field, node in body.below.items()}
        few = len(self._of_field) <= _FEW
        self._fields = tuple((field, *known) for field, known in self._of_field.items()) if few else None
        self._call = tuple((key, drawer.closed(), _changed_by(drawer.items)) for key, drawer in call.items())
        self.is_plain = all(one.is_plain for one in entries)
        """Whether all of them apply as they are: no rewrite, no trial, nothing to ask."""

    def find(self, request: Request) -> tuple[Sequence[Item], frozenset[str]]:
        """The items whose first condition holds for `request`, best first, and all that they can change."""
        found, fields, mixed, body = self._always, self._may_always, False, request.body
        if self._fields is not None:
            for field, look, may in self._fields:
                if field in body and (hits := look(body[field])):
                    mixed, found, fields = (True, found + hits, fields | may) if found else (False, hits, may)
        else:
            of_field = self._of_field
            for field in body:
                if field in of_field:
                    look, may = of_field[field]
                    if hits := look(body[field]):
                        mixed, found, fields = (True, found + hits, fields | may) if found else (False, hits, may)
        for key, look, may in self._call:
            if hits := look(request.call.get(key, MISSING)):
                mixed, found, fields = (True, found + hits, fields | may) if found else (False, hits, may)
        return sorted(found, key=by_rank) if mixed else found, fields


def _changed_by(items: Iterable[Item]) -> frozenset[str]:
    return frozenset(field for one, _ in items for step in one.steps for field in step.fields)


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


class _Node:
    """A place in the body: what is filed there, and below it."""

    def __init__(self) -> None:
        self.below: dict[str, _Node] = {}
        self.drawer: _Drawer | None = None

    def at(self, path: Path) -> "_Drawer":
        """The drawer at `path` below."""
        node = self
        for step in path:
            node = node.below.setdefault(step, _Node())
        node.drawer = node.drawer or _Drawer()
        return node.drawer

    def items(self) -> Iterator[Item]:
        """All that is filed here and below."""
        yield from self.drawer.items if self.drawer else ()
        for node in self.below.values():
            yield from node.items()

    def closed(self) -> Look:
        """What is filed here and below for a value that is found here, best first."""
        here = self.drawer.closed() if self.drawer else None
        if not self.below:
            return here or _nothing
        below = {step: node.closed() for step, node in self.below.items()}
        few = len(below) <= _FEW

        def look(value: object) -> tuple[Item, ...]:
            found = here(value) if here is not None else _NOTHING
            several = False
            steps: Iterable[Any] = below
            if isinstance(value, dict) and not few:
                steps = value
            for step in steps:
                if step in below and (hits := below[step](lookup(value, (step,)))):
                    several, found = (True, found + hits) if found else (False, hits)
            return tuple(sorted(found, key=by_rank)) if several else found

        return look


class _Drawer:
    """The entries filed under one key."""

    def __init__(self) -> None:
        self.items: list[Item] = []
        """All of them."""
        self._equal: dict[object, list[Item]] = {}
        self._truths: dict[bool, list[Item]] = {}
        self._lows: list[tuple[float, Item]] = []
        self._highs: list[tuple[float, Item]] = []
        self._others: list[tuple[Callable[[Any, Any], bool], Any, Item]] = []

    def put(self, condition: Condition, item: Item) -> None:
        """File `item` under `condition`."""
        self.items.append(item)
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

    def closed(self) -> Look:
        """What is filed under a condition that a value meets, best first."""
        looks = [look for look in (self._by_value(), self._by_number(), self._by_test()) if look is not None]
        if len(looks) == 1:
            return looks[0]

        def look(value: object) -> tuple[Item, ...]:
            return tuple(sorted((item for one in looks for item in one(value)), key=by_rank))

        return look

    def _by_value(self) -> Look | None:
        equal = {value: tuple(items) for value, items in self._equal.items()}
        truths = {value: tuple(items) for value, items in self._truths.items()}
        if not equal and not truths:
            return None

        def look(value: Any) -> tuple[Item, ...]:
            if value is True or value is False:
                return truths.get(value, _NOTHING)
            return equal.get(value, _NOTHING) if isinstance(value, _SCALARS) else _NOTHING

        return look

    def _by_number(self) -> Look | None:
        if not self._lows and not self._highs:
            return None
        lows = _Scale(self._lows, bisect_right, from_start=True) if self._lows else None
        highs = _Scale(self._highs, bisect_left, from_start=False) if self._highs else None
        only = lows if highs is None else highs if lows is None else None
        if only is not None and only.ready is not None:
            ready, edges, place = only.ready, only.edges, only.place

            def look_at_one(value: Any) -> tuple[Item, ...]:
                kind = type(value)  # most are what they seem; asked here, that is half as dear
                if kind is int or (kind is float and value == value) or is_number(value):  # noqa: PLR0124 - all but NaN
                    return ready[place(edges, value)]
                return _NOTHING

            return look_at_one

        def look(value: Any) -> tuple[Item, ...]:
            if not is_number(value):
                return _NOTHING
            found = [item for scale in (lows, highs) if scale is not None for item in scale.hits(value)]
            return tuple(sorted(found, key=by_rank))

        return look

    def _by_test(self) -> Look | None:
        others = tuple(self._others)
        if not others:
            return None

        def look(value: object) -> tuple[Item, ...]:
            if value is MISSING:
                return _NOTHING
            return tuple(item for test, operand, item in others if test(value, operand))

        return look


class _Scale:
    """Entries that begin to hold at a number, or cease to."""

    def __init__(
        self, edges: Iterable[tuple[float, Item]], place: Callable[[list[float], Any], int], *, from_start: bool
    ) -> None:
        ordered = sorted(edges, key=lambda pair: pair[0])
        self.place = place
        self._from_start = from_start
        self.edges = [edge for edge, _ in ordered]
        self._items = [item for _, item in ordered]
        self.ready: list[tuple[Item, ...]] | None = None
        """What holds at each place between the edges, where there are not too many."""
        if len(ordered) <= _LONGEST_SCALE:
            self.ready = [self._cut(place) for place in range(len(ordered) + 1)]

    def hits(self, value: Any) -> tuple[Item, ...]:
        """Those that hold for `value`, a number, best first."""
        place = self.place(self.edges, value)
        return self.ready[place] if self.ready is not None else self._cut(place)

    def _cut(self, place: int) -> tuple[Item, ...]:
        held = self._items[:place] if self._from_start else self._items[place:]
        return tuple(sorted(held, key=by_rank))


def _nothing(_value: object) -> tuple[Item, ...]:
    return _NOTHING
