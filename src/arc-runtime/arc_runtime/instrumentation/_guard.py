"""The one guard: whatever fails inside Arc is one warning a cause, counted, and never the user's failure."""

from collections import Counter
from collections.abc import Callable
from typing import TypeVar

from arc_runtime._stderr import LOGGER

__all__ = ["Guard"]

T = TypeVar("T")


class Guard:
    """Runs Arc's own work for one plugin."""

    def __init__(self, plugin: str) -> None:
        self.plugin = plugin
        self.failures: Counter[str] = Counter()
        """How often each piece of work failed."""

    def attempt(self, what: str, work: Callable[..., T], *args: object) -> T | None:
        """What `work(*args)` returns; None when it fails, which is reported."""
        try:
            return work(*args)
        except Exception as error:  # noqa: BLE001 - the one place where Arc's own failures end
            self.report(what, error)
            return None

    def report(self, what: str, error: Exception) -> None:
        """Count the failure and log it, once for each `what` and kind of error."""
        self.failures[what] += 1
        LOGGER.warning(
            "%s: %s failed; the program's call goes on without it",
            self.plugin,
            what,
            exc_info=error,
            extra={"cause": f"{self.plugin}:{what}:{type(error).__name__}"},
        )
