"""What comes in, limited and counted by tenant."""

import time
from collections.abc import Awaitable, Callable

from google.protobuf.message import Message

from arc_core.access import Limits, Ring
from arc_core.errors import ArcCoreError
from arc_core.ingest import Held, Receiver, Signal
from arc_core.model import Batch, Tenant
from arc_core.operations import Metrics
from arc_core.registry import Limiter

Write = Callable[[Batch], Awaitable[None]]


def limited(write: Write, limiter: Limiter, ring: Ring, metrics: Metrics) -> Write:
    """`write`, which raises OverQuotaError for what is over its tenant's limits, and counts what is stored."""

    async def take(batch: Batch) -> None:
        tenant = ring.current().tenants.get(batch.tenant)
        limits = Limits() if tenant is None else tenant.limits
        limiter.take(batch.tenant, limits, spans=batch.rows, size_bytes=batch.size_bytes)
        try:
            await write(batch)
        except ArcCoreError:
            limiter.give_back(batch.tenant, limits, spans=batch.rows, size_bytes=batch.size_bytes)
            raise
        metrics.stored(batch.tenant, _signal(batch), batch.rows, batch.size_bytes)

    return take


class MeteredReceiver(Receiver):
    """A receiver that tells how long each request took and what became of it."""

    def __init__(self, write: Write, cost_of: Callable[[dict[str, str], int], float | None], metrics: Metrics) -> None:
        super().__init__(write, cost_of)
        self._metrics = metrics

    async def export(self, signal: Signal, body: bytes, held: Held, tenant: Tenant, *, is_json: bool) -> Message:
        """See `Receiver`."""
        began = time.monotonic()
        try:
            response = await super().export(signal, body, held, tenant, is_json=is_json)
        except ArcCoreError as error:
            self._metrics.refused(tenant.id, signal.name, _reason(error))
            raise
        finally:
            self._metrics.export_took(tenant.id, signal.name, time.monotonic() - began)
        self._metrics.rejected(tenant.id, signal.name, _rejected(response))
        return response


def _reason(error: ArcCoreError) -> str:
    """`over_capacity`, `over_quota`, `store`, `malformed` and so on."""
    name = type(error).__name__.removesuffix("Error")
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")


def _rejected(response: Message) -> int:
    for field, value in response.ListFields():
        if field.name == "partial_success":
            return sum(number for one, number in value.ListFields() if one.name.startswith("rejected_"))
    return 0


def _signal(batch: Batch) -> str:
    return {"spans": "traces", "otel_logs": "logs"}.get(batch.stored, "metrics")
