"""Traces and spans, read back."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from arc_core.model import SERVED_TENANT, StoredSpan, StoredTrace, TraceFilter
from arc_core.store._database import Database
from arc_core.store._queries import SERVICES, SPANS, TRACE_TOTALS, TRACES_PAGE

_ALL: Final = 2**63


class _Totals(msgspec.Struct, kw_only=True):
    trace_id: str
    spans: int
    errors: int
    input_tokens: int
    output_tokens: int
    cost_usd: float | None
    unpriced_calls: int
    fixes: int
    redactions: int
    agents: list[str]
    models: list[str]


class _Service(msgspec.Struct):
    service: str


class TraceStore:
    """What was stored, as the API shows it; raises StoreError when ClickHouse refuses."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._traces = msgspec.json.Decoder(StoredTrace)
        self._totals = msgspec.json.Decoder(_Totals)
        self._spans = msgspec.json.Decoder(StoredSpan)
        self._services = msgspec.json.Decoder(_Service)

    async def page(self, wanted: TraceFilter, limit: int) -> list[StoredTrace]:
        """At most `limit` traces, newest first."""
        return await self._summed(await self._find(wanted, "", limit))

    async def trace(self, trace_id: str) -> tuple[StoredTrace, list[StoredSpan]] | None:
        """Return the trace with this id (32 hex digits) and its spans, oldest first; None when there is none."""
        found = await self._summed(await self._find(TraceFilter(), trace_id, 1))
        if not found:
            return None
        lines = await self._database.query(SPANS, **_range_of(found))
        return found[0], self._spans.decode_lines(lines)

    async def services(self) -> list[str]:
        """Names of all services that sent spans, sorted."""
        lines = await self._database.query(SERVICES, tenant=SERVED_TENANT)
        return [row.service for row in self._services.decode_lines(lines)]

    async def _find(self, wanted: TraceFilter, trace_id: str, limit: int) -> list[StoredTrace]:
        needs_faces = bool(wanted.status or wanted.text)
        told: dict[str, Any] = msgspec.structs.asdict(wanted)
        lines = await self._database.query(
            TRACES_PAGE,
            tenant=SERVED_TENANT,
            trace_id=trace_id,
            candidates=_ALL if needs_faces else limit,
            limit=limit,
            **told,
        )
        return self._traces.decode_lines(lines)

    async def _summed(self, traces: Sequence[StoredTrace]) -> list[StoredTrace]:
        if not traces:
            return []
        lines = await self._database.query(TRACE_TOTALS, **_range_of(traces))
        totals = {row.trace_id: msgspec.structs.asdict(row) for row in self._totals.decode_lines(lines)}
        return [msgspec.structs.replace(trace, **totals.get(trace.trace_id, {})) for trace in traces]


def _range_of(traces: Sequence[StoredTrace]) -> dict[str, Any]:
    """Parameters that let ClickHouse read only the months these traces are in. Ids are hex, so quotes are safe."""
    return {
        "tenant": SERVED_TENANT,
        "trace_ids": "[" + ",".join(f"'{trace.trace_id}'" for trace in traces) + "]",
        "first_ns": min(trace.start_ns for trace in traces),
        "last_ns": max(trace.end_ns for trace in traces),
    }
