"""`trace_agent`: an agent of any framework, or any callable, whose calls are requests."""

import copy
from collections.abc import Callable
from functools import partial
from types import FunctionType, MethodType
from typing import Any, Final, TypeVar, overload

import wrapt
from arc_semconv import attributes as semconv
from opentelemetry.util.types import AttributeValue

from arc_runtime._stderr import LOGGER
from arc_runtime.api._start import requests_when_started
from arc_runtime.tracking import Calls, Detection, detect_agent, name_of_callable

__all__ = ["trace_agent"]

A = TypeVar("A")

_METHODS: Final = (
    "invoke", "ainvoke", "stream", "astream", "batch", "abatch", "run", "arun", "run_sync", "run_async", "run_stream",
    "kickoff", "kickoff_async", "chat", "achat",
)  # fmt: skip
"""What frameworks call the methods that have an agent work."""


class _Agent(wrapt.ObjectProxy[Any]):
    """The agent itself, for `isinstance` too, but for the methods that have it work, which a subclass adds.

    They are on the proxy and not on the agent: what the agent calls of its own is not a request of its own.
    """

    def __init__(self, agent: object, detection: Detection) -> None:
        super().__init__(agent)
        self._self_detection = detection

    @property
    def detection(self) -> Detection:
        """What the agent was found to be, and by what."""
        found: Detection = self._self_detection
        return found

    # A copy, here or in another process, is one of the agent itself.

    def __copy__(self) -> Any:
        return copy.copy(self.__wrapped__)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return copy.deepcopy(self.__wrapped__, memo)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self.__wrapped__.__reduce_ex__(protocol)


@overload
def trace_agent(agent: A, /, *, domain: str = "auto", name: str | None = None) -> A: ...


@overload
def trace_agent(*, domain: str = "auto", name: str | None = None) -> Callable[[A], A]: ...


def trace_agent(agent: Any = None, /, *, domain: str = "auto", name: str | None = None) -> Any:
    """`agent`, each call of which is a request: for any callable or method, and any object with `invoke`, `run`, ...

    Its framework and, where `domain` is `auto`, the domain it works in are detected and stand on its spans
    (`arc.agent.framework`, `arc.agent.domain`); `.detection` of what comes back says what each was told by. The first
    call starts Arc where nothing has started it before. Raise TypeError for what can't be called in any known way.
    """
    if agent is None:
        return partial(_traced, domain=domain, name=name)
    return _traced(agent, domain=domain, name=name)


def _traced(agent: Any, *, domain: str, name: str | None) -> Any:
    if isinstance(agent, classmethod | staticmethod):
        return type(agent)(_traced(agent.__func__, domain=domain, name=name))
    methods = [one for one in _METHODS if callable(_held(agent, one))]
    if not methods and not callable(agent):
        raise TypeError(
            f"trace_agent is for callables and for objects with one of {', '.join(_METHODS)}; "
            f"a {type(agent).__name__} has none"
        )
    detection = detect_agent(agent, domain)
    LOGGER.info("%s", detection.explained, extra={"cause": detection.explained})
    called = name or _name(agent)
    attributes: dict[str, AttributeValue] = {
        key: value
        for key, value in ((semconv.AGENT_FRAMEWORK, detection.framework), (semconv.AGENT_DOMAIN, detection.domain))
        if value is not None
    }

    def traced(work: Callable[..., Any]) -> Callable[..., Any]:
        return Calls(work, called, requests_when_started, attributes=attributes, explicit=False).traced()

    wrapped: dict[str, Any] = {one: staticmethod(traced(getattr(agent, one))) for one in methods}
    if callable(agent):
        call = traced(agent)
        wrapped["__call__"] = lambda _self, *args, **kwargs: call(*args, **kwargs)
    if isinstance(agent, FunctionType):  # in the body of a class it is a method
        wrapped["__get__"] = lambda self, held, _=None: self if held is None else MethodType(self, held)
    return type("_Agent", (_Agent,), wrapped)(agent, detection)


def _name(agent: object) -> str:
    own = _held(agent, "name")
    return own if isinstance(own, str) and own else name_of_callable(agent)


def _held(agent: object, name: str) -> object:
    try:
        return getattr(agent, name, None)
    except Exception:  # noqa: BLE001 - a property of the program's own may raise what it likes
        return None
