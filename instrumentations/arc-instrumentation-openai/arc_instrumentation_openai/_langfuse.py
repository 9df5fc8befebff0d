"""Langfuse's drop-in client: it writes a span for each call, but does not make it the current one.

Source: langfuse 5.0, `langfuse/openai.py`; `start_observation` and its `as_type` are public since 3.0.
"""

from collections.abc import Callable
from typing import Any, Final

import wrapt
from arc_runtime.instrumentation import announce
from opentelemetry.trace import Span

__all__ = ["follow"]

_MODEL_CALLS: Final = frozenset({"generation", "embedding"})


def follow(module: Any) -> None:
    """Have the observations that `langfuse` starts for model calls known to the next call in the same context."""
    wrapt.wrap_function_wrapper(module, "Langfuse.start_observation", _starting)


def _starting(wrapped: Callable[..., Any], _client: object, args: Any, kwargs: Any) -> Any:
    observation = wrapped(*args, **kwargs)
    if kwargs.get("as_type") in _MODEL_CALLS:
        span = getattr(observation, "_otel_span", None)
        if isinstance(span, Span):
            announce(span)
    return observation
