"""The current span, set and taken back without a word when the end comes in another context.

`opentelemetry.context.detach` logs an error with a traceback when a coroutine or generator is closed by the garbage
collector or from another task: the token belongs to a context that is gone, and with it whatever was attached there.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from opentelemetry import context, trace
from opentelemetry.context import Context
from opentelemetry.trace import Span

__all__ = ["current", "within"]


def current(span: Span, parent: Context | None = None) -> Context:
    """A context in which `span` is the current one; `parent` gives the rest (baggage), by default the ambient one."""
    return trace.set_span_in_context(span, parent)


@contextmanager
def within(span: Span) -> Iterator[None]:
    """Make `span` the current span of this block; it is not ended."""
    token = context.attach(current(span))
    try:
        yield
    finally:
        with suppress(ValueError):
            context._RUNTIME_CONTEXT.detach(token)  # noqa: SLF001 - the public detach logs what is no error here
