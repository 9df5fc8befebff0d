"""Arc's own four metrics; their names are those of Arc Runtime's first release."""

from collections.abc import Sequence
from typing import Final, Protocol

from opentelemetry.metrics import Meter

__all__ = ["BUCKETS_MS", "FIXES", "LATENCY", "MATCHES", "REQUESTS", "Counts", "MeteredCounts", "Sink"]

REQUESTS: Final = ("arc_requests_intercepted_total", "Model calls that went through Arc.")
FIXES: Final = ("arc_fixes_applied_total", "Entries that changed a request before it left.")
MATCHES: Final = (
    "arc_pattern_matches_total",
    "Entries whose pattern matched a request, whether they changed it or not.",
)
LATENCY: Final = (
    "arc_interception_latency_ms",
    "Milliseconds that Arc itself took of a call: before it left, and after it was answered.",
)
"""Name and description."""

BUCKETS_MS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0)


class Sink(Protocol):
    """Where the four are kept."""

    def matched(self, entries: int) -> None:
        """So many entries matched one request."""

    def landed(self, fixes: int, held_up_ms: float) -> None:
        """A call ended: so many entries changed it, and so long Arc took of it."""


class Counts:
    """The four metrics of this process; none is kept until there is a sink."""

    def __init__(self) -> None:
        self._sinks: Sequence[Sink] = ()

    @property
    def kept(self) -> bool:
        """Whether somebody asked for them."""
        return bool(self._sinks)

    def keep_in(self, sink: Sink) -> None:
        """Keep them in `sink` from now on; a second one of its class changes nothing."""
        if not any(type(one) is type(sink) for one in self._sinks):
            self._sinks = (*self._sinks, sink)

    def matched(self, entries: int) -> None:
        """So many entries matched one request."""
        for sink in self._sinks:
            sink.matched(entries)

    def landed(self, fixes: int, held_up_ms: float) -> None:
        """A call ended: so many entries changed it, and so long Arc took of it."""
        for sink in self._sinks:
            sink.landed(fixes, held_up_ms)


class MeteredCounts:
    """The four as OpenTelemetry instruments, by the same names."""

    def __init__(self, meter: Meter) -> None:
        self._requests = meter.create_counter(REQUESTS[0], "{request}", REQUESTS[1])
        self._fixes = meter.create_counter(FIXES[0], "{fix}", FIXES[1])
        self._matches = meter.create_counter(MATCHES[0], "{match}", MATCHES[1])
        # The unit is in the name: told again, a Collector would write it into the Prometheus name a second time.
        self._latency = meter.create_histogram(
            LATENCY[0], "", LATENCY[1], explicit_bucket_boundaries_advisory=BUCKETS_MS
        )

    def matched(self, entries: int) -> None:
        """So many entries matched one request."""
        self._matches.add(entries)

    def landed(self, fixes: int, held_up_ms: float) -> None:
        """A call ended: so many entries changed it, and so long Arc took of it."""
        self._requests.add(1)
        if fixes:
            self._fixes.add(fixes)
        self._latency.record(held_up_ms)
