"""The local breaker: an entry under test that does harm is off in this process before anybody decides."""

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from arc_runtime.fixes._background import renew_lock_after_fork
from arc_runtime.fixes._entry import Guardrail
from arc_runtime.fixes._registry import Registry
from arc_runtime.fixes._trial import Arm

__all__ = ["Breaker"]

_DEFAULT: Final = Guardrail()
_MOST: Final = 2000
"""Calls that are remembered of each side."""
_Z: Final = 1.96


class _Side:
    def __init__(self) -> None:
        self.calls: deque[tuple[float, bool]] = deque(maxlen=_MOST)

    def counted(self, since: float) -> tuple[int, int]:
        """Failures and calls since then."""
        while self.calls and self.calls[0][0] < since:
            self.calls.popleft()
        return sum(failed for _, failed in self.calls), len(self.calls)


def _bounds(failures: int, calls: int) -> tuple[float, float]:
    """Wilson's interval of a share, at 95 %; from 0 to 1 where there is nothing."""
    if not calls:
        return 0.0, 1.0
    share, z2 = failures / calls, _Z * _Z
    middle = share + z2 / (2 * calls)
    spread = _Z * ((share * (1 - share) + z2 / (4 * calls)) / calls) ** 0.5
    return (middle - spread) / (1 + z2 / calls), (middle + spread) / (1 + z2 / calls)


class Breaker:
    """Counts what becomes of calls with and without an entry, and silences it when it does harm.

    It does when, with at least `min_n` calls that it mended, the lower bound of their failures is above those of the
    control group by more than `max_delta`. Without a control group in this process the control has not failed.
    """

    def __init__(
        self,
        registry: Registry,
        tripped: Callable[[str], None] = lambda _entry_id: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._registry = registry
        self._tripped = tripped
        self._clock = clock
        self._lock = threading.Lock()
        renew_lock_after_fork(self)
        self._sides: dict[tuple[str, Arm], _Side] = {}

    def ended(self, entry_id: str, arm: Arm, *, failed: bool) -> bool:
        """A call on that side of the entry's test has ended; whether the entry is off from now on."""
        if entry_id in self._registry.silenced:
            return False
        entry = self._registry.get(entry_id)
        guard = entry.guard if entry is not None and entry.guard is not None else _DEFAULT
        with self._lock:
            now = self._clock()
            self._sides.setdefault((entry_id, arm), _Side()).calls.append((now, failed))
            mended = self._side(entry_id, "canary").counted(now - guard.window_s)
            control = self._side(entry_id, "control").counted(now - guard.window_s)
            lowest, _ = _bounds(*mended)
            share = control[0] / control[1] if control[1] else 0.0
            harm = mended[1] >= guard.min_n and lowest - share > guard.max_delta
        if harm:
            self._registry.silence(entry_id)
            self._tripped(entry_id)
        return harm

    def _side(self, entry_id: str, arm: Arm) -> _Side:
        return self._sides.get((entry_id, arm)) or _Side()
