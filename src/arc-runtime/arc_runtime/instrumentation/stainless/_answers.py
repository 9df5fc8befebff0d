"""What the client hands back: parsed models, streams, and raw responses that are read later, or never.

The object that the user got stays the one it is: a stream's iterator is replaced inside, so `isinstance(x,
Stream)` holds and nothing is read earlier than the user reads it. `close` and `parse` are wrapped on their
classes: on the instance they would tie it into a reference cycle, and a stream that is dropped would keep its
connection until the next garbage collection.
"""

import inspect
from collections.abc import Callable, Collection, Mapping
from functools import lru_cache
from typing import Any, Final

import wrapt

from arc_runtime.instrumentation._streams import Watcher, watch_async_iterator, watch_iterator
from arc_runtime.instrumentation.stainless._taps import ReadBody, tap

__all__ = ["fields_of", "followed_modules", "watch", "wrap_class_methods"]

_WATCHER: Final = "_arc_watcher"
_BODY: Final = "_arc_body"
_FOLLOWED: Final = {
    "_streaming": (("Stream", "close"), ("AsyncStream", "close")),
    "_legacy_response": (("LegacyAPIResponse", "parse"),),
    "_response": (
        ("APIResponse", "parse"),
        ("AsyncAPIResponse", "parse"),
        ("APIResponse", "close"),
        ("AsyncAPIResponse", "close"),
    ),
}
"""Methods that a user calls on what he got, by module."""


def followed_modules(library: str) -> tuple[str, ...]:
    """Modules of `library` whose import `wrap_class_methods` waits for."""
    return tuple(f"{library}.{module}" for module in _FOLLOWED)


def wrap_class_methods(module: Any) -> None:
    """Wrap the methods of `module` through which a watched answer is read or closed."""
    for owner, method in _FOLLOWED[module.__name__.rpartition(".")[2]]:
        wrapt.wrap_function_wrapper(module, f"{owner}.{method}", _closing if method == "close" else _parsing)


def fields_of(result: Any, fields: Collection[str]) -> dict[str, object]:
    """Those of `fields` that the answer in `result` has: parsed, or as the JSON body of a raw response."""
    kind: Any = type(result)
    if _is_model(kind):
        said = result.__dict__
        if extra := result.__pydantic_extra__:
            said = {**said, **extra}
    else:
        said = _body_of(result)
    return {field: said[field] for field in fields if field in said}


def _body_of(result: Any) -> Mapping[str, object]:
    response = result if isinstance(result, ReadBody) else _response_of(result)
    body = result if response is None else _json_of(response)
    return body if isinstance(body, dict) else getattr(body, "__dict__", {})


def _json_of(response: Any) -> object:
    try:
        return response.json() if "json" in response.headers.get("content-type", "") else {}
    except (ValueError, RecursionError):  # proxies answer what they like, whatever their headers say
        return {}


def watch(result: Any, watcher: Watcher) -> bool:
    """Whether the answer is still to come; if so `watcher` will be told of it."""
    kind: Any = type(result)
    if _is_model(kind):
        return False
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


@lru_cache(maxsize=256)
def _is_model(kind: Any) -> bool:
    """Whether results of this class are answers as the client parsed them."""
    return hasattr(kind, "model_fields")


def _is_stream(result: object) -> bool:
    return hasattr(result, "_iterator") and hasattr(result, "response")


def _watch_stream(stream: Any, watcher: Watcher) -> None:
    # Asked of the iterator: what other instrumentors hand out in a stream's place can be both kinds at once.
    asynchronous = hasattr(stream._iterator, "__anext__")  # noqa: SLF001
    follow: Callable[..., Any] = watch_async_iterator if asynchronous else watch_iterator
    stream._iterator = follow(stream._iterator, watcher)  # noqa: SLF001 - __iter__ and __next__ both read it
    stream.__dict__[_WATCHER] = watcher


def _closing(wrapped: Callable[..., Any], owner: Any, args: Any, kwargs: Any) -> Any:
    watched = owner.__dict__.get(_WATCHER) or owner.__dict__.get(_BODY)
    if watched is not None:
        watched.guard.attempt("closing the answer", watched.closed)
    return wrapped(*args, **kwargs)


def _parsing(wrapped: Callable[..., Any], raw: Any, args: Any, kwargs: Any) -> Any:
    result = wrapped(*args, **kwargs)
    body = raw.__dict__.get(_BODY)
    if body is None:
        return result
    if inspect.isawaitable(result):
        return _awaited(result, body)
    body.guard.attempt("following the stream", _follow, result, body)
    return result


async def _awaited(result: Any, body: Any) -> Any:
    parsed = await result
    body.guard.attempt("following the stream", _follow, parsed, body)
    return parsed


def _follow(result: Any, body: Any) -> None:
    if _is_stream(result) and _WATCHER not in result.__dict__:
        body.leave()
        _watch_stream(result, body.watcher)
