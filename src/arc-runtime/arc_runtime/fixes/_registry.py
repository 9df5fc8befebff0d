"""All entries of this process, indexed by model. Readers take no lock: a change swaps one reference."""

import logging
import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from arc_runtime.fixes._entry import Compiled, Entry, compiled

__all__ = ["Registry"]

_LOGGER: Final = logging.getLogger("arc_runtime.fixes")


class _Index(NamedTuple):
    """What a call looks at: the candidates for its model, best first."""

    by_model: Mapping[str, tuple[Compiled, ...]]
    """With the entries for any model already merged in."""
    any_model: tuple[Compiled, ...]


class Registry:
    """The entries there are; safe to use from many threads."""

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self._lock = threading.Lock()
        self._entries = {entry.id: _checked(entry) for entry in entries}
        self._index = _indexed(self._entries.values())

    @property
    def entries(self) -> list[Entry]:
        """Every entry, in the order registered."""
        return [one.entry for one in self._entries.values()]

    def register(self, entry: Entry) -> None:
        """Add `entry`, or put it in the place of the one with its id; PatternError when it is malformed."""
        new = _checked(entry)
        with self._lock:
            self._entries = {**self._entries, entry.id: new}
            self._index = _indexed(self._entries.values())

    def unregister(self, entry_id: str) -> bool:
        """Take the entry away; False when there is none of that id."""
        with self._lock:
            if entry_id not in self._entries:
                return False
            self._entries = {key: one for key, one in self._entries.items() if key != entry_id}
            self._index = _indexed(self._entries.values())
            return True

    def candidates(self, model: object) -> tuple[Compiled, ...]:
        """The entries that may match a request for `model`, best first."""
        index = self._index
        return index.by_model.get(model, index.any_model) if isinstance(model, str) else index.any_model


def _checked(entry: Entry) -> Compiled:
    new = compiled(entry)
    for warning in new.pattern.warnings:
        _LOGGER.warning("%s", warning, extra={"cause": warning})
    return new


def _indexed(entries: Iterable[Compiled]) -> _Index:
    ranked = sorted((one for one in entries if one.entry.state != "off"), key=lambda one: one.rank)
    any_model = [one for one in ranked if one.pattern.model is None]
    by_model: defaultdict[str, list[Compiled]] = defaultdict(list)
    for one in ranked:
        if one.pattern.model is not None:
            by_model[one.pattern.model].append(one)
    merged = {
        model: tuple(sorted((*own, *any_model), key=lambda one: one.rank)) if any_model else tuple(own)
        for model, own in by_model.items()
    }
    return _Index(merged, tuple(any_model))
