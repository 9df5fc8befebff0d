"""The one guard: whatever fails inside Arc is one warning a cause, counted, and never the user's failure."""

import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from arc_runtime._stderr import LOGGER

__all__ = ["Guard"]

T = TypeVar("T")


class _AtWork(threading.local):
    """Whether this thread does Arc's own work."""

    now = False


class Guard:
    """Runs Arc's own work for one plugin."""

    def __init__(self, plugin: str) -> None:
        self.plugin = plugin
        self.failures: Counter[str] = Counter()
        """How often each piece of work failed."""
        self._reported: set[str] = set()
        self._at_work = _AtWork()

    @property
    def at_work(self) -> bool:
        """Whether this thread does Arc's own work: what the program's hooks call from within is not Arc's to see.

        A span processor, a log handler or a `__str__` of the program's may call the model itself, without end.
        """
        return self._at_work.now

    def attempt(self, what: str, work: Callable[..., T], *args: object) -> T | None:
        """What `work(*args)` returns; None when it fails, which is reported."""
        at_work = self._at_work
        outer, at_work.now = at_work.now, True
        try:
            return work(*args)
        except Exception as error:  # noqa: BLE001 - the one place where Arc's own failures end
            self.report(what, error)
            return None
        finally:
            at_work.now = outer

    def report(self, what: str, error: BaseException) -> None:
        """Count the failure and log it, once for each `what` and kind of error; never raises."""
        with suppress(Exception):  # a handler of the program's may raise, and the stack may have no room left
            self.failures[what] += 1
            cause = f"{self.plugin}:{what}:{type(error).__name__}"
            if cause in self._reported:
                return
            self._reported.add(cause)
            LOGGER.warning(
                "%s: %s failed; the program's call goes on without it",
                self.plugin,
                what,
                exc_info=error,
                extra={"cause": cause},
            )
