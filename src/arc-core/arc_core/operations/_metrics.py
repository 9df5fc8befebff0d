"""What Arc Core counts of itself, for Prometheus; each tenant's admins see their own."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import Metric
from starlette.requests import Request
from starlette.responses import Response

from arc_core.access import Access, Caller

_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_BY_TENANT: Final = ("tenant", "signal")


class Metrics:
    """The counters of one Arc Core."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # for all of this process, which is Arc Core
        self._registry = CollectorRegistry()
        self._accepted = self._counter("accepted", "Spans, log records and data points stored.", _BY_TENANT)
        self._rejected = self._counter("rejected", "The same that cannot be stored as they are.", _BY_TENANT)
        self._refused = self._counter(
            "refused_requests", "OTLP requests that were answered with an error.", (*_BY_TENANT, "reason")
        )
        self._stored_bytes = self._counter("stored_bytes", "Bytes put into the store, encoded.", _BY_TENANT)
        self._export_seconds = self._histogram("export_seconds", "Time to the answer to an OTLP request.", _BY_TENANT)
        self._requests = self._counter("api_requests", "Requests to the API.", ("tenant", "operation", "status"))
        self._api_seconds = self._histogram("api_seconds", "Time to the answer of the API.", ("tenant", "operation"))

    def gauge(self, name: str, says: str, value: Callable[[], float]) -> None:
        """Show `value` as `arc_core_NAME` whenever it is asked for."""
        Gauge(f"arc_core_{name}", says, registry=self._registry).set_function(value)

    def stored(self, tenant: str, signal: str, count: int, size_bytes: int) -> None:
        """Count what is on disk."""
        self._accepted.labels(tenant, signal).inc(count)
        self._stored_bytes.labels(tenant, signal).inc(size_bytes)

    def rejected(self, tenant: str, signal: str, count: int) -> None:
        """Count what is left out of a request that was answered with success."""
        self._rejected.labels(tenant, signal).inc(count)

    def refused(self, tenant: str, signal: str, reason: str) -> None:
        """Count an OTLP request that was refused; `tenant` is empty where it is not known."""
        self._refused.labels(tenant, signal, reason).inc()

    def export_took(self, tenant: str, signal: str, seconds: float) -> None:
        """Count the time to the answer to an OTLP request."""
        self._export_seconds.labels(tenant, signal).observe(seconds)

    def answered(self, tenant: str, operation: str, status: int, seconds: float) -> None:
        """Count a request to the API; `tenant` is empty where it is not known."""
        self._requests.labels(tenant, operation, str(status)).inc()
        self._api_seconds.labels(tenant, operation).observe(seconds)

    def page(self, caller: Caller) -> bytes:
        """What `caller` may see, in Prometheus' text format."""
        shown = self._registry if caller.is_operator else _OfTenant(self._registry, caller.tenant)
        return generate_latest(shown)

    def _counter(self, name: str, says: str, labels: tuple[str, ...]) -> Counter:
        return Counter(f"arc_core_{name}", says, labels, registry=self._registry)

    def _histogram(self, name: str, says: str, labels: tuple[str, ...]) -> Histogram:
        return Histogram(f"arc_core_{name}", says, labels, registry=self._registry, buckets=_SECONDS)


class _OfTenant:
    """A registry that shows the samples of one tenant alone."""

    def __init__(self, registry: CollectorRegistry, tenant: str) -> None:
        self._registry = registry
        self._tenant = tenant

    def collect(self) -> Iterable[Metric]:
        """The metrics that have such samples."""
        for metric in self._registry.collect():
            samples = [sample for sample in metric.samples if sample.labels.get("tenant") == self._tenant]
            if samples:
                shown = Metric(metric.name, metric.documentation, metric.type, metric.unit)
                shown.samples = samples
                yield shown


def metrics_route(metrics: Metrics, access: Access) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint that shows `metrics` to admins; it raises as `Access.authenticate` does."""

    async def answer(request: Request) -> Response:
        caller = access.authenticate(request.headers, "admin")
        return Response(
            metrics.page(caller), headers={"Content-Type": CONTENT_TYPE_LATEST, "Cache-Control": "no-store"}
        )

    return answer
