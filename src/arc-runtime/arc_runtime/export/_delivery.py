"""From the SDK's queue to the outbox, the same for spans and log records."""

import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from opentelemetry.sdk._shared_internal import BatchProcessor

from arc_runtime._stderr import LOGGER
from arc_runtime.export._clock import ExitClock
from arc_runtime.export._counters import counters
from arc_runtime.export._outbox import Outbox

__all__ = ["Delivery", "Exporter"]

_LAST_SECONDS = 0.2
_NO_TIME = "there was no time left to send them"


class Exporter(Protocol):
    """One of the SDK's, of spans or of log records."""

    def export(self, batch: Any, /) -> Any:
        """An enum whose SUCCESS means that the endpoint has the batch."""

    def shutdown(self) -> None:
        """Give up what is being tried."""


class Delivery:
    """Brings batches to their endpoint by way of `outbox`; without one, as the exporter itself does it."""

    def __init__(
        self, exporter: Exporter, outbox: Outbox | None, clock: ExitClock, encode: Callable[[Any], bytes]
    ) -> None:
        self.outbox = outbox
        self._exporter = exporter
        self.clock = clock
        self._encode = encode

    def deliver(self, batch: Sequence[Any]) -> bool:
        """Whether the endpoint has `batch`."""
        if self.outbox is not None:
            return self.outbox.deliver(self._encode(batch), len(batch))
        done: bool = self._exporter.export(batch).name == "SUCCESS"
        counters.add(**{"delivered" if done else "dropped": len(batch)})
        if not done:
            where = getattr(self._exporter, "_endpoint", type(self._exporter).__name__)
            LOGGER.error("spans could not be delivered to %s; `arc doctor` tells why", where, extra={"cause": "export"})
        return done

    def close(self) -> None:
        """Settle what is on its way, and shut the exporter down."""
        if self.outbox is not None:
            self.outbox.close()
        self._exporter.shutdown()

    def finish(self, queue: "BatchProcessor[Any]") -> None:
        """Send what waits in `queue` as long as the end of the program may take, and keep the rest."""
        self.clock.begin()
        if self.outbox is not None:
            self.outbox.leave()
        queue.shutdown(timeout_millis=int(self.clock.remaining(30.0) * 1000))
        self.keep_queued(queue)
        queue._worker_thread.join(_LAST_SECONDS)  # noqa: SLF001 - it may be writing to the spool

    def keep_queued(self, queue: "BatchProcessor[Any]") -> None:
        """Keep what nobody will send any more."""
        left = _take(queue)
        if left and self.outbox is not None:
            self.outbox.keep(self._encode(left), len(left), _NO_TIME)
        elif left:
            counters.add(dropped=len(left))

    def flush(self, queue: "BatchProcessor[Any]", seconds: float) -> bool:
        """Whether the endpoint has all that was in `queue`, and in the spool; takes about `seconds` at most."""
        until, dropped = time.monotonic() + seconds, counters.now().dropped
        if self.outbox is not None:
            self.outbox.leave()
        if not queue.force_flush():
            return False
        emptied = self.outbox is None or self.outbox.flush(until)
        return emptied and counters.now().dropped == dropped


def _take(queue: "BatchProcessor[Any]") -> list[Any]:
    taken: list[Any] = []
    while True:
        try:
            taken.append(queue._queue.pop())  # noqa: SLF001 - the SDK forgets what it had no time for
        except IndexError:
            return taken
