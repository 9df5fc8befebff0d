"""Functions whose every call is a request: plain, async, and generators of both kinds."""

import inspect
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextvars import Token
from functools import cached_property, partial, wraps
from typing import Any, Final

from opentelemetry import context
from opentelemetry.context import Context
from opentelemetry.util.types import AttributeValue

from arc_runtime.spans import detach
from arc_runtime.tracking._request import RequestContext
from arc_runtime.tracking._requests import Requests

__all__ = ["Calls", "name_of_callable"]

_NOTHING: Final[Mapping[str, AttributeValue]] = {}


class Calls:
    """What calls of one function have in common: who opens their requests, and under which name."""

    def __init__(
        self,
        work: Callable[..., Any],
        name: str,
        requests: Callable[[], Requests | None],
        *,
        attributes: Mapping[str, AttributeValue] = _NOTHING,
        explicit: bool = True,
    ) -> None:
        """`requests` is asked at each call, and says None where Arc is off."""
        self._work = work
        self._name = name
        self._requests = requests
        self._attributes = attributes
        self._explicit = explicit

    def traced(self) -> Callable[..., Any]:
        """The function with each call as a request; what it takes, returns, yields and raises is unchanged."""
        work = self._work
        called = work if inspect.isroutine(work) or isinstance(work, partial) else getattr(work, "__call__", work)  # noqa: B004
        if inspect.isasyncgenfunction(called):
            wrapper: Callable[..., Any] = self._async_generator()
        elif inspect.isgeneratorfunction(called):
            wrapper = self._generator()
        elif inspect.iscoroutinefunction(called):
            wrapper = self._coroutine()
        else:
            wrapper = self._plain()
        return wraps(work)(wrapper)

    def _begin(self, requests: Requests | None, args: tuple[Any, ...], kwargs: dict[str, Any]) -> RequestContext | None:
        if requests is None:
            return None
        return requests.begin(
            self._name, partial(self._inputs, args, kwargs), attributes=self._attributes, explicit=self._explicit
        )

    def _inputs(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Mapping[str, object]:
        """The arguments by name of the parameter: worked out when somebody asks, it takes longer than a span."""
        if self._signature is not None:
            try:
                bound = self._signature.bind(*args, **kwargs).arguments
            except TypeError:  # they do not fit: the call has raised
                pass
            else:
                return {name: value for name, value in bound.items() if name not in ("self", "cls")}
        return {**{str(number): value for number, value in enumerate(args)}, **kwargs}

    @cached_property
    def _signature(self) -> inspect.Signature | None:
        try:
            return inspect.signature(self._work)
        except (TypeError, ValueError):  # some builtins have none
            return None

    def _plain(self) -> Callable[..., Any]:
        work, find, begin = self._work, self._requests, self._begin

        def call(*args: Any, **kwargs: Any) -> Any:
            requests = find()
            request = begin(requests, args, kwargs)
            if request is None or requests is None:
                return work(*args, **kwargs)
            token = requests.enter(request)
            try:
                result = work(*args, **kwargs)
            except BaseException as error:
                requests.leave(token)
                requests.end(request, None, error)
                raise
            requests.leave(token)
            requests.end(request, result)
            return result

        return call

    def _coroutine(self) -> Callable[..., Any]:
        work, find, begin = self._work, self._requests, self._begin

        async def call(*args: Any, **kwargs: Any) -> Any:
            requests = find()
            request = begin(requests, args, kwargs)
            if request is None or requests is None:
                return await work(*args, **kwargs)
            token = requests.enter(request)
            try:
                result = await work(*args, **kwargs)
            except BaseException as error:
                requests.leave(token)
                requests.end(request, None, error)
                raise
            requests.leave(token)
            requests.end(request, result)
            return result

        return call

    def _generator(self) -> Callable[..., Any]:
        work, find, begin = self._work, self._requests, self._begin

        def call(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
            requests = find()
            inner = work(*args, **kwargs)  # raises where the arguments do not fit
            request = begin(requests, args, kwargs)
            if request is None or requests is None:
                return (yield from inner)
            try:
                result = yield from _stepped(request, inner)
            except BaseException as error:
                requests.end(request, None, error)
                raise
            requests.end(request, result)
            return result

        return call

    def _async_generator(self) -> Callable[..., Any]:
        work, find, begin = self._work, self._requests, self._begin

        async def call(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
            requests = find()
            inner = work(*args, **kwargs)  # raises where the arguments do not fit
            request = begin(requests, args, kwargs)
            inside = _Inside(request)
            try:
                step: Callable[[], Any] = partial(inner.asend, None)
                while True:
                    with inside:
                        try:
                            item = await step()
                        except StopAsyncIteration:
                            break
                    try:
                        step = partial(inner.asend, (yield item))
                    except GeneratorExit:
                        with inside:
                            await inner.aclose()
                        raise
                    except BaseException as error:  # noqa: BLE001 - thrown in by the caller: it is the work's to take
                        step = partial(inner.athrow, error)
            except BaseException as error:
                if request is not None and requests is not None:
                    requests.end(request, None, error)
                raise
            if request is not None and requests is not None:
                requests.end(request)

        return call


def _stepped(request: RequestContext, inner: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
    """The items of `inner`, each worked out inside of `request`: who reads them has a context of his own."""
    inside = _Inside(request)
    step: Callable[[], Any] = partial(next, inner)
    while True:
        with inside:
            try:
                item = step()
            except StopIteration as stop:
                return stop.value
        try:
            step = partial(inner.send, (yield item))
        except GeneratorExit:
            with inside:
                inner.close()
            raise
        except BaseException as error:  # noqa: BLE001 - thrown in by the caller: it is the work's to take
            step = partial(inner.throw, error)


class _Inside:
    """The context of a generator's work while it works: what it made current is so again when it goes on."""

    def __init__(self, request: RequestContext | None) -> None:
        """None: the context is left alone."""
        self._context = None if request is None else request.inside
        self._token: Token[Context] | None = None

    def __enter__(self) -> None:
        if self._context is not None:
            self._token = context.attach(self._context)

    def __exit__(self, *_raised: object) -> None:
        if self._token is not None:
            self._context = context.get_current()
            detach(self._token)
            self._token = None


def name_of_callable(work: object) -> str:
    """What a function, method or other callable is called: its own name, else that of its class."""
    inner = work
    while isinstance(inner, partial):
        inner = inner.func
    return str(getattr(inner, "__name__", None) or type(inner).__name__)
