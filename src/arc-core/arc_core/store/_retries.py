"""Which requests the database has: those that come again are not stored again."""

import asyncio
from collections.abc import Sequence
from typing import Final

import msgspec

from arc_core.model import Batch
from arc_core.store._database import Database

_STORED: Final = (
    "spans",
    "otel_logs",
    "otel_metrics_gauge",
    "otel_metrics_sum",
    "otel_metrics_histogram",
    "otel_metrics_exponential_histogram",
    "otel_metrics_summary",
)

_HOURS: Final = 24
"""For so long a request may be sent again over a restart and is known; of an older one, merges keep the spans once."""

_MOST: Final = 200_000
"""The newest are the likeliest to come again; 20 MB of them a table."""

_ARRIVED: Final = """
SELECT BatchId AS id FROM {table}
WHERE ReceivedAt > now('UTC') - INTERVAL {hours} HOUR AND BatchId != 0
GROUP BY id ORDER BY max(ReceivedAt) DESC LIMIT {most}
"""

_COUNT: Final = """
SELECT BatchId AS id, count() AS rows FROM {table}
WHERE TenantId IN {{tenants:Array(String)}} AND BatchId IN {{ids:Array(UInt64)}} GROUP BY id
"""

_TRACES_OF_BATCHES: Final = """
INSERT INTO traces
SELECT
    TenantId,
    toStartOfHour(Timestamp) AS Hour,
    TraceId,
    min(Timestamp) AS Start,
    max(fromUnixTimestamp64Nano(toUnixTimestamp64Nano(Timestamp) + toInt64(Duration))) AS End,
    groupUniqArray(toString(ServiceName)) AS Services,
    groupUniqArrayIf(toString(AgentName), AgentName != '') AS Agents,
    groupUniqArrayIf(toString(Model), Model != '') AS Models,
    groupUniqArray(toString(Kind)) AS Kinds,
    groupUniqArrayArray(arrayMap(x -> toString(x), FixIds)) AS FixIds,
    groupUniqArrayIf(ConversationId, ConversationId != '') AS Conversations,
    toUInt8(max(StatusCode = 'Error')) AS HasError,
    argMinState(
        tuple(toString(SpanName), toString(ServiceName), toUInt8(ParentSpanId = ''), toString(StatusCode), toString(RunState)),
        tuple(toUInt8(ParentSpanId != ''), Timestamp, SpanId, bitNot(Duration))) AS Face
FROM spans
WHERE TenantId IN {tenants:Array(String)} AND BatchId IN {ids:Array(UInt64)}
GROUP BY TenantId, Hour, TraceId
"""  # noqa: E501 - as the view of the migration has it
"""What the view of `traces` does: a kill may have come between the two."""


class _Id(msgspec.Struct):
    id: int


class _Count(msgspec.Struct):
    id: int
    rows: int


async def arrived_before(database: Database) -> set[tuple[str, int]]:
    """Return table and id of the requests that were stored in the last hours, all or in part."""
    decoder = msgspec.json.Decoder(_Id)
    asked = (database.query(_ARRIVED.format(table=table, hours=_HOURS, most=_MOST)) for table in _STORED)
    answers = zip(_STORED, await asyncio.gather(*asked), strict=True)
    return {(table, row.id) for table, lines in answers for row in decoder.decode_lines(lines)}


async def stored_of(database: Database, batches: Sequence[Batch]) -> set[tuple[str, int]]:
    """Return table and id of those of `batches`, all of one table, whose rows are all there and can be found.

    Where some rows of one are, all are inserted once more: of equal spans merges keep one. To take those away first
    could lose what was acknowledged, if a kill came just then.
    """
    table = batches[0].stored
    wanted = {batch.id: batch.rows for batch in batches}
    tenants = str(sorted({batch.tenant for batch in batches}))  # whose names have nothing to escape
    lines = await database.query(_COUNT.format(table=table), tenants=tenants, ids=str(list(wanted)))
    found = {one.id for one in msgspec.json.Decoder(_Count).decode_lines(lines) if one.rows >= wanted[one.id]}
    if found and table == "spans":
        await database.command(_TRACES_OF_BATCHES, tenants=tenants, ids=str(list(found)))
    return {(table, one) for one in found}
