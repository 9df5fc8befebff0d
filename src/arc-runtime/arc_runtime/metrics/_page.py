"""Arc's own four metrics at http://127.0.0.1:ARC_METRICS_PORT/metrics, by the official Prometheus client."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from arc_runtime._stderr import LOGGER
from arc_runtime.metrics._counts import BUCKETS_MS, FIXES, LATENCY, MATCHES, REQUESTS, Counts
from arc_runtime.metrics._family import Family
from arc_runtime.settings import METRICS_FAMILY, Settings

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

__all__ = ["open_page"]

_CAUSE: Final = {"cause": "metrics page"}


def open_page(settings: Settings, counts: Counts) -> None:
    """Keep `counts` for the page that ARC_METRICS_PORT asks for, and serve it; never raises.

    One process of a family has the port and tells of all of them: a master that forks its workers, or a supervisor that
    starts them anew. Where the port belongs to another program, that is one line on stderr.
    """
    if settings.metrics_port is None or not settings.active:
        return
    try:
        import prometheus_client as _  # noqa: F401
    except ImportError:
        LOGGER.warning(
            "ARC_METRICS_PORT needs the Prometheus client: pip install 'arc-runtime[prometheus]'", extra=_CAUSE
        )
        return
    try:
        family = Family(Path(settings.metrics_family) if settings.metrics_family else None)
    except OSError as error:
        LOGGER.warning("there is no metrics page: no place for its numbers", exc_info=error, extra=_CAUSE)
        return
    os.environ[METRICS_FAMILY] = str(family.path)
    page = _Page(settings.metrics_host, settings.metrics_port, family)
    family.when_forked = page.take_over
    counts.keep_in(family)
    page.open(quietly=family.joined)


class _Page:
    """The page of one process."""

    def __init__(self, host: str, port: int, family: Family) -> None:
        self._address = host, port
        self._family = family
        self._server: Any = None
        os.register_at_fork(after_in_child=self._let_go)

    def open(self, *, quietly: bool) -> None:
        """Serve the page; `quietly`, where another process of the family is likely to do so."""
        from prometheus_client import CollectorRegistry, start_http_server

        host, port = self._address
        # A registry of its own: what the program exports by the same client is the program's.
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Collector(self._family))
        try:
            self._server, _ = start_http_server(port, host, registry)
        except (OSError, RuntimeError) as error:
            level = LOGGER.info if quietly else LOGGER.warning
            level(
                "there is no metrics page at http://%s:%d/metrics; set ARC_METRICS_PORT to a port that is free",
                host, port, exc_info=error, extra=_CAUSE,
            )  # fmt: skip
        else:
            LOGGER.info("metrics are at http://%s:%d/metrics", host, port)

    def take_over(self) -> None:
        """Serve the page from here on if nobody does any more: the process that did may have ended."""
        threading.Thread(target=self.open, kwargs={"quietly": True}, name="arc-metrics", daemon=True).start()

    def _let_go(self) -> None:
        """Close, in a forked process, the socket that it inherited; the thread that served it did not come along."""
        if self._server is not None:
            self._server.socket.close()
            self._server = None


class _Collector:
    """Reads the numbers when somebody asks for the page."""

    def __init__(self, family: Family) -> None:
        self._family = family

    def collect(self) -> "Iterator[Metric]":
        """The four metrics as they stand."""
        from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily

        totals = self._family.totals()
        for (name, says), value in ((REQUESTS, totals.requests), (FIXES, totals.fixes), (MATCHES, totals.matches)):
            yield CounterMetricFamily(name, says, value)
        buckets, below = [], 0.0
        for limit, count in zip((*map(str, BUCKETS_MS), "+Inf"), totals.latency_counts, strict=True):
            below += count
            buckets.append((limit, below))
        yield HistogramMetricFamily(*LATENCY, buckets=buckets, sum_value=totals.latency_sum_ms)
