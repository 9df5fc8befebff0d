"""What a failure that was mended teaches: the next request of that provider and model is mended before it leaves."""

import hashlib
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import msgspec

from arc_runtime.errors import PatternError
from arc_runtime.fixes import _files
from arc_runtime.fixes._background import renew_lock_after_fork
from arc_runtime.fixes._entry import Entry
from arc_runtime.fixes._mend import Lesson
from arc_runtime.fixes._registry import Registry
from arc_runtime.fixes._request import Request
from arc_runtime.redaction import Tally, scrub

__all__ = ["Learned", "Learner"]

_LAYER: Final = "learned"
_MOST: Final = 500
_SECONDS: Final = 30 * 24 * 3600.0
_LARGEST: Final = 4 * 1024 * 1024


class Learned(msgspec.Struct, frozen=True):
    """An entry that this machine came upon by itself."""

    entry: Entry
    expires: float
    """When it is forgotten, in seconds since the epoch; a success does not prolong it."""


class Learner:
    """Keeps what was learned in the registry, and on disk for the next process."""

    def __init__(self, registry: Registry, path: Path | None = None, clock: Callable[[], float] = time.time) -> None:
        """`path` None: nothing is kept beyond this process."""
        self._registry = registry
        self._path = path
        self._clock = clock
        self._lock = threading.Lock()
        renew_lock_after_fork(self)
        self._known: dict[str, Learned] = {}
        self._unwritten: dict[str, Learned | None] = {}
        """What this process learned and (None) forgot since it last wrote to the file, which others write to too."""
        if path is not None:
            self._known = self._still_good(_loaded(path))
            self._publish()

    @property
    def known(self) -> list[Learned]:
        """What was learned and is not forgotten yet."""
        return list(self._still_good(self._known).values())

    def learn(self, request: Request, entry_id: str, lesson: Lesson) -> Entry | None:
        """The entry that does before the next such request what `entry_id` did after the error.

        None: it is known, or holds what redaction takes away, as a model's name may; that is written to no disk.
        """
        source = self._registry.get(entry_id)
        model = request.body.get("model")
        if source is None or not isinstance(model, str):
            return None
        if _is_personal({"model": model, **lesson.pattern}, lesson.fix):
            return None
        pattern = {
            "model": model,
            "$provider": request.provider,
            "$host": request.host,
            "$api": request.api,
            **lesson.pattern,
        }
        name = hashlib.sha256(msgspec.json.encode((pattern, lesson.fix), order="sorted")).hexdigest()[:12]
        entry = Entry(
            id=f"learned.{name}",
            pattern=pattern,
            fix=lesson.fix,
            origin="learned",
            level=source.level,
            reason=source.reason,
            source=entry_id,
        )
        with self._lock:
            if entry.id in self._known and self._known[entry.id].expires > self._clock():
                return None
            kept = _newest(self._still_good(self._known), _MOST - 1)
            learned = Learned(entry, self._clock() + _SECONDS)
            self._known = {**kept, entry.id: learned}
            self._unwritten[entry.id] = learned
            self._publish()
        self._keep()
        return entry

    def forget(self, entry_id: str) -> bool:
        """Drop what was learned under that id: a request that it mended was refused; False where there is none."""
        with self._lock:
            if entry_id not in self._known:
                return False
            self._known = {one: learned for one, learned in self._known.items() if one != entry_id}
            self._unwritten[entry_id] = None
            self._publish()
        self._keep()
        return True

    def _publish(self) -> None:
        self._registry.replace(_LAYER, [learned.entry for learned in self._known.values()])

    def _still_good(self, known: dict[str, Learned]) -> dict[str, Learned]:
        now = self._clock()
        # A clock that jumped ahead when it was learned would keep it for ever.
        return {one: learned for one, learned in known.items() if now < learned.expires <= now + 2 * _SECONDS}

    def _keep(self) -> None:
        """Write it down beside the call: a disk may be slow, full, or gone."""
        if self._path is not None:
            threading.Thread(target=self._write, args=(self._path,), name="arc-learned", daemon=True).start()

    def _write(self, path: Path) -> None:
        with self._lock:
            unwritten, self._unwritten = self._unwritten, {}
        try:
            with _files.locked(path):
                found = {**self._still_good(_loaded(path)), **unwritten}
                kept = _newest({one: learned for one, learned in found.items() if learned is not None}, _MOST)
                _files.write(path, msgspec.json.encode(list(kept.values())))
        except OSError:
            with self._lock:  # for the next time; where there is none, the next process learns it anew
                self._unwritten = {**unwritten, **self._unwritten}


def _newest(known: dict[str, Learned], most: int) -> dict[str, Learned]:
    return dict(sorted(known.items(), key=lambda one: one[1].expires)[-most:])


def _is_personal(*parts: Mapping[str, object]) -> bool:
    tally = Tally()
    for part in parts:
        scrub(part, tally)
    return bool(tally)


def _loaded(path: Path) -> dict[str, Learned]:
    data = _files.read(path, _LARGEST)
    try:
        known = msgspec.json.decode(data or b"[]", type=list[Learned])
        # Somebody else may have written to the file: only what is well formed, and of this origin, counts.
        Registry(one.entry for one in known)
    except (msgspec.DecodeError, PatternError):
        return {}
    return {one.entry.id: one for one in known[:_MOST] if one.entry.origin == "learned" and one.entry.when == "before"}
