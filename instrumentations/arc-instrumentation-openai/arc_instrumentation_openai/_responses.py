"""What the client hands back: parsed models, streams, and raw responses that are read later, or never.

The object that the user got stays the one it is: a stream's iterator is replaced inside, so `isinstance(x,
openai.Stream)` holds and nothing is read earlier than the user reads it. `close` and `parse` are wrapped on their
classes: on the instance they would tie it into a reference cycle, and a stream that is dropped would keep its
connection until the next garbage collection.
"""

import inspect
import json
import weakref
from collections.abc import Callable
from typing import Any, Final

import wrapt
from arc_runtime.instrumentation import Watcher, watch_async_iterator, watch_iterator

__all__ = ["FOLLOWED_MODULES", "body_of", "watch", "wrap_class_methods"]

_WATCHER: Final = "_arc_watcher"
_FOLLOWED: Final = {
    "openai._streaming": (("Stream", "close"), ("AsyncStream", "close")),
    "openai._legacy_response": (("LegacyAPIResponse", "parse"),),
    "openai._response": (("APIResponse", "parse"), ("AsyncAPIResponse", "parse")),
}
"""Methods that a user calls on what he got, by module."""

FOLLOWED_MODULES: Final = tuple(_FOLLOWED)
"""Modules whose import `wrap_class_methods` waits for."""


def wrap_class_methods(module: Any) -> None:
    """Wrap the methods of `module` through which a watched answer is read or closed."""
    for owner, method in _FOLLOWED[module.__name__]:
        wrapt.wrap_function_wrapper(module, f"{owner}.{method}", _closing if method == "close" else _parsing)


def body_of(result: Any) -> object:
    """The completion in `result`: itself when it is parsed, else what the body of a raw response says."""
    response = getattr(result, "http_response", None)
    return result if response is None else json.loads(response.content)


def watch(result: Any, watcher: Watcher) -> bool:
    """Whether the answer is still to come; if so `watcher` will be told of it."""
    if _is_stream(result):
        _watch_stream(result, watcher)
        return True
    response = getattr(result, "http_response", None)
    if response is None or (response.is_closed and not getattr(result, "_stream", False)):
        return False
    result.__dict__[_WATCHER] = watcher
    # A raw response that is dropped unread counts as closed; at exit the spans are flushed by then.
    weakref.finalize(result, watcher.closed).atexit = False
    return True


def _is_stream(result: object) -> bool:
    return hasattr(result, "_iterator") and hasattr(result, "response")


def _watch_stream(stream: Any, watcher: Watcher) -> None:
    asynchronous = hasattr(stream, "__anext__")
    follow: Callable[..., Any] = watch_async_iterator if asynchronous else watch_iterator
    stream._iterator = follow(stream._iterator, watcher)  # noqa: SLF001 - __iter__ and __next__ both read it
    stream.__dict__[_WATCHER] = watcher


def _closing(wrapped: Callable[..., Any], stream: Any, args: Any, kwargs: Any) -> Any:
    watcher = stream.__dict__.get(_WATCHER)
    if watcher is not None:
        watcher.closed()
    return wrapped(*args, **kwargs)


def _parsing(wrapped: Callable[..., Any], raw: Any, args: Any, kwargs: Any) -> Any:
    result = wrapped(*args, **kwargs)
    watcher = raw.__dict__.get(_WATCHER)
    if watcher is None:
        return result
    return _awaited(result, watcher) if inspect.isawaitable(result) else _seen(result, watcher)


async def _awaited(result: Any, watcher: Watcher) -> Any:
    return _seen(await result, watcher)


def _seen(result: Any, watcher: Watcher) -> Any:
    if not _is_stream(result):
        watcher.answered(result)
    elif _WATCHER not in result.__dict__:
        _watch_stream(result, watcher)
    return result
