"""Traces, spans and sessions, newest first, a page at a time."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Final, Generic, NamedTuple, TypeVar

import msgspec

from arc_core.filters import And, Filter, Statement, When, needs_words, span_condition, trace_condition
from arc_core.model import StoredSpan, StoredTrace
from arc_core.reading._rows import NewestTraceRow, SessionRow, SpanLine, TotalsRow, TraceRow
from arc_core.reading._scoped import TenantDatabase
from arc_core.reading._statements import (
    BEGUN_BEFORE,
    MATCHES,
    NEWEST,
    SERVICES,
    SESSIONS,
    SPAN_LINES,
    SPANS,
    TRACE,
    TRACE_TOTALS,
    TRACE_TOTALS_OF_EACH_ONCE,
    TRACES,
    WINDOW,
)
from arc_core.reading._totals import summed_up
from arc_core.store import Settings, Value

T = TypeVar("T")

_HOUR_S: Final = 3600
_SECOND: Final = 1_000_000_000
_END_S: Final = 2**32 - 1
"""The last second that the column of hours and the key of spans hold, in the year 2106: what is later is on no page."""

_ROWS_A_TRACE: Final = 8
"""Rows of the first window for each trace that is wanted; each window after it has eight times as many."""

_ROWS_BY_INDEX: Final = 65_536
"""Rows of the first window where an index finds what is wanted: to ask twice costs more than to ask for more."""

_NO_PROJECTIONS: Final[Settings] = {"optimize_use_projections": 0}
"""Where none is of use, to look for one takes a third of a statement's time."""


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


class _Times(NamedTuple):
    """Both included, in nanoseconds since 1970."""

    first_ns: int
    last_ns: int


class _WindowRow(msgspec.Struct):
    oldest_s: int
    rows: int


class _MatchesRow(msgspec.Struct):
    oldest_ns: int
    rows: int


class _Service(msgspec.Struct):
    service: str


class Traces:
    """What one tenant's spans add up to; every method raises StoreError when ClickHouse refuses."""

    def __init__(self, database: TenantDatabase, *, texts_indexed: bool = False) -> None:
        """With whether the texts of spans are indexed, which decides how free text is best looked for."""
        self._database = database
        self._texts_indexed = texts_indexed

    async def page(self, wanted: Filter, now_ns: int, after: SpanRef | None, limit: int) -> Page[StoredTrace]:
        """At most `limit` traces that `wanted` lets pass, newest first, from `after` on."""
        condition = trace_condition(wanted, now_ns)
        if after is None and not condition.reads_spans and (page := await self._newest(condition, limit)):
            return page
        found: list[StoredTrace] = []
        async for window in self._windows(wanted, now_ns, after, (limit + 1) * _ROWS_A_TRACE):
            lines = await self._database.query(
                TRACES.format(condition=condition.sql),
                **condition.parameters,
                **_bounds(window, after),
                limit=limit + 1 - len(found),
            )
            found += [row.trace() for row in _decoded(lines, TraceRow)]
            if len(found) > limit:
                break
        return Page(await self.summed(found[:limit]), len(found) > limit)

    async def _newest(self, condition: Statement, limit: int) -> Page[StoredTrace] | None:
        """The first page, where the newest hours have all of it; None where they do not."""
        rows = (limit + 1) * _ROWS_A_TRACE
        lines = await self._database.query(
            NEWEST.format(condition=condition.sql), **condition.parameters, end_s=_END_S, rows=rows, limit=limit + 1
        )
        found = _decoded(lines, NewestTraceRow)
        if not found:
            return None
        is_all = found[0].window_rows < rows
        has_more = len(found) > limit
        if not (is_all or has_more):
            return None
        traces = [row.trace() for row in found]
        if is_all:
            return Page(await self.summed(traces[:limit]), has_more)
        older = self._database.query(BEGUN_BEFORE, trace_ids=_ids(traces), first_s=found[0].window_s)
        shown, begun_before = await asyncio.gather(self.summed(traces[:limit]), older)
        return None if begun_before else Page(shown, has_more)

    async def trace(self, trace_id: str) -> tuple[StoredTrace, list[StoredSpan]] | None:
        """Return the trace with this id (32 hex digits) and its spans, oldest first; None when there is none."""
        found = await self._found(trace_id)
        if found is None:
            return None
        spans = await self.spans_of([found])
        return summed_up(found, spans), spans

    async def start_of(self, trace_id: str) -> int | None:
        """When the trace with this id (32 hex digits) began, in nanoseconds since 1970; None when there is none."""
        found = await self._found(trace_id)
        return None if found is None else found.start_ns

    async def _found(self, trace_id: str) -> StoredTrace | None:
        rows = _decoded(await self._database.query(TRACE, trace_id=trace_id), TraceRow)
        return rows[0].trace() if rows else None

    async def spans_of(self, traces: Sequence[StoredTrace]) -> list[StoredSpan]:
        """All spans of `traces`, oldest first."""
        spans = _decoded(await self._database.query(SPANS, **_range_of(traces)), StoredSpan)
        spans.sort(key=lambda span: (span.start_ns, -span.duration_ns, span.span_id))
        once: dict[tuple[str, str], StoredSpan] = {}
        for span in spans:
            once.setdefault((span.trace_id, span.span_id), span)
        return list(once.values())

    async def spans(self, wanted: Filter, now_ns: int, after: SpanRef | None, limit: int) -> Page[SpanLine]:
        """At most `limit` spans that `wanted` lets pass, newest first, from `after` on."""
        found: dict[tuple[str, str], SpanLine] = {}
        condition = span_condition(wanted, now_ns)
        async for times in self._times_of_spans(wanted, condition, now_ns, after, limit):
            lines = await self._database.query(
                SPAN_LINES.format(condition=condition.sql),
                **condition.parameters,
                **times._asdict(),
                **_cursor(after),
                after_span=after.span_id if after else "",
                limit=limit + 1,  # some of these may be there already, with other times
            )
            for line in _decoded(lines, SpanLine):
                found.setdefault((line.trace_id, line.span_id), line)
            if len(found) > limit:
                break
        return Page(list(found.values())[:limit], len(found) > limit)

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
        times = _range_of(traces)
        rows = _decoded(await self._database.query(TRACE_TOTALS, _settings_for(traces), **times), TotalsRow)
        if any(row.spans > row.span_ids for row in rows):
            rows = _decoded(await self._database.query(TRACE_TOTALS_OF_EACH_ONCE, **times), TotalsRow)
        totals = {row.trace_id: row for row in rows}
        return [totals[trace.trace_id].of(trace) if trace.trace_id in totals else trace for trace in traces]

    async def _times_of_spans(
        self, wanted: Filter, condition: Statement, now_ns: int, after: SpanRef | None, limit: int
    ) -> AsyncIterator[_Times]:
        """Spans of time, newest first, that together hold all spans that `wanted` can let pass.

        Where an index finds them, they are looked for by it alone, before anything else of them is read.
        """
        by_index = self._texts_indexed and needs_words(wanted)
        rows = _ROWS_BY_INDEX if by_index else (limit + 1) * _ROWS_A_TRACE
        async for window in self._windows(wanted, now_ns, after, rows):
            last_ns = window.end_s * _SECOND - 1
            times = _Times(window.first_s * _SECOND, min(last_ns, after.start_ns) if after else last_ns)
            if not by_index:
                yield times
                continue
            async for matching in self._matching(condition, times, limit + 1):
                yield matching

    async def _matching(self, condition: Statement, times: _Times, rows: int) -> AsyncIterator[_Times]:
        """Spans of time within `times`, newest first: each has `rows` spans that match, or few more, the last fewer."""
        while True:
            lines = await self._database.query(
                MATCHES.format(condition=condition.sql),
                _NO_PROJECTIONS,
                **condition.parameters,
                **times._asdict(),
                rows=rows,
            )
            (row,) = _decoded(lines, _MatchesRow)
            if row.rows:
                yield times._replace(first_ns=row.oldest_ns)
            if row.rows < rows:
                return
            times = times._replace(last_ns=row.oldest_ns - 1)

    async def _windows(self, wanted: Filter, now_ns: int, after: SpanRef | None, rows: int) -> AsyncIterator[_Window]:
        """Hours, newest first, that together hold all that `wanted` can let pass; the first hold `rows` or few more.

        What is asked for is mostly among the newest: the first holds little more than is wanted, and only a filter that
        lets little pass needs the others.
        """
        since_ns, until_ns = _times(wanted, now_ns)
        end_s = min(_END_S, _next_hour(until_ns), _END_S if after is None else _next_hour(after.start_ns))
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
        **_cursor(after),
    }


def _cursor(after: SpanRef | None) -> dict[str, Value]:
    return {"after_ns": after.start_ns if after else 0, "after_trace": after.trace_id if after else ""}


def _range_of(traces: Sequence[StoredTrace]) -> dict[str, Value]:
    """Parameters that let ClickHouse read only the months these traces are in."""
    return {
        "trace_ids": _ids(traces),
        "first_ns": min(trace.start_ns for trace in traces),
        "last_ns": max(trace.end_ns for trace in traces),
    }


def _settings_for(traces: Sequence[StoredTrace]) -> Settings:
    """Traces of one hour are found by the time alone, sooner than by the projection that has their places."""
    times = [trace.start_ns for trace in traces] + [trace.end_ns for trace in traces]
    return _NO_PROJECTIONS if max(times) - min(times) < _HOUR_S * _SECOND else {}


def _ids(traces: Sequence[StoredTrace]) -> str:
    """Ids are hex, so quotes are safe."""
    return "[" + ",".join(f"'{trace.trace_id}'" for trace in traces) + "]"
