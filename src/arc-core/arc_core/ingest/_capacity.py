"""How much may be held in memory at a time: what keeps a burst from becoming an outage."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from arc_core.errors import OverCapacityError


class Capacity:
    """A number of bytes that all requests under way share."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._held_bytes = 0
        self._lock = threading.Lock()  # large bodies are inflated in threads

    @property
    def held_bytes(self) -> int:
        """What all of them hold now."""
        return self._held_bytes

    def refuse_when_full(self) -> None:
        """Raise OverCapacityError when nothing more fits, before a request that does not say its size is read."""
        if self._held_bytes >= self._max_bytes:
            raise OverCapacityError(f"{self._held_bytes} bytes are waiting to be stored; send this again in a second")

    @contextmanager
    def hold(self) -> Iterator["Held"]:
        """Return a share that one request can let grow; it is given back at the end."""
        held = Held(self)
        try:
            yield held
        finally:
            held.shrink(held.size_bytes)

    def _take(self, size_bytes: int, already_bytes: int) -> None:
        with self._lock:
            others = self._held_bytes - already_bytes
            # A request alone is always let in, or one larger than the whole capacity could never be taken.
            if others > 0 and self._held_bytes + size_bytes > self._max_bytes:
                raise OverCapacityError(f"{others} bytes are waiting to be stored; send this again in a second")
            self._held_bytes += size_bytes

    def _give(self, size_bytes: int) -> None:
        with self._lock:
            self._held_bytes -= size_bytes


class Held:
    """What one request holds of a `Capacity`."""

    def __init__(self, capacity: Capacity) -> None:
        self._capacity = capacity
        self.size_bytes = 0

    def grow(self, size_bytes: int) -> None:
        """Hold `size_bytes` more; raise OverCapacityError when others hold so much that it does not fit."""
        self._capacity._take(size_bytes, self.size_bytes)  # noqa: SLF001 - two halves of one thing
        self.size_bytes += size_bytes

    def shrink(self, size_bytes: int) -> None:
        """Hold `size_bytes` less."""
        self._capacity._give(size_bytes)  # noqa: SLF001
        self.size_bytes -= size_bytes
