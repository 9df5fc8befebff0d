"""How sessions over a WebSocket are observed: at the methods of the client's own connection classes.

What a program gets stays the client's own object. A connection bears its session as an attribute, and its methods tell
the session what they handed out, parsed and sent. Newer clients share those methods in a base, older ones repeat them:
each class is wrapped where it defines them.
"""

import inspect
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any, Final, NamedTuple, Protocol
from urllib.parse import urlsplit

import wrapt
from arc_runtime.instrumentation.stainless import FIXES, identity
from arc_semconv import attributes as semconv
from opentelemetry.util.types import AttributeValue

from arc_instrumentation_openai._provider import provider_of
from arc_instrumentation_openai._realtime_session import RealtimeSession
from arc_instrumentation_openai._responses_session import LiveSession, ResponsesSession
from arc_instrumentation_openai._sessions import Boarding, Departure, Peer, Session, kinds_in
from arc_instrumentation_openai._turn import Arguments

__all__ = ["MODULES", "Opening", "Sockets"]


class Surface(NamedTuple):
    """One way to connect."""

    api: str
    """`arc.request.api` of its sessions."""
    session: type[Session]


MODULES: Final = {
    "openai.resources.beta.realtime.realtime": Surface("beta.realtime.connect", RealtimeSession),
    "openai.resources.realtime.realtime": Surface("realtime.connect", RealtimeSession),
    "openai.resources.realtime.translations.translations": Surface("realtime.translations.connect", Session),
    "openai.resources.responses.responses": Surface("responses.connect", ResponsesSession),
    "openai.resources.beta.responses.responses": Surface("beta.responses.connect", ResponsesSession),
    "openai.resources.live.live": Surface("live.connect", LiveSession),
    "openai.resources.live.sideband": Surface("live.sideband.connect", LiveSession),
    "openai.resources.live.forks": Surface("live.forks.connect", LiveSession),
}
"""Modules of the client that hold connection classes; a version of it may lack some, or have them without any."""
_BASE: Final = "openai._websocket_connection"
_LANES: Final = "openai.lib.responses_websocket._session"
_PORTS: Final = {"http": 80, "https": 443, "ws": 80, "wss": 443}
_SESSION: Final = "_arc_session"
_QUEUED: Final = "_arc_queued"
_OURS: Final = frozenset({semconv.AGENT_NAME_HEADER, semconv.APPLICATION_ID_HEADER})
_TOLD_RAW: Final = frozenset({"response.create", "session.update", "session.start", "conversation.item.create"})
"""Events that are read when a program sends text of its own making."""
_sending: ContextVar[bool] = ContextVar("arc-websocket-sending", default=False)
"""Whether the client's own `send` is at work: what it hands to `send_raw` was told already."""

Wrapped = Callable[..., Any]


class Opening(Boarding, Protocol):
    """What the hooks ask of the plugin."""

    @property
    def active(self) -> bool:
        """Whether it does anything at the moment."""

    @property
    def ready(self) -> bool:
        """Whether it does its work for some clients at least."""

    def works_for(self, client: object) -> bool:
        """Whether it does its work for calls of `client`."""

    def when_imported(self, module: str, work: Callable[..., None], *args: object) -> None:
        """Run `work(module, *args)` once `module` is imported."""

    def open_session(self, kind: type[Session], peer: Peer, api: str) -> Session:
        """A session of `kind`, its span open."""


class _Headers(NamedTuple):
    """Headers in the place where `identity` looks for those of a request."""

    headers: object


class Sockets:
    """The hooks of one plugin."""

    def __init__(self, plugin: Opening) -> None:
        self._plugin = plugin

    def hook(self) -> None:
        """Wrap the connection classes as their modules are imported."""
        for module, surface in MODULES.items():
            self._plugin.when_imported(module, self._wrap_module, surface)
        self._plugin.when_imported(_BASE, self._wrap_module, None)
        self._plugin.when_imported(_LANES, self._wrap_lanes)

    def _wrap_module(self, module: Any, surface: Surface | None) -> None:
        classes = [found for found in vars(module).values() if isinstance(found, type)]
        for found in classes:
            if found.__module__ != module.__name__:
                continue
            if found.__name__.endswith("ConnectionManager") and surface is not None:
                self._wrap_manager(found, surface)
            elif found.__name__.endswith(("Connection", "WebSocketConnectionBase")):
                self._wrap_connection(found)
        if hasattr(module, "_merge_mappings"):
            wrapt.wrap_function_wrapper(module, "_merge_mappings", self._around_headers)

    def _wrap_manager(self, manager: type, surface: Surface) -> None:
        for name in ("__enter__", "__aenter__", "enter"):
            _wrap(manager, name, self._around_enter(surface), self._around_async_enter(surface))
        _wrap(manager, "__exit__", self._around_exit, self._around_exit)
        _wrap(manager, "__aexit__", self._around_exit, self._around_async_exit)
        _wrap(manager, "send", self._around_queue, self._around_queue)

    def _wrap_connection(self, connection: type) -> None:
        for name, around, around_async in (
            ("recv_bytes", self._around_recv, self._around_async_recv),
            ("parse_event", self._around_parse, self._around_parse),
        ):
            if (method := vars(connection).get(name)) is not None:
                # These run for every event: a function costs a fifth of what a wrapper of wrapt does.
                setattr(connection, name, (around_async if inspect.iscoroutinefunction(method) else around)(method))
        _wrap(connection, "send", self._around_send, self._around_async_send)
        _wrap(connection, "send_raw", self._around_send_raw, self._around_async_send_raw)
        _wrap(connection, "close", self._around_close, self._around_async_close)
        _wrap(connection, "_reconnect", self._around_reconnect, self._around_async_reconnect)

    def _wrap_lanes(self, module: Any) -> None:
        for name in ("ResponsesWebSocketLane", "AsyncResponsesWebSocketLane"):
            if (lane := getattr(module, name, None)) is not None:
                _wrap(lane, "send", self._around_lane_send, self._around_async_lane_send)

    # --- connecting ---

    def _around_headers(self, wrapped: Wrapped, _module: object, args: Any, kwargs: Any) -> Any:
        headers = wrapped(*args, **kwargs)
        if not self._plugin.ready:  # whose they are is not known here: they are Arc's own headers, whoever set them
            return headers
        own = self._plugin.guard.attempt("reading the headers", _without_ours, headers)
        return headers if own is None else own

    def _open(self, manager: object, surface: Surface) -> Session:
        return self._plugin.open_session(surface.session, _peer(manager), surface.api)

    def _wanted(self, manager: object) -> bool:
        plugin = self._plugin
        return plugin.active or plugin.guard.attempt("looking whose it is", self._is_protected, manager) is True

    def _is_protected(self, manager: object) -> bool:
        return self._plugin.ready and self._plugin.works_for(_private(manager, "client"))

    def _around_enter(self, surface: Surface) -> Wrapped:
        def around(wrapped: Wrapped, manager: Any, args: Any, kwargs: Any) -> Any:
            if not self._wanted(manager):
                return wrapped(*args, **kwargs)
            session = self._plugin.guard.attempt("opening the session", self._open, manager, surface)
            if session is None:
                return wrapped(*args, **kwargs)
            try:
                connection = wrapped(*args, **kwargs)
            except BaseException as error:
                session.failing(error)
                session.ended()
                raise
            self._plugin.guard.attempt("following the session", _follow, manager, connection, session)
            return connection

        return around

    def _around_async_enter(self, surface: Surface) -> Wrapped:
        async def around(wrapped: Wrapped, manager: Any, args: Any, kwargs: Any) -> Any:
            if not self._wanted(manager):
                return await wrapped(*args, **kwargs)
            session = self._plugin.guard.attempt("opening the session", self._open, manager, surface)
            if session is None:
                return await wrapped(*args, **kwargs)
            try:
                connection = await wrapped(*args, **kwargs)
            except BaseException as error:
                session.failing(error)
                session.ended()
                raise
            self._plugin.guard.attempt("following the session", _follow, manager, connection, session)
            return connection

        return around

    def _around_queue(self, wrapped: Wrapped, manager: Any, args: Any, kwargs: Any) -> Any:
        result = wrapped(*args, **kwargs)
        if self._wanted(manager):
            manager.__dict__.setdefault(_QUEUED, []).append(_event(args, kwargs))
        return result

    # --- receiving ---

    def _around_recv(self, method: Wrapped) -> Wrapped:
        plugin = self._plugin

        @wraps(method)
        def recv_bytes(connection: Any, *args: Any, **kwargs: Any) -> Any:
            session: Session | None = connection.__dict__.get(_SESSION)
            if session is None or not plugin.ready:
                return method(connection, *args, **kwargs)
            if session.unread:
                plugin.guard.attempt("reading an event", session.settle)
            try:
                data = method(connection, *args, **kwargs)
            except Exception as error:
                self._lost(connection, session, error)
                raise
            session.unread = data
            return data

        return recv_bytes

    def _around_async_recv(self, method: Wrapped) -> Wrapped:
        plugin = self._plugin

        @wraps(method)
        async def recv_bytes(connection: Any, *args: Any, **kwargs: Any) -> Any:
            session: Session | None = connection.__dict__.get(_SESSION)
            if session is None or not plugin.ready:
                return await method(connection, *args, **kwargs)
            if session.unread:
                plugin.guard.attempt("reading an event", session.settle)
            try:
                data = await method(connection, *args, **kwargs)
            except Exception as error:
                self._lost(connection, session, error)
                raise
            session.unread = data
            return data

        return recv_bytes

    def _around_parse(self, method: Wrapped) -> Wrapped:
        plugin = self._plugin

        @wraps(method)
        def parse_event(connection: Any, *args: Any, **kwargs: Any) -> Any:
            event = method(connection, *args, **kwargs)
            session: Session | None = connection.__dict__.get(_SESSION)
            if session is not None and plugin.ready:
                try:
                    session.parsed(args[0] if args else kwargs.get("data"), event)
                except Exception as error:  # noqa: BLE001 - inlined guard: this runs for every event
                    plugin.guard.report("reading an event", error)
            return event

        return parse_event

    def _lost(self, connection: object, session: Session, error: Exception) -> None:
        if isinstance(error, _closings()):
            again = getattr(connection, "_on_reconnecting", None) is not None
            again = again and not getattr(connection, "_intentionally_closed", False)
            self._plugin.guard.attempt("reading the end", _lose, session, error, not again)

    # --- sending ---

    def _depart(self, session: Session, event: object, lane: object, arguments: Arguments | None) -> Departure | None:
        return session.sending(event, lane, arguments)

    @contextmanager
    def _leaving(self, connection: Any, departure: Departure | None) -> Iterator[None]:
        """Tell the session when what is sent in this block does not leave."""
        session: Session = connection.__dict__[_SESSION]
        try:
            yield
        except BaseException as error:
            if departure is not None:
                self._plugin.guard.attempt("reading the error", session.unsent, departure[0], error)
            if isinstance(error, Exception):
                self._lost(connection, session, error)
            raise

    def _told(
        self, connection: Any, args: Any, kwargs: Any, lane: object = None
    ) -> tuple[Departure | None, tuple[Any, ...], dict[str, Any]]:
        """What departs with a call that sends an event, and the arguments to call with."""
        session: Session = connection.__dict__[_SESSION]
        departure = self._plugin.guard.attempt(
            "reading the request", self._depart, session, _event(args, kwargs), lane, (args, kwargs)
        )
        if departure is not None and departure[1] is not None:
            return departure, *departure[1]
        return departure, args, kwargs

    def _followed(self, connection: Any) -> bool:
        return self._plugin.ready and _SESSION in getattr(connection, "__dict__", ())

    def _around_send(self, wrapped: Wrapped, connection: Any, args: Any, kwargs: Any) -> Any:
        if not self._followed(connection):
            return wrapped(*args, **kwargs)
        departure, args, kwargs = self._told(connection, args, kwargs)
        with self._leaving(connection, departure), _telling():
            return wrapped(*args, **kwargs)

    async def _around_async_send(self, wrapped: Wrapped, connection: Any, args: Any, kwargs: Any) -> Any:
        if not self._followed(connection):
            return await wrapped(*args, **kwargs)
        departure, args, kwargs = self._told(connection, args, kwargs)
        with self._leaving(connection, departure), _telling():
            return await wrapped(*args, **kwargs)

    def _around_lane_send(self, wrapped: Wrapped, lane: Any, args: Any, kwargs: Any) -> Any:
        connection, name = _lane(lane)
        if not self._followed(connection):
            return wrapped(*args, **kwargs)
        departure, args, kwargs = self._told(connection, args, kwargs, name)
        with self._leaving(connection, departure):
            return wrapped(*args, **kwargs)

    async def _around_async_lane_send(self, wrapped: Wrapped, lane: Any, args: Any, kwargs: Any) -> Any:
        connection, name = _lane(lane)
        if not self._followed(connection):
            return await wrapped(*args, **kwargs)
        departure, args, kwargs = self._told(connection, args, kwargs, name)
        with self._leaving(connection, departure):
            return await wrapped(*args, **kwargs)

    def _told_raw(self, connection: Any, args: Any, kwargs: Any) -> Departure | None:
        session: Session = connection.__dict__[_SESSION]
        data = args[0] if args else kwargs["data"]
        if _TOLD_RAW.isdisjoint(kinds_in(data)):
            return None
        return session.sending(json.loads(data))

    def _around_send_raw(self, wrapped: Wrapped, connection: Any, args: Any, kwargs: Any) -> Any:
        if _sending.get() or not self._followed(connection):
            return wrapped(*args, **kwargs)
        departure = self._plugin.guard.attempt("reading the request", self._told_raw, connection, args, kwargs)
        with self._leaving(connection, departure):
            return wrapped(*args, **kwargs)

    async def _around_async_send_raw(self, wrapped: Wrapped, connection: Any, args: Any, kwargs: Any) -> Any:
        if _sending.get() or not self._followed(connection):
            return await wrapped(*args, **kwargs)
        departure = self._plugin.guard.attempt("reading the request", self._told_raw, connection, args, kwargs)
        with self._leaving(connection, departure):
            return await wrapped(*args, **kwargs)

    # --- the end: also of a session that was opened before the plugin was switched off ---

    def _around_close(self, wrapped: Wrapped, connection: Any, args: Any, kwargs: Any) -> Any:
        try:
            return wrapped(*args, **kwargs)
        finally:
            _end(connection)

    async def _around_async_close(self, wrapped: Wrapped, connection: Any, args: Any, kwargs: Any) -> Any:
        try:
            return await wrapped(*args, **kwargs)
        finally:
            _end(connection)

    def _around_exit(self, wrapped: Wrapped, manager: Any, args: Any, kwargs: Any) -> Any:
        connection = _private(manager, "connection")
        _fail(connection, args)
        try:
            return wrapped(*args, **kwargs)
        finally:
            _end(connection)

    async def _around_async_exit(self, wrapped: Wrapped, manager: Any, args: Any, kwargs: Any) -> Any:
        connection = _private(manager, "connection")
        _fail(connection, args)
        try:
            return await wrapped(*args, **kwargs)
        finally:
            _end(connection)

    def _around_reconnect(self, wrapped: Wrapped, connection: Any, args: Any, kwargs: Any) -> Any:
        again = wrapped(*args, **kwargs)
        _reconnected(connection, again)
        return again

    async def _around_async_reconnect(self, wrapped: Wrapped, connection: Any, args: Any, kwargs: Any) -> Any:
        again = await wrapped(*args, **kwargs)
        _reconnected(connection, again)
        return again


def _wrap(owner: type, name: str, around: Wrapped, around_async: Wrapped) -> None:
    """Wrap a method that `owner` itself defines."""
    method = vars(owner).get(name)
    if method is not None:
        wrapper = around_async if inspect.iscoroutinefunction(method) else around
        wrapt.wrap_function_wrapper(owner, name, wrapper)


def _private(manager: object, name: str) -> Any:
    """A private attribute of a connection manager, whichever class's name it is mangled with; None: there is none."""
    return next((value for key, value in vars(manager).items() if key.endswith(f"__{name}")), None)


def _peer(manager: object) -> Peer:
    client = _private(manager, "client")
    # The resource's own address is not asked for: the methods that know it may ask for a token on the way.
    url = urlsplit(str(getattr(client, "websocket_base_url", None) or client.base_url))
    who = identity(client, _Headers(_private(manager, "extra_headers")))
    who.pop(FIXES, None)
    host = url.hostname or ""
    known: dict[str, AttributeValue] = {semconv.SERVER_ADDRESS: host, **who}
    if port := url.port or _PORTS.get(url.scheme):
        known[semconv.SERVER_PORT] = port
    query = _private(manager, "extra_query")
    model = _private(manager, "model")
    if not isinstance(model, str):
        model = query.get("model") if isinstance(query, Mapping) else None
    return Peer(
        host=host,
        provider=provider_of(host, type(client).__name__),
        model=model if isinstance(model, str) else None,
        agent=who.get(semconv.AGENT_NAME),
        known=known,
    )


def _follow(manager: Any, connection: Any, session: Session) -> None:
    connection.__dict__[_SESSION] = session
    for event in manager.__dict__.pop(_QUEUED, ()):
        session.sending(event)


def _without_ours(headers: Mapping[str, str]) -> dict[str, str] | None:
    """`headers` without those that are for Arc; None when there are none of these."""
    if _OURS.isdisjoint(name.lower() for name in headers):
        return None
    return {name: value for name, value in headers.items() if name.lower() not in _OURS}


def _event(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> object:
    return args[0] if args else kwargs.get("event")


def _lane(lane: Any) -> tuple[Any, object]:
    """Connection and name of a lane; a connection that is none when the client's insides are not as expected."""
    session, state = getattr(lane, "_session", None), getattr(lane, "_state", None)
    return getattr(session, "connection", None), getattr(state, "stream_id", None)


@contextmanager
def _telling() -> Iterator[None]:
    token = _sending.set(True)
    try:
        yield
    finally:
        _sending.reset(token)


def _closings() -> tuple[type[BaseException], ...]:
    """What `websockets` raises of a connection that is no more; without it nothing does."""
    module = sys.modules.get("websockets.exceptions")
    return () if module is None else (module.ConnectionClosed,)


def _lose(session: Session, error: Exception, for_good: bool) -> None:  # noqa: FBT001 - it is handed on by name
    session.lost(error, for_good=for_good)


def _fail(connection: Any, args: tuple[Any, ...]) -> None:
    session: Session | None = getattr(connection, "__dict__", {}).get(_SESSION)
    if session is not None and len(args) > 1:
        session.failing(args[1])


def _end(connection: Any) -> None:
    session: Session | None = getattr(connection, "__dict__", {}).get(_SESSION)
    if session is not None:
        session.ended()


def _reconnected(connection: Any, again: object) -> None:
    session: Session | None = connection.__dict__.get(_SESSION)
    if session is None:
        return
    if again:
        session.reconnected()
    else:
        session.ended()
