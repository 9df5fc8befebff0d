"""What the client hands back: parsed models, streams, and raw responses that are read later, or never.

The object that the user got stays the one it is: a stream's iterator is replaced inside, so `isinstance(x,
openai.Stream)` holds and nothing is read earlier than the user reads it. `close` and `parse` are wrapped on their
classes: on the instance they would tie it into a reference cycle, and a stream that is dropped would keep its
connection until the next garbage collection.
"""

import inspect
from collections.abc import Callable
from typing import Any, Final

import wrapt
from arc_runtime.instrumentation import Watcher, watch_async_iterator, watch_iterator

from arc_instrumentation_openai._taps import ReadBody, tap

__all__ = ["FOLLOWED_MODULES", "body_of", "watch", "wrap_class_methods"]

_WATCHER: Final = "_arc_watcher"
_BODY: Final = "_arc_body"
_FOLLOWED: Final = {
    "openai._streaming": (("Stream", "close"), ("AsyncStream", "close")),
    "openai._legacy_response": (("LegacyAPIResponse", "parse"),),
    "openai._response": (
        ("APIResponse", "parse"),
        ("AsyncAPIResponse", "parse"),
        ("APIResponse", "close"),
        ("AsyncAPIResponse", "close"),
    ),
}
"""Methods that a user calls on what he got, by module."""

FOLLOWED_MODULES: Final = tuple(_FOLLOWED)
"""Modules whose import `wrap_class_methods` waits for."""


def wrap_class_methods(module: Any) -> None:
    """Wrap the methods of `module` through which a watched answer is read or closed."""
    for owner, method in _FOLLOWED[module.__name__]:
        wrapt.wrap_function_wrapper(module, f"{owner}.{method}", _closing if method == "close" else _parsing)


def body_of(result: Any) -> object:
    """The answer in `result`: itself when it is parsed, else what the body of a raw response says, if that is JSON."""
    if isinstance(result, ReadBody):
        return result.json()
    response = _response_of(result)
    if response is None:
        return result
    return response.json() if "json" in response.headers.get("content-type", "") else {}


def watch(result: Any, watcher: Watcher) -> bool:
    """Whether the answer is still to come; if so `watcher` will be told of it."""
    if _is_stream(result):
        _watch_stream(result, watcher)
        return True
    response = _response_of(result)
    if response is None or response.is_closed:
        return False
    body = tap(response, watcher)
    if response is not result:
        result.__dict__[_BODY] = body
    return True


def _response_of(result: Any) -> Any:
    """The HTTP response that `result` holds, or is; None when it is a parsed answer."""
    held = getattr(result, "http_response", None)
    if held is not None:
        return held
    return result if hasattr(result, "is_stream_consumed") else None


def _is_stream(result: object) -> bool:
    return hasattr(result, "_iterator") and hasattr(result, "response")


def _watch_stream(stream: Any, watcher: Watcher) -> None:
    asynchronous = hasattr(stream, "__anext__")
    follow: Callable[..., Any] = watch_async_iterator if asynchronous else watch_iterator
    stream._iterator = follow(stream._iterator, watcher)  # noqa: SLF001 - __iter__ and __next__ both read it
    stream.__dict__[_WATCHER] = watcher


def _closing(wrapped: Callable[..., Any], owner: Any, args: Any, kwargs: Any) -> Any:
    watched = owner.__dict__.get(_WATCHER) or owner.__dict__.get(_BODY)
    if watched is not None:
        watched.closed()
    return wrapped(*args, **kwargs)


def _parsing(wrapped: Callable[..., Any], raw: Any, args: Any, kwargs: Any) -> Any:
    result = wrapped(*args, **kwargs)
    body = raw.__dict__.get(_BODY)
    if body is None:
        return result
    return _awaited(result, body) if inspect.isawaitable(result) else _seen(result, body)


async def _awaited(result: Any, body: Any) -> Any:
    return _seen(await result, body)


def _seen(result: Any, body: Any) -> Any:
    if _is_stream(result) and _WATCHER not in result.__dict__:
        body.leave()
        _watch_stream(result, body.watcher)
    return result
