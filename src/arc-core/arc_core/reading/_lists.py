"""Traces, spans and sessions, newest first, a page at a time."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Final, Generic, NamedTuple, TypeVar

import msgspec

from arc_core.filters import And, Filter, Statement, When, span_condition, trace_condition
from arc_core.model import StoredSpan, StoredTrace
from arc_core.reading._rows import SessionRow, SpanLine
from arc_core.reading._scoped import TenantDatabase
from arc_core.reading._statements import (
    SERVICES,
    SESSIONS,
    SPAN_LINES,
    SPANS,
    TRACE,
    TRACE_TOTALS,
    TRACES,
    WINDOW,
)
from arc_core.store import Value

T = TypeVar("T")

_HOUR_S: Final = 3600
_SECOND: Final = 1_000_000_000
_END_S: Final = 2**32 - 1
"""The last second that the column of hours holds, in the year 2106."""

_ROWS_A_TRACE: Final = 8
"""Rows of the first window for each trace that is wanted; each window after it has eight times as many."""


class SpanRef(NamedTuple):
    """Where a page ended: what follows is older, or as old with smaller ids."""

    start_ns: int
    trace_id: str
    span_id: str = ""


class Page(NamedTuple, Generic[T]):
    """Items, and whether there are more."""

    items: list[T]
    has_more: bool


class _Window(NamedTuple):
    first_s: int
    end_s: int
    is_last: bool


class _WindowRow(msgspec.Struct):
    oldest_s: int
    rows: int


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


class Traces:
    """What one tenant's spans add up to; every method raises StoreError when ClickHouse refuses."""

    def __init__(self, database: TenantDatabase) -> None:
        self._database = database

    async def page(self, wanted: Filter, now_ns: int, after: SpanRef | None, limit: int) -> Page[StoredTrace]:
        """At most `limit` traces that `wanted` lets pass, newest first, from `after` on."""
        found: list[StoredTrace] = []
        condition = trace_condition(wanted, now_ns)
        async for window in self._windows(wanted, now_ns, after, limit):
            lines = await self._database.query(
                TRACES.format(condition=condition.sql),
                **condition.parameters,
                **_bounds(window, after),
                limit=limit + 1 - len(found),
            )
            found += _decoded(lines, StoredTrace)
            if len(found) > limit:
                break
        return Page(await self.summed(found[:limit]), len(found) > limit)

    async def trace(self, trace_id: str) -> tuple[StoredTrace, list[StoredSpan]] | None:
        """Return the trace with this id (32 hex digits) and its spans, oldest first; None when there is none."""
        found = _decoded(await self._database.query(TRACE, trace_id=trace_id), StoredTrace)
        if not found:
            return None
        (trace,), spans = await asyncio.gather(self.summed(found), self.spans_of(found))
        return trace, spans

    async def start_of(self, trace_id: str) -> int | None:
        """When the trace with this id (32 hex digits) began, in nanoseconds since 1970; None when there is none."""
        found = _decoded(await self._database.query(TRACE, trace_id=trace_id), StoredTrace)
        return found[0].start_ns if found else None

    async def spans_of(self, traces: Sequence[StoredTrace]) -> list[StoredSpan]:
        """All spans of `traces`, oldest first."""
        return _decoded(await self._database.query(SPANS, **_range_of(traces)), StoredSpan)

    async def spans(self, wanted: Filter, now_ns: int, after: SpanRef | None, limit: int) -> Page[SpanLine]:
        """At most `limit` spans that `wanted` lets pass, newest first, from `after` on."""
        found: list[SpanLine] = []
        condition = span_condition(wanted, now_ns)
        async for window in self._windows(wanted, now_ns, after, limit):
            lines = await self._database.query(
                SPAN_LINES.format(condition=condition.sql),
                **condition.parameters,
                **_bounds(window, after),
                after_span=after.span_id if after else "",
                limit=limit + 1 - len(found),
            )
            found += _decoded(lines, SpanLine)
            if len(found) > limit:
                break
        return Page(found[:limit], len(found) > limit)

    async def sessions(self, condition: Statement, after: tuple[int, str] | None, limit: int) -> Page[SessionRow]:
        """At most `limit` conversations with spans for which `condition` holds, the last active first."""
        last_ns, session = after or (0, "")
        lines = await self._database.query(
            SESSIONS.format(condition=condition.sql),
            **condition.parameters,
            last_ns=last_ns,
            session=session,
            limit=limit + 1,
        )
        found = _decoded(lines, SessionRow)
        return Page(found[:limit], len(found) > limit)

    async def services(self) -> list[str]:
        """Names of all services that sent spans, sorted."""
        return [row.service for row in _decoded(await self._database.query(SERVICES), _Service)]

    async def summed(self, traces: Sequence[StoredTrace]) -> list[StoredTrace]:
        """`traces` with what their spans add up to."""
        if not traces:
            return []
        lines = await self._database.query(TRACE_TOTALS, **_range_of(traces))
        totals = {row.trace_id: msgspec.structs.asdict(row) for row in _decoded(lines, _Totals)}
        return [msgspec.structs.replace(trace, **totals.get(trace.trace_id, {})) for trace in traces]

    async def _windows(self, wanted: Filter, now_ns: int, after: SpanRef | None, limit: int) -> AsyncIterator[_Window]:
        """Spans of hours, newest first, that together hold all that `wanted` can let pass.

        What is asked for is mostly among the newest: the first holds little more than is wanted, and only a filter that
        lets little pass needs the others.
        """
        since_ns, until_ns = _times(wanted, now_ns)
        end_s = min(_END_S, _next_hour(until_ns), _END_S if after is None else _next_hour(after.start_ns))
        rows = (limit + 1) * _ROWS_A_TRACE
        while True:
            (row,) = _decoded(await self._database.query(WINDOW, end_s=end_s, rows=rows), _WindowRow)
            if row.rows == 0:
                return
            is_last = row.rows < rows or row.oldest_s * _SECOND <= since_ns
            yield _Window(row.oldest_s, end_s, is_last)
            if is_last:
                return
            end_s, rows = row.oldest_s, rows * 8


def _decoded(lines: bytes, kind: type[T]) -> list[T]:
    return msgspec.json.Decoder(kind).decode_lines(lines)


def _times(wanted: Filter, now_ns: int) -> tuple[int, int]:
    """The earliest and latest time at which what `wanted` lets pass can have begun."""
    since_ns, until_ns = 0, _END_S * _SECOND
    for part in wanted.parts if isinstance(wanted, And) else (wanted,):
        if isinstance(part, When):
            moment = now_ns - part.ago_ns if part.at_ns is None else part.at_ns
            if part.edge == "since":
                since_ns = max(since_ns, moment)
            else:
                until_ns = min(until_ns, moment)
    return since_ns, until_ns


def _next_hour(time_ns: int) -> int:
    return (max(0, time_ns) // _SECOND // _HOUR_S + 1) * _HOUR_S


def _bounds(window: _Window, after: SpanRef | None) -> dict[str, Value]:
    return {
        "first_s": window.first_s,
        "end_s": window.end_s,
        "spans_since_ns": window.first_s * _SECOND,
        "after_ns": after.start_ns if after else 0,
        "after_trace": after.trace_id if after else "",
    }


def _range_of(traces: Sequence[StoredTrace]) -> dict[str, Value]:
    """Parameters that let ClickHouse read only the months these traces are in. Ids are hex, so quotes are safe."""
    return {
        "trace_ids": "[" + ",".join(f"'{trace.trace_id}'" for trace in traces) + "]",
        "first_ns": min(trace.start_ns for trace in traces),
        "last_ns": max(trace.end_ns for trace in traces),
    }
