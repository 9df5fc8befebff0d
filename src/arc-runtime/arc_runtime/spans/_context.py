"""The current span, set and taken back without a word when the end comes in another context.

`opentelemetry.context.detach` logs an error with a traceback when a coroutine or generator is closed by the garbage
collector or from another task: the token belongs to a context that is gone, and with it whatever was attached there.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import Token
from types import MappingProxyType
from typing import Final

from opentelemetry import context, trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, propagation

__all__ = ["attach", "current", "detach", "in_job", "inside", "suppressed", "within"]

# Both are in use: `is_instrumentation_enabled` asks for each in turn, which takes a microsecond.
_SUPPRESSED: Final = (context._SUPPRESS_INSTRUMENTATION_KEY, "suppress_instrumentation")  # noqa: SLF001
_SPAN: Final = propagation._SPAN_KEY  # noqa: SLF001 - what `set_span_in_context` sets
_JOB: Final = context.create_key("arc-job")


def current(span: Span, *, of_job: bool = False) -> Context:
    """The ambient context with `span` as the current one; `of_job` marks that a job is under way in it."""
    inside = trace.set_span_in_context(span)
    if of_job and inside.get(_JOB) is not True:
        return context.set_value(_JOB, value=True, context=inside)
    return inside


def inside(ambient: Context, span: Span, values: Mapping[str, object] = MappingProxyType({})) -> Context:
    """`ambient` with `span` as the current one, in a job, and with `values` by key; made in one copy."""
    return Context({**ambient, _SPAN: span, _JOB: True, **values})


def in_job(ambient: Context | None = None) -> bool:
    """Whether a job is under way in `ambient`: work that starts there is a run of that job, not a job of its own."""
    return context.get_value(_JOB, ambient) is True


def suppressed(ambient: Context | None = None) -> bool:
    """Whether somebody has switched instrumentation off for what goes on here (`suppress_instrumentation`)."""
    ambient = context.get_current() if ambient is None else ambient
    one, other = _SUPPRESSED
    return bool(ambient.get(one) or ambient.get(other))  # written out: this is the way of every node


def attach(span: Span, values: Mapping[str, object] = MappingProxyType({})) -> Token[Context]:
    """Make `span` the current span until `detach`, with `values` in its context by key."""
    inside = trace.set_span_in_context(span)
    for key, value in values.items():
        inside = context.set_value(key, value, inside)
    return context.attach(inside)


def detach(token: Token[Context]) -> bool:
    """Take back what `attach` did; False where it was done in a context that is gone, or that of another thread."""
    try:
        context._RUNTIME_CONTEXT.detach(token)  # noqa: SLF001 - the public one logs what is no error here
    except ValueError:
        return False
    return True


@contextmanager
def within(span: Span) -> Iterator[None]:
    """Make `span` the current span of this block; it is not ended."""
    token = attach(span)
    try:
        yield
    finally:
        detach(token)
