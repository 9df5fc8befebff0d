"""The operations that read."""

import asyncio
import re
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any, Final, get_args

import msgspec
from arc_semconv import attributes as names
from arc_semconv.api import (
    AgentList,
    CostList,
    FailureList,
    Health,
    ModelList,
    SessionPage,
    SpanPage,
    SpanView,
    StatList,
    TraceDetail,
    TracePage,
)

from arc_core.api import _summaries as shapes
from arc_core.api._operation import Call, Operation
from arc_core.api._parameters import FILTER, choice, cursor, interval, moment, text, whole_number
from arc_core.api._views import span_view, trace_detail, trace_summary
from arc_core.errors import NotFoundError
from arc_core.filters import (
    Attribute,
    Filter,
    Match,
    Statement,
    When,
    all_of,
    any_of,
    span_condition,
)
from arc_core.reading import Grouping, Rollups, SpanRef, TenantDatabase, Traces
from arc_core.store import Database

_STATUSES: Final = ("ok", "error", "interrupted", "cancelled", "running")
_TRACE_ID: Final = "[0-9a-fA-F]{32}"
_SPAN_ID: Final = "[0-9a-fA-F]{16}"

_PAGE: Final = whole_number("limit", "how many on a page", default=50, most=200)
_ROWS: Final = whole_number("limit", "how many at most", default=100, most=1000)
_POINTS: Final = whole_number("limit", "how many points at most", default=5000, most=50_000)


_TIME: Final = "([0-8]?[0-9]{1,18})"
"""Nanoseconds since 1970 as the store can hold them: below 2**63."""


def _trace_ref(found: re.Match[str]) -> SpanRef:
    return SpanRef(int(found[1]), found[2])


def _span_ref(found: re.Match[str]) -> SpanRef:
    return SpanRef(int(found[1]), found[2], found[3])


def _session_ref(found: re.Match[str]) -> tuple[int, str]:
    return int(found[1]), found[2]


_AFTER_TRACE: Final = cursor("after", f"{_TIME}-([0-9a-f]{{32}})", _trace_ref)
_BEFORE_TRACE: Final = cursor("before", f"{_TIME}-([0-9a-f]{{32}})", _trace_ref, is_hidden=True)
_AFTER_SPAN: Final = cursor("after", f"{_TIME}-([0-9a-f]{{32}})-([0-9a-f]{{16}})", _span_ref)
_AFTER_SESSION: Final = cursor("after", f"{_TIME}-(.+)", _session_ref)

_SHORT: Final = (
    text("service", "", is_hidden=True),
    choice("status", "", _STATUSES, is_hidden=True),
    text("q", "", is_hidden=True),
    moment("since", "", is_hidden=True),
    text("invocation", "", is_hidden=True),
)
"""Parameters of Arc Core 1.0, each of which the filter says as well."""


class Reads:
    """Answers from the store; each for the tenant of the caller alone."""

    def __init__(
        self, database: Database, now_ns: Callable[[], int] = time.time_ns, *, texts_indexed: bool = False
    ) -> None:
        self._database = database
        self._texts_indexed = texts_indexed
        self._now_ns = now_ns

    def operations(self) -> list[Operation]:
        """All of them."""
        grouping = get_args(Grouping)
        return [
            _read("/api/v1/health", "health", "Whether Arc Core is up, and its version", self.health, Health),
            _read(
                "/api/v1/traces",
                "traces",
                "Traces, newest first",
                self.traces,
                TracePage,
                FILTER,
                _PAGE,
                _AFTER_TRACE,
                _BEFORE_TRACE,
                *_SHORT,
            ),
            _read(
                "/api/v1/traces/{trace_id}",
                "trace",
                "One trace with its spans",
                self.trace,
                TraceDetail,
                path={"trace_id": _TRACE_ID},
            ),
            _read(
                "/api/v1/traces/{trace_id}/spans/{span_id}",
                "span",
                "One span",
                self.span,
                SpanView,
                path={"trace_id": _TRACE_ID, "span_id": _SPAN_ID},
            ),
            _read("/api/v1/spans", "spans", "Spans, newest first", self.spans, SpanPage, FILTER, _PAGE, _AFTER_SPAN),
            _read(
                "/api/v1/sessions",
                "sessions",
                "Conversations, the last active first",
                self.sessions,
                SessionPage,
                FILTER,
                _PAGE,
                _AFTER_SESSION,
            ),
            _read(
                "/api/v1/agents", "agents", "Agents: runs, errors, time, cost", self.agents, AgentList, FILTER, _ROWS
            ),
            _read(
                "/api/v1/models", "models", "Models: calls, errors, time, cost", self.models, ModelList, FILTER, _ROWS
            ),
            _read(
                "/api/v1/costs",
                "costs",
                "What model calls cost",
                self.costs,
                CostList,
                FILTER,
                _POINTS,
                choice("by", "kept apart by", grouping, default="model"),
                interval("interval", "pieces of time, for example 1d; none: not cut"),
            ),
            _read(
                "/api/v1/errors",
                "errors",
                "Failures by sort, most frequent first",
                self.errors,
                FailureList,
                FILTER,
                _ROWS,
            ),
            _read(
                "/api/v1/stats",
                "stats",
                "Numbers over time",
                self.stats,
                StatList,
                FILTER,
                _POINTS,
                choice("by", "kept apart by", grouping, default="none"),
                interval("interval", "pieces of time, for example 5m; none: 1h"),
            ),
        ]

    async def health(self, _: Call) -> Health:
        """That it is up."""
        return Health("ok", version("arc-core"))

    async def traces(self, call: Call) -> TracePage:
        """A page of traces."""
        reader = self._traces(call)
        after = call["after"] or call["before"]
        page, services = await asyncio.gather(
            reader.page(_with_short(call), self._now_ns(), after, call["limit"]), reader.services()
        )
        last = page.items[-1] if page.has_more else None
        return TracePage(
            traces=[trace_summary(trace) for trace in page.items],
            next=f"{last.start_ns}-{last.trace_id}" if last else None,
            services=services,
        )

    async def trace(self, call: Call) -> TraceDetail:
        """One trace."""
        trace_id = call.request.path_params["trace_id"]
        found = await self._traces(call).trace(trace_id.lower())
        if found is None:
            raise NotFoundError(f"no trace {trace_id}; it may not have arrived yet")
        return trace_detail(*found)

    async def span(self, call: Call) -> SpanView:
        """One span, as it is in its trace."""
        wanted = call.request.path_params
        found = await self._traces(call).trace(wanted["trace_id"].lower())
        for span in found[1] if found else ():
            if found and span.span_id == wanted["span_id"].lower():
                return span_view(span, found[0].start_ns)
        raise NotFoundError(f"no span {wanted['span_id']} in trace {wanted['trace_id']}; it may not have arrived yet")

    async def spans(self, call: Call) -> SpanPage:
        """A page of spans."""
        page = await self._traces(call).spans(call["filter"], self._now_ns(), call["after"], call["limit"])
        last = page.items[-1] if page.has_more else None
        cursor_text = f"{last.start_ns}-{last.trace_id}-{last.span_id}" if last else None
        return SpanPage([shapes.span_summary(row) for row in page.items], cursor_text)

    async def sessions(self, call: Call) -> SessionPage:
        """A page of conversations."""
        page = await self._traces(call).sessions(self._condition(call), call["after"], call["limit"])
        last = page.items[-1] if page.has_more else None
        cursor_text = f"{last.last_ns}-{last.session}" if last else None
        return SessionPage([shapes.session_summary(row) for row in page.items], cursor_text)

    async def agents(self, call: Call) -> AgentList:
        """Agents."""
        rows = await self._rollups(call).agents(self._condition(call), call["limit"])
        return AgentList([shapes.agent_summary(row) for row in rows])

    async def models(self, call: Call) -> ModelList:
        """Models."""
        rows = await self._rollups(call).models(self._condition(call), call["limit"])
        return ModelList([shapes.model_summary(row) for row in rows])

    async def costs(self, call: Call) -> CostList:
        """Costs."""
        cut = call["interval"]
        rows = await self._rollups(call).costs(self._condition(call), call["by"], cut, call["limit"])
        return CostList([shapes.cost_item(row, is_cut=cut is not None) for row in rows])

    async def errors(self, call: Call) -> FailureList:
        """Sorts of failures."""
        rows = await self._rollups(call).failures(self._condition(call), call["limit"])
        return FailureList([shapes.failure_group(row) for row in rows])

    async def stats(self, call: Call) -> StatList:
        """Numbers over time."""
        interval_s = call["interval"] or 3600
        rows = await self._rollups(call).stats(self._condition(call), call["by"], interval_s, call["limit"])
        return StatList(interval_s, [shapes.stat_item(row) for row in rows])

    def _condition(self, call: Call) -> Statement:
        return span_condition(call["filter"], self._now_ns())

    def _traces(self, call: Call) -> Traces:
        return Traces(TenantDatabase(self._database, call.caller.tenant), texts_indexed=self._texts_indexed)

    def _rollups(self, call: Call) -> Rollups:
        return Rollups(TenantDatabase(self._database, call.caller.tenant))


def _read(  # noqa: PLR0913 - a row of a table
    path_: str,
    name: str,
    says: str,
    handler: Any,
    answers: type[msgspec.Struct],
    /,
    *parameters: Any,
    path: dict[str, str] | None = None,
) -> Operation:
    return Operation(
        method="GET",
        path=path_,
        name=name,
        says=says,
        scope="read",
        handler=handler,
        answers=answers,
        parameters=parameters,
        path_parameters=path or {},
        refusals=(404,) if path else (),
    )


def _with_short(call: Call) -> Filter:
    """The filter of `call`, with what its other parameters ask for."""
    wanted: list[Filter] = [call["filter"]]
    if call["service"]:
        wanted.append(Match("service", "is", (call["service"],)))
    if call["status"]:
        wanted.append(Match("status", "is", (call["status"],)))
    if said := call["q"].strip():
        wanted.append(any_of([Match("name", "contains", (said,)), Match("trace", "like", (f"{_hex(said)}*",))]))
    if call["since"]:
        wanted.append(When("since", call["since"]))
    if call["invocation"]:
        wanted.append(Match(Attribute("resource", names.INVOCATION_ID), "is", (call["invocation"],)))
    return all_of(wanted)


def _hex(said: str) -> str:
    """`said` where it can begin an id, else what begins none."""
    return said if re.fullmatch(r"[0-9a-fA-F]{1,32}", said) else "-"
