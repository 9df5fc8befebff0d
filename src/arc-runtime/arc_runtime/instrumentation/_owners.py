"""Whether a model call that is about to be traced has its span already, from an instrumentor further out.

Most others make their span the current one while the call is under way: it is recognised by its attributes. One such
span stands for one call: it is claimed by the first that Arc sees inside, and a second call there gets a span of its
own. The instrumentors of OpenTelemetry that stand on opentelemetry-util-genai (1.3 and newer) also say so in the
context, each sort of call under a key of its own; Arc says it there too while a call of its own is open, so that they
leave it alone. That library is only looked at where the program has it loaded.
"""

import sys
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any, Final

from arc_semconv import attributes as semconv
from arc_semconv.kinds import Kind
from arc_semconv.others import EMBEDDING, FETCH_RESPONSE, INFERENCE, MODEL_CALL_MARKS, call_of
from opentelemetry import context, trace
from opentelemetry.trace import INVALID_SPAN, Span
from opentelemetry.util.types import AttributeValue

__all__ = ["Owner", "announce", "marks", "owner_of"]

_UTIL_GENAI: Final = "opentelemetry.util.genai.invocation"
_KEYS: Final = {call: f"opentelemetry.genai.client.{call}.context" for call in (INFERENCE, EMBEDDING, FETCH_RESPONSE)}
"""Where opentelemetry-util-genai says that a call is recorded. Source: its CLIENT_*_CONTEXT_KEY."""
_DATA: Final = {INFERENCE: "InferenceData", EMBEDDING: "EmbeddingData", FETCH_RESPONSE: "FetchResponseData"}
"""What it takes as the word of somebody further out; it looks at the class."""
_ANNOUNCED: Final[ContextVar[Span | None]] = ContextVar("arc-announced", default=None)


class Owner:
    """Somebody else's record of a call; what Arc knows beside is told to it."""

    def __init__(self, span: Span | None, data: object) -> None:
        self._span = span
        self._data = data

    @property
    def span(self) -> Span:
        """Its span; where it says only in the context that it has one, an invalid span."""
        return INVALID_SPAN if self._span is None else self._span

    def tell(self, attributes: Mapping[str, AttributeValue]) -> None:
        """Have `attributes` on its span, as long as that is open."""
        if self._span is not None:
            if self._span.is_recording():
                self._span.set_attributes(attributes)
        elif isinstance(told := getattr(self._data, "attributes", None), dict):
            told.update(attributes)


def owner_of(operation: str) -> Owner | None:
    """Who records the call of `operation` that starts here and now; None when nobody does."""
    ambient, announced = context.get_current(), _ANNOUNCED.get()
    if not ambient and announced is None:
        return None
    call = call_of(operation)
    for span in (trace.get_current_span(ambient), announced):
        if span is not None and span.is_recording() and _stands_for(span) == call:
            _ANNOUNCED.set(None)
            span.set_attribute(semconv.SPAN_KIND, Kind.LLM.value)
            return Owner(span, None)
    data = ambient.get(_KEYS[call])
    return None if data is None else Owner(None, data)


def announce(span: Span) -> None:
    """Say that `span`, which is not made the current one, stands for the model call that comes next in this context."""
    _ANNOUNCED.set(span)


def marks(operation: str) -> Mapping[str, object]:
    """What to put into the context while a span of Arc's is open for a call of `operation`, by key."""
    library: Any = sys.modules.get(_UTIL_GENAI)
    if library is None:
        return {}
    call = call_of(operation)
    made = getattr(library, _DATA[call], None)
    return {} if made is None else {_KEYS[call]: made()}


def _stands_for(span: Any) -> str | None:
    """Which sort of model call `span` stands for; None for one of Arc's, one that is claimed, and any other."""
    # The SDK's own dict where it has one: what it hands out instead takes a microsecond for each name.
    attributes = getattr(getattr(span, "_attributes", None), "_dict", None) or getattr(span, "attributes", None)
    if not attributes or semconv.SPAN_KIND in attributes:
        return None
    for name, meanings in MODEL_CALL_MARKS.items():
        if name in attributes:
            value = attributes[name]
            return meanings.get(value) if isinstance(value, str) else None
    return None
