"""Puts the ids of the pipeline on the spans of other instrumentors; Arc's own have them from where they are opened."""

import threading
import weakref
from collections.abc import Mapping
from typing import Final

from opentelemetry.context import Context
from opentelemetry.sdk.trace import Span, SpanProcessor
from opentelemetry.trace import TracerProvider, get_current_span
from opentelemetry.util.types import AttributeValue

from arc_runtime.instrumentation import Guard
from arc_runtime.spans import agent_of, pipeline_of, seat

__all__ = ["stamp_spans_of"]

_STAMPED: Final["weakref.WeakSet[TracerProvider]"] = weakref.WeakSet()
_LOCK: Final = threading.Lock()


class PipelineProcessor(SpanProcessor):
    """Puts what identifies the pipeline on each span that starts inside of one and does not say it itself."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Add what is missing."""
        pipeline = pipeline_of(parent_context)
        if pipeline is not None and not pipeline.left():
            self._guard.attempt("stamping a span", _stamp, span, pipeline.attributes)
            above = get_current_span(parent_context)
            self._guard.attempt("seating a span", seat, span, above, agent_of(above))

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002 - nothing waits here
        """Nothing waits here."""
        return True


def stamp_spans_of(provider: TracerProvider, guard: Guard) -> None:
    """Have `provider` do so from now on; nothing, where it takes no processors: then there are no spans to stamp."""
    add = getattr(provider, "add_span_processor", None)
    if add is None:
        return
    with _LOCK:
        if provider not in _STAMPED:
            _STAMPED.add(provider)
            add(PipelineProcessor(guard))


def _stamp(span: Span, attributes: Mapping[str, AttributeValue]) -> None:
    held = span.attributes or {}
    missing = {name: value for name, value in attributes.items() if name not in held}
    if missing:
        span.set_attributes(missing)
