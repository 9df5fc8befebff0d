"""Whether Arc Core lives, and whether it can do its work: for probes, which bring no key."""

import asyncio
from collections.abc import Callable
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from arc_core.errors import ArcCoreError
from arc_core.store import Database

_SECONDS: Final = 5.0
"""How long the store may take to answer."""

_FREE_BYTES: Final = 256 * 1024 * 1024
"""Below this the disk counts as full: a merge needs room."""


class Ready(msgspec.Struct):
    """What a probe is told."""

    status: str
    """`ready` or `not ready`."""
    store: str
    """`ok`, or what is wrong."""
    disk: str
    registry: str


def health_routes(database: Database, registry_trouble: Callable[[], str | None]) -> list[Route]:
    """`/healthz`: the process answers. `/readyz`: the store answers, the disk has room and keys are up to date."""

    async def healthz(_: Request) -> Response:
        return Response(b"ok\n", media_type="text/plain", headers={"Cache-Control": "no-store"})

    async def readyz(_: Request) -> Response:
        ready = await _ready(database, registry_trouble())
        status = 200 if ready.status == "ready" else 503
        body = msgspec.json.encode(ready)
        return Response(body, status, {"Cache-Control": "no-store"}, media_type="application/json")

    return [Route("/healthz", healthz), Route("/readyz", readyz)]


async def _ready(database: Database, registry_trouble: str | None) -> Ready:
    store, disk = "ok", "ok"
    try:
        health = await asyncio.wait_for(database.health(), _SECONDS)
        if health.free_bytes < _FREE_BYTES:
            disk = f"{health.free_bytes} bytes are free"
    except (ArcCoreError, TimeoutError):
        store = disk = "does not answer"
    registry = "ok" if registry_trouble is None else "does not answer"
    # A registry that is away stops nobody who is known: keys stay as they were.
    is_ready = store == disk == "ok"
    return Ready("ready" if is_ready else "not ready", store, disk, registry)
