"""One model call measured, whoever asked for it."""

from collections.abc import Mapping
from typing import Final, NamedTuple, Self

from arc_semconv import attributes as semconv
from opentelemetry import metrics, trace
from opentelemetry.metrics import MeterProvider
from opentelemetry.sdk.metrics import MeterProvider as SDKMeterProvider
from opentelemetry.trace import INVALID_SPAN, Span
from opentelemetry.util.types import AttributeValue

from arc_runtime.metrics._counts import Counts, MeteredCounts
from arc_runtime.metrics._genai import FormerInstruments, Instruments, LatestInstruments
from arc_runtime.metrics._values import Values

__all__ = ["Landed", "Meters"]

_ATTRIBUTES: Final = (
    semconv.OPERATION,
    semconv.PROVIDER,
    semconv.REQUEST_MODEL,
    semconv.RESPONSE_MODEL,
    semconv.SERVER_ADDRESS,
    semconv.SERVER_PORT,
)
"""What tells one series from another; content is never among it."""


class Landed(NamedTuple):
    """A model call that ended."""

    attributes: Mapping[str, AttributeValue]
    """What is known of request and answer: `gen_ai.*` and `server.*`."""
    seconds: float
    first_chunk_seconds: float | None
    """None where nothing was streamed."""
    error: str | None
    """`error.type`; None where it did not fail."""
    fixes: int
    """Entries that changed the request."""
    held_up_seconds: float
    """What Arc itself took of the call."""
    span: Span
    """That of the call, sampled or not; INVALID_SPAN where another instrumentor tells of it, or nobody is to."""


class Meters:
    """Measures the calls of one plugin."""

    def __init__(self, counts: Counts, instruments: Instruments | None) -> None:
        self._counts = counts
        self._instruments = instruments
        self._values = Values()

    @classmethod
    def of(
        cls, scope: tuple[str, str], counts: Counts, provider: MeterProvider | None, *, latest_names: bool
    ) -> Self | None:
        """Meters for the plugin with this name and release; None when nobody asked for a metric.

        `provider` None is the global one.
        """
        chosen = provider or metrics.get_meter_provider()
        instruments: Instruments | None = None
        if _exports(chosen):
            meter = chosen.get_meter(*scope)
            instruments = LatestInstruments(meter) if latest_names else FormerInstruments(meter)
            counts.keep_in(MeteredCounts(meter))
        return cls(counts, instruments) if counts.kept else None

    def record(self, landed: Landed) -> None:
        """Measure one call."""
        self._counts.landed(landed.fixes, landed.held_up_seconds * 1000)
        if self._instruments is None or landed.span is INVALID_SPAN:
            return
        context = trace.set_span_in_context(landed.span)
        attributes = self._values.of(landed.attributes, _ATTRIBUTES)
        error = self._values.of({semconv.ERROR_TYPE: landed.error or 0}, (semconv.ERROR_TYPE,)) if landed.error else {}
        self._instruments.duration(landed.seconds, attributes, error, context)
        if landed.first_chunk_seconds is not None:
            self._instruments.first_chunk(landed.first_chunk_seconds, attributes, context)
        # The conventions forbid to report what nobody told: an estimate is for the span, which marks it.
        usage = {} if landed.attributes.get(semconv.USAGE_ESTIMATED) else landed.attributes
        self._instruments.tokens(usage, attributes, error, context)


def _exports(provider: MeterProvider) -> bool:
    """Whether what `provider` is told goes anywhere: the SDK makes one without readers where nobody asked for any."""
    if isinstance(provider, SDKMeterProvider):
        return bool(getattr(provider, "_metric_readers", True))
    return (
        not isinstance(provider, metrics.NoOpMeterProvider)
        and type(provider).__module__.split(".")[0] != "opentelemetry"
    )
