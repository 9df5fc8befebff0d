"""Arc Core as one process: built, run and drained here."""

import asyncio
import os
import resource
import signal
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    AsyncExitStack,
    asynccontextmanager,
    contextmanager,
    nullcontext,
    suppress,
)
from typing import Final

import grpc  # type: ignore[import-untyped]
import uvicorn
from arc_prices import PriceList
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import BaseRoute, Route

from arc_core.access import Access
from arc_core.api import (
    Admin,
    Backups,
    Exports,
    Imports,
    Reads,
    Tails,
    failed,
    gateway_route,
    refused,
    refusing,
    routes_of,
)
from arc_core.app._connections import BACKLOG, connections_of
from arc_core.app._divided import DividedReceiver
from arc_core.app._endpoints import Endpoints
from arc_core.app._entrance import access_of, live_ring, now_ms, of_senders
from arc_core.app._idle import Idle, NotingUse
from arc_core.app._meter import limited
from arc_core.app._note import noted
from arc_core.app._shelf import Shelf
from arc_core.app._sockets import bound
from arc_core.ingest import (
    GRPC_OPTIONS,
    Bodies,
    Capacity,
    grpc_handlers,
    http_routes,
)
from arc_core.operations import Metrics, expire_for_ever, health_routes, log_to_stderr, metrics_route
from arc_core.registry import Limiter
from arc_core.settings import Address, Settings
from arc_core.store import Database, Writer, index_texts, migrate, open_database, open_server
from arc_core.web import Guard, workbench_routes

_DRAIN_SECONDS: Final = 10
"""How long requests under way may take to end when Arc Core stops."""


_KEEP_ALIVE_SECONDS: Final = 75
"""uvicorn's 5 s is just the time between two exports of an SDK, which would then meet a connection being closed."""


async def serve(settings: Settings, ready: Callable[[Endpoints], None]) -> None:
    """Run until SIGTERM, SIGINT or, when so set, the end of stdin or of use; `ready` is called once requests are taken.

    Raise StartError when a port or the data folder cannot be had. On return everything acknowledged is on disk.
    """
    log_to_stderr(settings.log_format, settings.log_level)
    files = _open_files()
    stop = asyncio.Event()
    if settings.end_with_stdin:
        _stop_with_stdin(stop)
    with _stopping_on_signals(stop):
        async with AsyncExitStack() as stack:
            # The sockets come first: a port in use is the most frequent trouble, and opening a database takes a second.
            http_socket = stack.enter_context(bound(settings.http, "--http"))
            with bound(settings.grpc, "--grpc") as probe:
                grpc_address = Address(settings.grpc.host, probe.getsockname()[1])
            limiter = Limiter(time.monotonic, now_ms)
            ring = await stack.enter_async_context(live_ring(settings, limiter))
            database = await stack.enter_async_context(_opened(settings))
            await migrate(database)
            texts_indexed = await index_texts(database, wanted=settings.text_index)
            writer = await stack.enter_async_context(_running_writer(Writer(database)))
            access = access_of(settings, ring)
            capacity = Capacity(settings.max_pending_bytes)
            idle = Idle(settings.idle_minutes * 60)
            metrics = Metrics()
            write = limited(idle.noting(writer.write), limiter, ring, metrics)
            receiver = DividedReceiver(write, PriceList().usd, metrics, access.of_stamped)
            bodies = Bodies()
            authenticate = of_senders(access, metrics)
            otlp = http_routes(receiver, bodies, capacity, authenticate)
            operations = [
                *Reads(database, texts_indexed=texts_indexed).operations(),
                *Exports(database).operations(),
                *Imports(Shelf(receiver, capacity, database)).operations(),
                *Tails(database, stop, access.authenticate).operations(),
                *Admin(ring).operations(),
                *Backups(database, None if settings.registry else settings.registry_file, ring.note).operations(),
            ]
            metrics.gauge("pending_bytes", "Bytes of requests held in memory.", lambda: capacity.held_bytes)
            routes = [
                *otlp,
                *health_routes(database, lambda: ring.trouble),
                gateway_route(access, settings.gateway_tenant_header),
                Route("/metrics", refusing(metrics_route(metrics, access))),
                *routes_of(operations, access, limiter, metrics.answered),
                *workbench_routes(),
            ]
            app = _application(routes, access, idle)
            handlers = grpc_handlers(receiver, bodies, capacity, authenticate)
            await stack.enter_async_context(_grpc_server(grpc_address, handlers))
            await stack.enter_async_context(_http_server(app, http_socket, files // 2, stop))
            stack.callback(bodies.close)
            endpoints = _endpoints(settings, http_socket, grpc_address, is_open=access.is_open)
            stack.enter_context(noted(settings, endpoints))
            stack.callback(asyncio.create_task(idle.stop_when_unused(stop)).cancel)
            stack.callback(asyncio.create_task(expire_for_ever(database, ring.current, now_ms)).cancel)
            ready(endpoints)
            await stop.wait()


def _application(routes: list[BaseRoute], access: Access, idle: Idle) -> Starlette:
    return Starlette(
        routes=routes,
        exception_handlers={HTTPException: refused, Exception: failed},
        middleware=[
            Middleware(NotingUse, idle=idle),
            Middleware(Guard, access=access),
            Middleware(GZipMiddleware, minimum_size=1024, compresslevel=1),
        ],
    )


def _open_files() -> int:
    """Return how many may be open at a time, now as many as the system allows: columns of parts, and connections."""
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):  # macOS says that there is no limit, and then knows one
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        now = most
    return now


@contextmanager
def _stopping_on_signals(stop: asyncio.Event) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


def _stop_with_stdin(stop: asyncio.Event) -> None:
    # A thread, because stdin may be a file, which an event loop cannot watch; nobody waits for it.
    threading.Thread(target=_read_to_end, args=(asyncio.get_running_loop(), stop), daemon=True).start()


def _read_to_end(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    with suppress(OSError):  # a stdin that is closed from the start is at its end
        while os.read(0, 4096):
            pass
    with suppress(RuntimeError):  # the loop is closed: Arc Core ended first
        loop.call_soon_threadsafe(stop.set)


def _opened(settings: Settings) -> AbstractAsyncContextManager[Database]:
    return open_database(settings.data) if settings.store is None else open_server(settings.store)


@asynccontextmanager
async def _running_writer(writer: Writer) -> AsyncIterator[Writer]:
    await writer.remember()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(writer.run())
        try:
            yield writer
        finally:
            writer.close()


@asynccontextmanager
async def _grpc_server(address: Address, handlers: Sequence[grpc.GenericRpcHandler]) -> AsyncIterator[None]:
    server = grpc.aio.server(options=GRPC_OPTIONS)
    server.add_generic_rpc_handlers(tuple(handlers))
    server.add_insecure_port(str(address))
    await server.start()
    try:
        yield
    finally:
        await server.stop(_DRAIN_SECONDS)


class _HttpServer(uvicorn.Server):
    """uvicorn without its own signal handling, which would raise the signal again at the end."""

    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]
        return nullcontext()


@asynccontextmanager
async def _http_server(
    app: Starlette, listener: socket.socket, connections: int, stop: asyncio.Event
) -> AsyncIterator[None]:
    config = uvicorn.Config(
        app,
        http=connections_of(connections),  # or nothing is left for the store's own files
        backlog=BACKLOG,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_DRAIN_SECONDS,
    )
    server = _HttpServer(config)
    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(server.serve([listener]))
        serving.add_done_callback(lambda _: stop.set())
        while not server.started and not serving.done():  # noqa: ASYNC110 - uvicorn tells of it by this flag alone
            await asyncio.sleep(0.005)
        try:
            yield
        finally:
            server.should_exit = True


def _endpoints(settings: Settings, http_socket: socket.socket, grpc_address: Address, *, is_open: bool) -> Endpoints:
    http = Address(settings.http.host, http_socket.getsockname()[1])
    return Endpoints(f"http://{http}", str(grpc_address), settings.data, is_open)
