"""Who is let in, built from the settings and the registry."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from arc_core.access import Access, Gateway
from arc_core.errors import ForbiddenError, UnauthenticatedError
from arc_core.ingest import Authenticate
from arc_core.model import Tenant
from arc_core.operations import Metrics
from arc_core.registry import Limiter, LiveRing
from arc_core.settings import Settings


@asynccontextmanager
async def live_ring(settings: Settings, limiter: Limiter) -> AsyncIterator[LiveRing]:
    """Every tenant and key, kept up to date; raise UsageError when others can reach Arc Core and there is no key."""
    is_there = settings.registry_file.exists if settings.registry is None else lambda: True
    ring = LiveRing(settings.registry_url, is_there, limiter, now_ms)
    try:
        await asyncio.to_thread(ring.refresh)
        if not ring.current().keys:
            settings.refuse_open_bind()
        keeping = asyncio.create_task(ring.keep())
        try:
            yield ring
        finally:
            keeping.cancel()
    finally:
        await asyncio.to_thread(ring.close)


def access_of(settings: Settings, ring: LiveRing) -> Access:
    """Who is let in."""
    secret = settings.gateway_secret
    gateway = None if secret is None else Gateway(secret, settings.gateway_tenant_header)
    return Access(ring, now_ms, operator_key=settings.api_key, gateway=gateway, is_local=settings.is_local)


def now_ms() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def of_senders(access: Access, metrics: Metrics) -> Authenticate:
    """How the transports of OTLP ask whose telemetry it is."""

    async def authenticate(headers: Mapping[str, str]) -> Tenant:
        try:
            return Tenant(access.authenticate(headers, "ingest").tenant)
        except (UnauthenticatedError, ForbiddenError):
            metrics.refused("", "", "not_let_in")
            raise

    return authenticate
