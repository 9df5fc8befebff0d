"""All entries of this process, found by model. Readers take no lock: what they read is replaced, never changed."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import Final, TypeVar

from arc_runtime.errors import PatternError
from arc_runtime.fixes._background import renew_lock_after_fork
from arc_runtime.fixes._entry import Compiled, Entry, compiled
from arc_runtime.fixes._pattern import Condition, holds
from arc_runtime.fixes._plan import Item, Plan, by_rank, passes
from arc_runtime.fixes._request import Request

__all__ = ["LAYERS", "Registry"]

_LOGGER: Final = logging.getLogger("arc_runtime.fixes")

LAYERS: Final = ("catalogue", "learned", "bundle", "file", "user")
"""Where entries come from; of two with one id, that of the later layer stands."""
_LEARNED: Final = "learned"
_MODEL: Final = "model"
_NOTHING: Final[frozenset[str]] = frozenset()
_MOST_MODELS: Final = 1024
"""Names of models for which the entries of a whole family are kept found."""
_MOST_NAMES: Final = 64
"""Names that `in` may list for an entry to be filed under each."""


_AT_ONCE: Final = 25
"""Entries that are worked on before the other threads have a moment."""
_MOMENT_SECONDS: Final = 0.0001
T = TypeVar("T")


class _Bucket:
    """Some entries, and the plan of them once somebody asks; a change makes a new bucket."""

    __slots__ = ("_entries", "_given", "_size", "plan")

    def __init__(self, entries: list[Compiled], given: str | None) -> None:
        self._entries = entries  # shared with the buckets before, which see their own length of it
        self._size = len(entries)
        self._given = given
        self.plan: Plan | None = None
        """None until somebody asks: most models of a large registry are never called in a process."""

    @property
    def entries(self) -> list[Compiled]:
        return self._entries[: self._size]

    def planned(self) -> Plan:
        plan = self.plan = Plan(self.entries, self._given)
        return plan

    def with_one(self, one: Compiled) -> "_Bucket":
        held = self._entries if len(self._entries) == self._size else self.entries
        held.append(one)
        return _Bucket(held, self._given)


class _Index:
    """What a call looks at. A change of what is filed under a model is the change of one reference."""

    __slots__ = ("_after_error", "exact", "families", "general", "seen")

    def __init__(self, entries: Iterable[Compiled] = ()) -> None:
        self.exact: dict[str, _Bucket] = {}
        """Entries that demand one of certain models, by its name."""
        self.families: list[tuple[Condition, Compiled]] = []
        """Those that demand a model by other means, such as a prefix."""
        self.seen: dict[str, _Bucket | None] = {}
        """For a model's name, the families that it belongs to."""
        self.general: _Bucket | None = None
        self._after_error: dict[str | None, list[Compiled]] = {}
        """Those for use after an error, by the model they demand; None where it is not known by its name."""
        for one in entries:
            self.add(one)

    def add(self, one: Compiled) -> None:
        condition = _model_condition(one.conditions)
        if one.when == "after_error":
            for name in (_names(condition) if condition is not None else ()) or (None,):
                self._after_error.setdefault(name, []).append(one)
            return
        if condition is None:
            self.general = _Bucket([one], None) if self.general is None else self.general.with_one(one)
        elif names := _names(condition):
            for name in names:
                bucket = self.exact.get(name)
                self.exact[name] = _Bucket([one], _MODEL) if bucket is None else bucket.with_one(one)
        else:
            self.families.append((condition, one))
            self.seen = {}  # only now: who looks at the old one meanwhile keeps what it finds there

    def after_error(self, model: object) -> list[Compiled]:
        """The entries for use after an error that may be about `model`, best first."""
        named = self._after_error.get(model, ()) if isinstance(model, str) else ()
        return sorted((*named, *self._after_error.get(None, ())), key=lambda one: one.rank)

    def family(self, model: str) -> "_Bucket | None":
        """The entries of the families that `model` belongs to."""
        seen = self.seen
        try:
            return seen[model]
        except KeyError:
            of_it = [one for condition, one in self.families if condition.test(model, condition.operand)]
            bucket = _Bucket(of_it, None) if of_it else None
            if len(seen) > _MOST_MODELS:
                self.seen = seen = {}
            seen[model] = bucket
            return bucket


def _model_condition(conditions: Sequence[Condition]) -> Condition | None:
    """What an entry demands of the model; None where it can do without one, or demands two things at once."""
    of_model = [condition for condition in conditions if condition.key == _MODEL]
    # What holds without a model, or for one that is no string, can't be found by a name.
    if len(of_model) != 1 or of_model[0].name not in ("==", "in", "glob", "prefix"):
        return None
    wanted = of_model[0].operand
    names = wanted if isinstance(wanted, tuple) else (wanted,)
    return of_model[0] if all(isinstance(name, str) for name in names) else None


def _names(condition: Condition) -> tuple[str, ...]:
    """The names under which to file an entry; none where they are not known."""
    wanted = (condition.operand,) if condition.name == "==" else condition.operand if condition.name == "in" else ()
    return tuple(dict.fromkeys(wanted)) if len(wanted) <= _MOST_NAMES else ()


class Registry:
    """The entries there are; safe to use from many threads."""

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        """With `entries` in the layers of their origin."""
        self._lock = threading.Lock()
        self._layers: dict[str, dict[str, Compiled]] = {layer: {} for layer in LAYERS}
        for entry in entries:
            layer = entry.origin if entry.origin in LAYERS else "user"
            self._layers[layer][entry.id] = _checked(entry)
        self._silenced: frozenset[str] = frozenset()
        self._paused = False
        renew_lock_after_fork(self)
        self._index = self._indexed()

    @property
    def entries(self) -> list[Entry]:
        """Every entry that stands, layer by layer in the order registered."""
        return [one.entry for one in self._standing()]

    @property
    def compiled(self) -> Sequence[Compiled]:
        """Every entry that stands, ready to run."""
        return self._standing()

    def get(self, entry_id: str) -> Entry | None:
        """The entry of that id that stands."""
        for layer in reversed(LAYERS):
            if found := self._layers[layer].get(entry_id):
                return found.entry
        return None

    def register(self, entry: Entry) -> None:
        """Add `entry`, or put it in the place of the user's own with its id; PatternError when it is malformed."""
        new = _checked(entry)
        with self._lock:
            known = any(entry.id in layer for layer in self._layers.values())
            self._layers["user"][entry.id] = new
            if known:
                self._index = self._indexed()
            elif new.state != "off" and not self._paused:
                self._index.add(new)

    def unregister(self, entry_id: str) -> bool:
        """Take the user's own entry of that id away, or the one of another layer; False when there is none."""
        with self._lock:
            found = False
            for layer in reversed(LAYERS):
                if self._layers[layer].pop(entry_id, None) is not None:
                    found = True
                    break
            if found:
                self._index = self._indexed()
            return found

    def replace(
        self,
        layer: str,
        entries: Iterable[Entry],
        *,
        paused: bool | None = None,
        refused: Callable[[Entry, PatternError], None] | None = None,
    ) -> None:
        """Put `entries` in the place of all of `layer`; PatternError when one is malformed, and nothing has changed.

        With `refused`, that is told of malformed ones, and they are left out. Readers see the old entries or the new
        ones, never some of each. While `paused` no entry of any layer is found; None leaves that as it is.
        """
        # What was learned comes from within a call of the program's, which is not to wait; the others from beside it.
        pace: Callable[[Iterable[T]], Iterable[T]] = iter if layer == _LEARNED else _by_and_by
        new: dict[str, Compiled] = {}
        for entry in pace(entries):
            try:
                new[entry.id] = _checked(entry)
            except PatternError as error:
                if refused is None:
                    raise
                refused(entry, error)
        with self._lock:
            self._layers[layer] = new
            self._paused = self._paused if paused is None else paused
            index = self._indexed(pace)
            for model, old in list(self._index.exact.items()):  # who calls next is not to wait for it
                if old.plan is not None and (bucket := index.exact.get(model)) is not None:
                    bucket.planned()
            if index.general is not None:
                index.general.planned()
            self._index = index

    def silence(self, entry_id: str) -> None:
        """Have the entry do nothing in this process from now on, whatever its state."""
        with self._lock:
            self._silenced |= {entry_id}
            self._index = self._indexed()

    @property
    def silenced(self) -> frozenset[str]:
        """Ids of the entries that this process has turned off by itself."""
        return self._silenced

    def found(self, request: Request) -> tuple[Sequence[Item], frozenset[str] | None]:
        """The items for use before a request leaves whose first condition holds for it, best first.

        And all that they can change, where each of them applies as it is; None where one does not.
        """
        index = self._index
        model = request.body.get(_MODEL)
        general = index.general
        if isinstance(model, str):
            bucket = index.exact.get(model)
            if bucket is not None and general is None and not index.families:  # the way of nearly every request
                plan = bucket.plan or bucket.planned()
                only, fields_of_it = plan.find(request)
                return only, fields_of_it if plan.is_plain else None
            family = index.family(model) if index.families else None
        else:
            bucket = family = None
        found: Sequence[Item] = ()
        fields: frozenset[str] | None = _NOTHING
        for one in (bucket, family, general):
            if one is None:
                continue
            plan = one.plan or one.planned()
            items, may = plan.find(request)
            if items:
                found = sorted((*found, *items), key=by_rank) if found else items
                fields = fields | may if fields is not None and plan.is_plain else None
        return found, fields

    def matching(self, request: Request) -> Sequence[Compiled]:
        """The entries for use before a request leaves that match it, best first."""
        return [one for one, rest in self.found(request)[0] if passes(rest, request)]

    def matching_error(self, request: Request) -> Sequence[Compiled]:
        """The entries for use after an error that match the request and its refusal, best first."""
        body, call = request.body, request.call
        candidates = self._index.after_error(body.get(_MODEL))
        return [one for one in candidates if all(holds(each, body, call) for each in one.conditions)]

    def _standing(self) -> list[Compiled]:
        standing: dict[str, Compiled] = {}
        for layer in LAYERS:
            standing.update(self._layers[layer])
        return list(standing.values())

    def _indexed(self, pace: Callable[[Iterable[Compiled]], Iterable[Compiled]] = iter) -> _Index:
        if self._paused:
            return _Index()
        standing = self._standing()
        off = self._silenced | {one.id for one in standing if one.state == "off"}
        return _Index(one for one in pace(standing) if one.id not in off and not self._comes_of(one, off))

    def _comes_of(self, one: Compiled, off: AbstractSet[str]) -> bool:
        """Whether it was learned from an entry that is off by now."""
        return bool(off) and one.id in self._layers[_LEARNED] and one.entry.source in off


def _by_and_by(things: Iterable[T]) -> Iterator[T]:
    """`things`, with a moment for the other threads after every few: the program's calls do not wait for Arc's work."""
    for number, thing in enumerate(things, 1):
        yield thing
        if number % _AT_ONCE == 0:
            time.sleep(_MOMENT_SECONDS)


def _checked(entry: Entry) -> Compiled:
    new, warnings = compiled(entry)
    for warning in warnings:
        _LOGGER.warning("%s", warning, extra={"cause": warning})
    return new
