"""Whole traces, to take elsewhere: OTLP's JSON, one trace a line, or a table for analysis."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from tempfile import TemporaryFile
from typing import Final

import msgspec
from starlette.responses import Response

from arc_core.api._operation import Call, Operation
from arc_core.api._otlp import request_of
from arc_core.api._parameters import FILTER, choice
from arc_core.api._streams import Pieces, Streams, begun
from arc_core.filters import trace_condition
from arc_core.model import StoredSpan
from arc_core.reading import SpanRef, TenantDatabase, Traces
from arc_core.store import Database

_FORMATS: Final = {
    "otlp": "application/json",
    "jsonl": "application/x-ndjson",
    "parquet": "application/vnd.apache.parquet",
}
_SUFFIXES: Final = {"otlp": "json", "jsonl": "jsonl", "parquet": "parquet"}
_TRACES_AT_A_TIME: Final = 50
_AT_A_TIME: Final = 2
"""Exports of one tenant that run together."""

_PIECE: Final = 1024 * 1024


class Exports:
    """Answers with whole traces of the caller's tenant."""

    def __init__(self, database: Database, now_ns: Callable[[], int] = time.time_ns) -> None:
        self._database = database
        self._now_ns = now_ns
        self._streams = Streams(_AT_A_TIME, f"{_AT_A_TIME} exports are under way; try again when one has ended")

    def operations(self) -> list[Operation]:
        """The one there is."""
        formats = "one OTLP document, one OTLP request a line for each trace, or a table of spans"
        return [
            Operation(
                method="GET",
                path="/api/v1/export",
                name="export",
                says="Whole traces, with all that is stored of them",
                scope="read",
                handler=self.export,
                parameters=(FILTER, choice("format", formats, list(_FORMATS), default="otlp")),
                answer_types=tuple(_FORMATS.values()),
            )
        ]

    async def export(self, call: Call) -> Response:
        """The traces that the filter lets pass."""
        form = call["format"]
        pieces = self._parquet(call) if form == "parquet" else self._json(call, is_document=form == "otlp")
        headers = {"Content-Disposition": f'attachment; filename="arc-traces.{_SUFFIXES[form]}"'}
        return await self._streams.answer(call.caller.tenant, lambda: begun(pieces), _FORMATS[form], headers)

    async def _json(self, call: Call, *, is_document: bool) -> Pieces:
        pages = self._pages(call)
        page: list[list[StoredSpan]] = await anext(pages, [])
        if is_document:
            yield b'{"resourceSpans":['
        is_first = True
        while page:
            told = [request_of(spans) for spans in page]
            if is_document:
                bodies = [msgspec.json.encode(one["resourceSpans"])[1:-1] for one in told]
                yield (b"" if is_first else b",") + b",".join(bodies)
            else:
                yield b"".join(msgspec.json.encode(one) + b"\n" for one in told)
            is_first = False
            page = await anext(pages, [])
        if is_document:
            yield b"]}"

    async def _pages(self, call: Call) -> AsyncIterator[list[list[StoredSpan]]]:
        """The spans of some traces at a time, newest first."""
        reader = Traces(TenantDatabase(self._database, call.caller.tenant))
        now_ns, after = self._now_ns(), None
        has_more = True
        while has_more:
            found = await reader.page(call["filter"], now_ns, after, _TRACES_AT_A_TIME)
            if not found.items:
                return
            by_trace: dict[str, list[StoredSpan]] = {trace.trace_id: [] for trace in found.items}
            for span in await reader.spans_of(found.items):
                by_trace[span.trace_id].append(span)
            yield [spans for spans in by_trace.values() if spans]
            after = SpanRef(found.items[-1].start_ns, found.items[-1].trace_id)
            has_more = found.has_more

    async def _parquet(self, call: Call) -> Pieces:
        condition = trace_condition(call["filter"], self._now_ns())
        database = TenantDatabase(self._database, call.caller.tenant)
        sql = _TABLE.format(condition=condition.sql)
        # By way of a file: a listener who takes his time would keep one of the few sessions that read.
        with await asyncio.to_thread(TemporaryFile) as file:
            async for piece in database.stream(sql, "Parquet", **condition.parameters, spans_since_ns=0):
                await asyncio.to_thread(file.write, piece)
            file.seek(0)
            while piece := await asyncio.to_thread(file.read, _PIECE):
                yield piece


_TABLE: Final = """
SELECT * EXCEPT (BatchId)
FROM spans
WHERE TenantId = {{tenant:String}} AND TraceId IN (
    SELECT TraceId
    FROM traces
    WHERE TenantId = {{tenant:String}}
    GROUP BY TraceId
    HAVING {condition}
)
ORDER BY TraceId, Timestamp, Duration DESC, SpanId
LIMIT 1 BY TraceId, SpanId
"""
