"""`@entrypoint`: each call of a function is a request."""

from collections.abc import Callable
from functools import partial
from typing import Any, ParamSpec, TypeVar, overload

from arc_runtime.api._start import requests_when_started
from arc_runtime.tracking import Calls, name_of_callable

__all__ = ["entrypoint"]

P = ParamSpec("P")
R = TypeVar("R")


@overload
def entrypoint(work: Callable[P, R], /) -> Callable[P, R]: ...


@overload
def entrypoint(*, name: str | None = None) -> Callable[[Callable[P, R]], Callable[P, R]]: ...


def entrypoint(work: Any = None, /, *, name: str | None = None) -> Any:
    """The function, each call of which is a request: a job with the nodes that ran in it, told on stderr at its end.

    For functions, async functions, generators of both kinds, and methods, with parentheses and without. `name` is by
    default that of the function. The first call starts Arc where nothing has started it before. What the function
    takes, returns and raises is unchanged; a generator is a request from its first item to its last.

    What stderr says is what ARC_CONSOLE asks for; unset, every node as it runs and a summary, and nothing where
    `opentelemetry-instrument` started Arc.
    """
    if work is None:
        return partial(_decorated, name=name)
    return _decorated(work, name=name)


def _decorated(work: Any, *, name: str | None) -> Any:
    if isinstance(work, classmethod | staticmethod):
        return type(work)(_decorated(work.__func__, name=name))
    if not callable(work):
        raise TypeError(
            f"@entrypoint is for functions, and {work!r} is of type {type(work).__name__}; a name is given as "
            "@entrypoint(name=...)"
        )
    return Calls(work, name or name_of_callable(work), requests_when_started).traced()
