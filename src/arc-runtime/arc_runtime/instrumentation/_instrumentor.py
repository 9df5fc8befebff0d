"""The base of every plugin: wraps its targets when the library is imported, and deactivates without unwrapping."""

import inspect
import time
import weakref
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from importlib.metadata import distribution as metadata_of
from typing import Any, ClassVar, Final, NamedTuple

import wrapt
from opentelemetry.instrumentation.instrumentor import BaseInstrumentor  # type: ignore[attr-defined]

from arc_runtime._stderr import LOGGER
from arc_runtime.instrumentation._guard import Guard
from arc_runtime.instrumentation._model_call import Flight, ModelCall, depart, land_all_at_exit
from arc_runtime.instrumentation._runtime import Pen, Providers, Runtime
from arc_runtime.instrumentation._versions import untested_libraries
from arc_runtime.instrumentation._wrapping import Place

__all__ = ["ArcInstrumentor", "Target", "instruments_of"]

Describe = Callable[[object, tuple[Any, ...], dict[str, Any]], ModelCall | None]

_REQUESTED: Final[ContextVar["ArcInstrumentor | None"]] = ContextVar("arc-requested", default=None)


class Target(NamedTuple):
    """One function of a library through which model calls go."""

    path: str
    """`module:Class.method`."""
    describe: Describe
    """(instance, args, kwargs) -> the model call, or None for a call that is none."""


class ArcInstrumentor(BaseInstrumentor):  # type: ignore[misc]
    """An OpenTelemetry instrumentor that is a declaration: a distribution and its targets.

    It never imports the library: targets are wrapped when the program imports them. `uninstrument` deactivates the
    wrappers and leaves them in place: taking them off could take off another library's with them.
    """

    distribution: ClassVar[str]
    """Name of the plugin's own distribution.

    Its extra `instruments` says from which version of the library on it can work, its extra `tested` which versions its
    tests cover.
    """
    targets: ClassVar[tuple[Target, ...]] = ()

    def __init__(self) -> None:
        # BaseInstrumentor hands out one instance a class and calls this each time.
        if not hasattr(self, "_active"):
            self._active = False
            self._prepared = False
            self._writes_spans = True
            self._hooked = False
            self._versions_seen = False
            self._places: list[Place] = []
            self._protected: weakref.WeakSet[object] = weakref.WeakSet()

    @property
    def active(self) -> bool:
        """Whether the plugin does anything, here and now."""
        return self._active or (self._prepared and _REQUESTED.get() is self)

    @property
    def prepared(self) -> bool:
        """Whether the plugin can work `on_request`."""
        return self._prepared

    @property
    def ready(self) -> bool:
        """Whether the plugin does its work for anything at all; what it follows already, it goes on to follow."""
        return self._active or self._prepared

    @property
    def writes_spans(self) -> bool:
        """Whether spans are its own to write; else another instrumentor of the same library writes them."""
        return self._writes_spans

    @writes_spans.setter
    def writes_spans(self, own: bool) -> None:
        self._writes_spans = own

    def instrumentation_dependencies(self) -> Collection[str]:
        """The requirements of the extra `instruments`, as this distribution's metadata has them."""
        return instruments_of(self.distribution)

    def _instrument(self, **kwargs: Any) -> None:
        if self._set_up(**kwargs):
            self._active = True
            self._hook_once()

    def _set_up(self, **kwargs: Any) -> bool:
        """Whether all is ready for work; not where Arc is off."""
        self.runtime: Runtime = kwargs.get("runtime") or Runtime.from_env()
        if not self.runtime.settings.active:
            return False
        providers = Providers(
            kwargs.get("tracer_provider"), kwargs.get("logger_provider"), kwargs.get("meter_provider")
        )
        self._writes_spans = kwargs.get("spans", True)
        self.pen: Pen = self.runtime.pen(self.distribution, providers)
        self.guard = Guard(self.distribution)
        land_all_at_exit()
        return True

    def _hook_once(self) -> None:
        if not self._hooked:
            self._hooked = True
            self.hook()
            wrapt.wrap_function_wrapper(BaseInstrumentor, "uninstrument", self._after_uninstrument)
        self._fill_places()

    def _uninstrument(self, **_kwargs: Any) -> None:
        self.rest()

    def rest(self) -> None:
        """Do nothing any more, neither on request nor for clients that are protected."""
        self._active = self._prepared = False

    def prepare(self, runtime: Runtime) -> None:
        """Make ready to work `on_request`, where nobody has switched the plugin on for the whole process."""
        if not (self._active or self._prepared):
            self._prepared = self._set_up(runtime=runtime)
            if self._prepared:
                self._hook_once()

    def protect(self, client: object) -> bool:
        """Do the plugin's work for calls of `client`, as far as it is prepared; False when it is none of its own."""
        if not any(place.holds(client) for place in self._places):
            return False
        self._protected.add(client)
        return True

    def works_for(self, client: object) -> bool:
        """Whether the plugin does its work for calls of `client`, here and now."""
        return self.active or self._is_protected(client)

    def _is_protected(self, client: object) -> bool:
        if not self._prepared:
            return False
        # A client of the program's own making may have any `__hash__`.
        return self.guard.attempt("looking whose the call is", self._protected.__contains__, client) is True

    @contextmanager
    def on_request(self) -> Iterator[None]:
        """Have the plugin do its work for what begins in this block, as far as it is prepared."""
        token = _REQUESTED.set(self)
        try:
            yield
        finally:
            _REQUESTED.reset(token)

    def hook(self) -> None:
        """Arrange for the targets to be wrapped; called once. A plugin with other hook points overrides it."""
        for target in self.targets:
            module, _, name = target.path.partition(":")
            self.when_imported(module, self._wrap, target, name)

    def when_imported(self, module: str, work: Callable[..., None], *args: object) -> None:
        """Run `work(module, *args)` once `module` is imported: now, when it is already."""

        def hook(imported: object) -> None:
            self.guard.attempt("reading versions", self._look_at_versions)
            self.guard.attempt(f"wrapping {module}", work, imported, *args)

        wrapt.register_post_import_hook(hook, module)

    def _look_at_versions(self) -> None:
        """Say once which libraries are in a version that is not tested; a program that imports none is not told."""
        if self._versions_seen:
            return
        self._versions_seen = True
        for found in untested_libraries(self.distribution):
            LOGGER.warning("%s; what still fits is traced and mended", found, extra={"cause": str(found)})

    def _wrap(self, module: object, target: Target, name: str) -> None:
        owner: Any = module
        *path, last = name.split(".")
        for step in path:
            owner = getattr(owner, step)
        wrapper = self._around_async if inspect.iscoroutinefunction(getattr(owner, last)) else self._around
        place = Place(owner, last, wrapper(target))
        self._places.append(place)
        place.fill()

    def _fill_places(self) -> None:
        for place in self._places:
            self.guard.attempt("wrapping again", place.fill)

    def _after_uninstrument(self, wrapped: Callable[..., object], _other: object, args: Any, kwargs: Any) -> object:
        """Put back what another instrumentor took away with its own: it sets functions to what it found once."""
        result = wrapped(*args, **kwargs)
        self._fill_places()
        return result

    def _boarded(self, target: Target, instance: object, args: Any, kwargs: Any) -> Flight | None:
        """The flight of this call; None when it is none of ours, or Arc failed."""
        began = time.perf_counter()
        try:  # Guard.attempt, written out: this is the way of every call
            call = target.describe(instance, args, kwargs)
            if call is None:
                return None
            flight = depart(call, self.runtime, self.pen, self.guard, traced=self._writes_spans)
        except Exception as error:  # noqa: BLE001
            self.guard.report("reading the request", error)
            return None
        flight.began = began
        return flight

    def _around(self, target: Target) -> Callable[..., object]:  # noqa: C901 - a call more would be in every traceback
        def wrapper(  # noqa: C901 - as above
            wrapped: Callable[..., object], instance: object, args: Any, kwargs: Any
        ) -> object:
            seen = (self._active or self._is_protected(instance)) and not self.guard.at_work
            flight = self._boarded(target, instance, args, kwargs) if seen else None
            if flight is None:
                return wrapped(*args, **kwargs)
            if flight.arguments is not None:
                args, kwargs = flight.arguments
            with flight:
                try:
                    result = wrapped(*args, **kwargs)
                except BaseException as error:
                    again = flight.refused(error)
                    if again is None:
                        flight.broke(error)
                        raise
                    mended = True
                    try:
                        result = wrapped(*again[0], **again[1])
                    except Exception as second:  # noqa: BLE001 - of a request that the program did not make
                        flight.refused_again(error, second)
                        mended = False
                    except BaseException as stopped:
                        flight.broke(stopped)
                        raise
                    if not mended:  # out of the handler above: it would be told as the context of the program's error
                        raise
                retry = flight.unfit(result)
                if retry is not None:
                    try:
                        result = flight.better(result, wrapped(*retry[0], **retry[1]))
                    except Exception as worse:  # noqa: BLE001 - of a request that the program did not make
                        flight.no_better(worse)
                    except BaseException as stopped:
                        flight.broke(stopped)
                        raise
            flight.landed(result)
            return result

        return wrapper

    def _around_async(self, target: Target) -> Callable[..., object]:  # noqa: C901 - as above
        async def wrapper(  # noqa: C901 - as above
            wrapped: Callable[..., Any], instance: object, args: Any, kwargs: Any
        ) -> object:
            seen = (self._active or self._is_protected(instance)) and not self.guard.at_work
            flight = self._boarded(target, instance, args, kwargs) if seen else None
            if flight is None:
                return await wrapped(*args, **kwargs)
            if flight.arguments is not None:
                args, kwargs = flight.arguments
            with flight:
                try:
                    result = await wrapped(*args, **kwargs)
                except BaseException as error:
                    again = flight.refused(error)
                    if again is None:
                        flight.broke(error)
                        raise
                    mended = True
                    try:
                        result = await wrapped(*again[0], **again[1])
                    except Exception as second:  # noqa: BLE001 - of a request that the program did not make
                        flight.refused_again(error, second)
                        mended = False
                    except BaseException as stopped:
                        flight.broke(stopped)
                        raise
                    if not mended:  # out of the handler above: it would be told as the context of the program's error
                        raise
                retry = flight.unfit(result)
                if retry is not None:
                    try:
                        result = flight.better(result, await wrapped(*retry[0], **retry[1]))
                    except Exception as worse:  # noqa: BLE001 - of a request that the program did not make
                        flight.no_better(worse)
                    except BaseException as stopped:
                        flight.broke(stopped)
                        raise
            flight.landed(result)
            return result

        return wrapper


def instruments_of(distribution: str) -> list[str]:
    """The requirements of the extra `instruments` of `distribution`, without their markers."""
    requires = metadata_of(distribution).requires or []
    return [line.partition(";")[0].strip() for line in requires if "extra" in line and "instruments" in line]
