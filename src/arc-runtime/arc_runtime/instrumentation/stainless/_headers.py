"""Who asks: headers by which a program names its agent and application to Arc, and which never leave the process."""

from collections.abc import Mapping, MutableMapping
from typing import Any, Final

from arc_semconv import attributes as semconv
from arc_semconv.kinds import Kind
from opentelemetry import trace

__all__ = ["FIXES", "identity", "settle"]

FIXES: Final = semconv.FIXES_HEADER
"""Where `identity` puts what the caller says of fixes; it is no attribute."""

_NAMES: Final = {
    semconv.AGENT_NAME_HEADER: semconv.AGENT_NAME,
    semconv.APPLICATION_ID_HEADER: semconv.APPLICATION_ID,
    semconv.FIXES_HEADER: FIXES,
}


def identity(client: object, options: Any) -> dict[str, str]:
    """Agent and application by attribute name, and what is said of fixes.

    From the headers of this request, else from the client's own.
    """
    found: dict[str, str] = {}
    for headers in (getattr(client, "_custom_headers", None), options.headers):
        if headers and isinstance(headers, Mapping):
            for name, value in headers.items():
                if attribute := _NAMES.get(name.lower()):
                    found.pop(attribute, None)  # a request may leave out what the client sends by default
                    if isinstance(value, str) and value:
                        found[attribute] = value
    return found


def settle(headers: MutableMapping[str, str], retries_taken: int) -> None:
    """Take Arc's own headers out of `headers`, those of one attempt, and count the attempt in the call's span."""
    for name in _NAMES:
        if name in headers:
            del headers[name]
    if retries_taken:
        span: Any = trace.get_current_span()
        # During a call its own span is the current one; where instrumentation is suppressed, somebody else's is.
        if (getattr(span, "attributes", None) or {}).get(semconv.SPAN_KIND) == Kind.LLM.value:
            span.set_attribute(semconv.HTTP_RESEND_COUNT, retries_taken)
