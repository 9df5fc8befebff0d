"""What happens to an encoded batch: delivered, or kept on disk until the endpoint is back.

While the endpoint is away batches go straight to the spool, and one thread tries the oldest again, after 1, 2, 4 ... 30
seconds. A key that is refused may be mended at the other end, so what it was refused for is kept too, tried again after
60 seconds, then 120, up to 300. Whatever else the endpoint refuses would be refused again: it is dropped and counted.
"""

import os
import threading
import time
import weakref
from contextlib import suppress
from typing import Final, Literal

from opentelemetry.instrumentation.utils import suppress_instrumentation

from arc_runtime._stderr import LOGGER
from arc_runtime.export._clock import ExitClock
from arc_runtime.export._counters import counters
from arc_runtime.export._line import Line, Reply
from arc_runtime.export._spool import Batch, Spool

__all__ = ["Outbox"]

Drained = Literal["empty", "away", "busy", "late"]

_PAUSES: Final = {"away": (1.0, 30.0), "unauthorised": (60.0, 300.0)}
_QUICK_SECONDS: Final = 0.5
_BUSY_SECONDS: Final = 2.0
_BREATH_SECONDS: Final = 0.05


class _Flight:
    """A batch on its way."""

    def __init__(self, payload: bytes, items: int) -> None:
        self.payload = payload
        self.items = items
        self.kept: Batch | None = None
        """Set when the program could not wait for the answer."""


class _Pause:
    """How long to leave the endpoint alone."""

    def __init__(self) -> None:
        self.reason = ""
        self.quick = True
        """Whether the endpoint took no time to say no, so that one more try costs nothing."""
        self._until = 0.0
        self._length = 0.0

    def over(self) -> bool:
        return self.left() <= 0

    def left(self) -> float:
        return self._until - time.monotonic()

    def end(self) -> None:
        self._until = self._length = 0.0

    def skip(self) -> None:
        self._until = 0.0

    def lengthen(self, reply: Reply, took_seconds: float) -> None:
        first, longest = _PAUSES[reply.meaning]
        self._length = min(max(2 * self._length, first), longest)
        self._until = time.monotonic() + min(max(self._length, reply.retry_after or 0.0), 300.0)
        self.reason, self.quick = reply.reason, took_seconds < _QUICK_SECONDS


class Outbox:
    """The batches of one exporter; `what` names the items in them."""

    def __init__(self, line: Line, spool: Spool, clock: ExitClock, what: str) -> None:
        self._line = line
        self._spool = spool
        self._clock = clock
        self._what = what
        self._start_afresh()
        if hasattr(os, "register_at_fork"):
            weak = weakref.WeakMethod(self._in_child)
            os.register_at_fork(after_in_child=lambda: (found := weak()) and found())
        if self._spool.waiting():
            self._wake()

    def _start_afresh(self) -> None:
        self._lock = threading.Lock()
        self._draining = threading.Lock()
        self._pause = _Pause()
        self._flights: set[_Flight] = set()
        self._backlog = False
        self._inherited = False
        self._courier: threading.Thread | None = None
        self._hiring = threading.Lock()

    def _in_child(self) -> None:
        # What the parent has in hand is the parent's to send.
        self._start_afresh()
        # Opened anew when it is needed: most children send nothing, and a fork is no place for work.
        self._inherited = True

    def deliver(self, payload: bytes, items: int) -> bool:
        """Whether the endpoint has the batch; if not it is in the spool, or counted as dropped."""
        seconds = self._clock.remaining(self._line.seconds)
        if not self._pause.over() or seconds <= 0:
            self.keep(payload, items, self._pause.reason or "there was no time left to send them")
            return False
        flight = _Flight(payload, items)
        with self._lock:
            self._flights.add(flight)
        reply = self._send(payload, seconds)
        with self._lock:
            self._flights.discard(flight)
        return self._settle(flight, reply)

    def keep(self, payload: bytes, items: int, reason: str) -> Batch | None:
        """The batch as it lies in the spool now; None, and counted, when it can't be kept."""
        try:
            path, evicted = self._spool.put(payload, items)
        except OSError as error:
            counters.add(dropped=items)
            self._say("nor kept in %s (%s): they are lost", reason, self._spool.root, error, cause="spool")
            return None
        counters.add(spooled=items, dropped=evicted)
        if evicted:
            LOGGER.warning("the spool %s is full: the oldest go", self._spool.root, extra={"cause": "spool:full"})
        self._say("%d are kept in %s until it is back", reason, items, self._spool.root, cause="export")
        self._wake()
        return Batch(path, items, payload)

    def drain(self, until: float | None = None) -> Drained:
        """What ended it, having sent the batches in the spool, oldest first, until `until` on the monotonic clock."""
        wait = -1.0 if until is None else max(0.0, until - time.monotonic())
        if not self._draining.acquire(timeout=wait):
            return "busy"
        try:
            with suppress_instrumentation(), self._spool.draining() as mine:
                return self._drain(until) if mine else ("busy" if self._spool.waiting() else "empty")
        finally:
            self._draining.release()

    def flush(self, until: float) -> bool:
        """Whether nothing waits in the spool any more; the endpoint is asked once more before it is given up."""
        self._pause.skip()
        return not self._spool.waiting() or self.drain(until) == "empty"

    def leave(self) -> None:
        """Make ready for the end of the program: one more try, if that costs no time."""
        if self._pause.quick:
            self._pause.skip()

    def close(self) -> None:
        """Keep what is on its way without an answer, and send of the spool what there is time for."""
        self.land()
        if self._pause.over() and self._spool.waiting():
            self.drain(time.monotonic() + self._clock.remaining(self._line.seconds))

    def land(self) -> None:
        """Keep what is on its way; should it arrive after all, it is taken out of the spool."""
        with self._lock:
            for flight in self._flights:
                flight.kept = self.keep(flight.payload, flight.items, "there is no answer")

    def _send(self, payload: bytes, seconds: float) -> Reply:
        with self._lock:
            inherited, self._inherited = self._inherited, False
            if inherited:
                self._line.reopen()
        begun = time.monotonic()
        reply = self._line.send(payload, seconds)
        if reply.meaning == "accepted":
            self._pause.end()
        elif reply.meaning != "refused":
            self._pause.lengthen(reply, time.monotonic() - begun)
        return reply

    def _settle(self, flight: _Flight, reply: Reply) -> bool:
        if reply.meaning == "accepted":
            counters.add(delivered=flight.items)
            if flight.kept is not None:
                self._spool.remove(flight.kept.path)
            if self._backlog:
                self._wake()
        elif reply.meaning == "refused":
            self._drop(flight.items, reply)
            if flight.kept is not None:
                self._spool.remove(flight.kept.path)
        elif flight.kept is None:
            self.keep(flight.payload, flight.items, reply.reason)
        return reply.meaning == "accepted"

    def _drain(self, until: float | None) -> Drained:
        while waiting := self._spool.waiting():
            for path in waiting:
                seconds = self._line.seconds if until is None else min(self._line.seconds, until - time.monotonic())
                if seconds <= 0:
                    return "late"
                batch = self._spool.read(path)
                if batch is not None and not self._resend(batch, seconds):
                    return "away"
            if waiting == self._spool.waiting():  # files that can't be read, nor removed
                return "away"
        return "empty"

    def _resend(self, batch: Batch, seconds: float) -> bool:
        """Whether `batch` is settled, so that the next can be tried."""
        reply = self._send(batch.payload, seconds)
        if reply.meaning == "accepted":
            counters.add(resent=batch.items)
        elif reply.meaning == "refused":
            self._drop(batch.items, reply)
        else:
            return False
        self._spool.remove(batch.path)
        return True

    def _drop(self, items: int, reply: Reply) -> None:
        counters.add(dropped=items)
        self._say("%d are dropped, as it would refuse them again", reply.reason, items, cause="export")

    def _say(self, outcome: str, reason: str, *values: object, cause: str) -> None:
        LOGGER.error(
            "%s could not be delivered to %s (%s): " + outcome + "; `arc doctor` tells why",
            self._what,
            self._line.url,
            reason,
            *values,
            extra={"cause": cause},
        )

    def _wake(self) -> None:
        """Have the courier look after the spool; at the end of the program `close` does."""
        with self._hiring:
            self._backlog = True
            if self._clock.running or self._courier is not None:
                return
            courier = threading.Thread(name="ArcSpoolCourier", target=self._carry, daemon=True)
            with suppress(RuntimeError):  # no thread can be had now; the next batch that is kept asks again
                courier.start()
                self._courier = courier

    def _carry(self) -> None:
        while self._is_needed():
            time.sleep(max(self._pause.left(), _BREATH_SECONDS))
            outcome = self.drain()
            self._backlog = self._backlog or outcome != "empty"
            if outcome == "busy":
                time.sleep(_BUSY_SECONDS)

    def _is_needed(self) -> bool:
        with self._hiring:
            needed, self._backlog = self._backlog, False
            if not needed:
                self._courier = None
            return needed
