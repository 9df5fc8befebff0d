"""Spans that the client writes itself: they end once Arc has said on them what it knows of the call.

The client ends the span of a whole answer before its method returns to Arc, so its function that does is put off until
then. Clients before version 2 have none.
"""

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Final, NamedTuple

import wrapt
from arc_runtime.instrumentation import Guard

__all__ = ["CLIENTS", "OwnSpans"]

CLIENTS: Final = ("SyncAPIClient", "AsyncAPIClient")
_FINISH: Final = "finish_api_call_span"


class _End(NamedTuple):
    """A call of the client's function that ends its span."""

    function: Callable[..., object]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]

    def run(self) -> None:
        """Call it."""
        self.function(*self.args, **self.kwargs)

    def tells_of(self, result: object) -> bool:
        """Whether `result` is the answer that it records."""
        return any(getattr(told, "data", None) is result for told in (*self.args, *self.kwargs.values()))


_PUT_OFF: Final[ContextVar[list[_End] | None]] = ContextVar("arc-anthropic-ends", default=None)


class OwnSpans:
    """Puts off the end of the client's own spans; nothing of it raises into the program's call."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    def follow(self, module: Any) -> None:
        """Wrap what ends them, where `module`, the client's base, has that."""
        if not hasattr(module, _FINISH):
            return
        wrapt.wrap_function_wrapper(module, _FINISH, self._later)
        for name, wrapper in zip(CLIENTS, (self._around, self._around_async), strict=True):
            wrapt.wrap_function_wrapper(module, f"{name}.request", wrapper)

    def _later(self, wrapped: Callable[..., object], _instance: object, args: Any, kwargs: Any) -> object:
        ends = _PUT_OFF.get()
        if ends is None:
            return wrapped(*args, **kwargs)
        ends.append(_End(wrapped, args, kwargs))
        return None

    def _around(self, wrapped: Callable[..., object], _client: object, args: Any, kwargs: Any) -> object:
        ends: list[_End] = []
        token, result = _PUT_OFF.set(ends), None
        try:
            result = wrapped(*args, **kwargs)
            return result
        finally:
            _PUT_OFF.reset(token)
            self._guard.attempt("ending the client's own span", _run, ends, result)

    async def _around_async(self, wrapped: Callable[..., Any], _client: object, args: Any, kwargs: Any) -> object:
        ends: list[_End] = []
        token, result = _PUT_OFF.set(ends), None
        try:
            result = await wrapped(*args, **kwargs)
            return result
        finally:
            _PUT_OFF.reset(token)
            self._guard.attempt("ending the client's own span", _run, ends, result)


def _run(ends: list[_End], result: object) -> None:
    """End the span of a call that returned `result`: of two answers by the one that the program gets."""
    if ends:
        next((end for end in ends if end.tells_of(result)), ends[-1]).run()
