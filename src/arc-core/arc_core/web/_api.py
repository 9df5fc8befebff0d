"""`/api/v1`: the shapes of `arc_semconv.api`."""

import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import Final

import msgspec
from arc_semconv.api import Problem, TracePage
from arc_semconv.attributes import API_KEY_HEADER
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from arc_core.access import Access
from arc_core.errors import ArcCoreError, MalformedError, StoreError, UnauthenticatedError
from arc_core.model import StoredTrace, TraceFilter
from arc_core.store import TraceStore
from arc_core.web._views import trace_detail, trace_summary

_PAGE: Final = 50
_MAX_PAGE: Final = 200
_MAX_TEXT: Final = 1000
_STATUSES: Final = ("ok", "error", "interrupted", "cancelled", "running")
_TRACE_ID: Final = re.compile(r"[0-9a-fA-F]{32}")
_EPOCH: Final = datetime.fromtimestamp(0, UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_CURSOR: Final = re.compile(r"([0-9]{1,19})-([0-9a-f]{32})")

Endpoint = Callable[[Request], Awaitable[Response]]


class TraceNotFoundError(ArcCoreError):
    """No span of this trace has arrived."""


_STATUS_OF: Final[dict[type[ArcCoreError], int]] = {
    MalformedError: 400,
    UnauthenticatedError: 401,
    TraceNotFoundError: 404,
    StoreError: 503,
}


def api_routes(store: TraceStore, access: Access) -> list[Route]:
    """Return the routes below `/api`, the last of which answers what there is not."""
    api = _Api(store)
    return [
        Route("/api/v1/health", _guarded(api.health, access)),
        Route("/api/v1/traces", _guarded(api.traces, access)),
        Route("/api/v1/traces/{trace_id}", _guarded(api.trace, access)),
        *(
            Route(path, _nothing, methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
            for path in ("/api", "/api/{path:path}")
        ),
    ]


class _Health(msgspec.Struct):
    status: str
    version: str


class _Api:
    def __init__(self, store: TraceStore) -> None:
        self._store = store

    async def health(self, _: Request) -> Response:
        return _json(_Health("ok", version("arc-core")))

    async def traces(self, request: Request) -> Response:
        wanted, limit = _filter(request.query_params), _limit(request.query_params)
        found = await self._store.page(wanted, limit + 1)
        page = found[:limit]
        return _json(
            TracePage(
                traces=[trace_summary(trace) for trace in page],
                next=_cursor(page[-1]) if len(found) > limit else None,
                services=await self._store.services(),
            )
        )

    async def trace(self, request: Request) -> Response:
        trace_id = request.path_params["trace_id"]
        if not _TRACE_ID.fullmatch(trace_id):
            raise MalformedError(f"trace id {trace_id[:100]!r} is not 32 hex digits")
        found = await self._store.trace(trace_id.lower())
        if found is None:
            raise TraceNotFoundError(f"no trace {trace_id}; it may not have arrived yet")
        return _json(trace_detail(*found))


def _guarded(endpoint: Endpoint, access: Access) -> Endpoint:
    async def answer(request: Request) -> Response:
        try:
            access.check(request.headers.get(API_KEY_HEADER))
            return await endpoint(request)
        except tuple(_STATUS_OF) as error:
            return _json(Problem(str(error)), _STATUS_OF[type(error)])

    return answer


async def _nothing(request: Request) -> Response:
    return _json(Problem(f"there is nothing at {request.method} {request.url.path}"), 404)


def _json(answer: msgspec.Struct, status: int = 200) -> Response:
    return Response(msgspec.json.encode(answer), status, {"Cache-Control": "no-store"}, media_type="application/json")


def _filter(query: QueryParams) -> TraceFilter:
    status = query.get("status", "")
    if status and status not in _STATUSES:
        raise MalformedError(f"status {status[:100]!r} is none of {', '.join(_STATUSES)}")
    before_ns, before_id = _before(query.get("before", ""))
    return TraceFilter(
        service=query.get("service", ""),
        status=status,
        text=query.get("q", "").strip()[:_MAX_TEXT],
        invocation=query.get("invocation", "")[:_MAX_TEXT],
        since_ns=_since_ns(query.get("since", "")),
        before_ns=before_ns,
        before_id=before_id,
    )


def _since_ns(text: str) -> int:
    if not text:
        return 0
    try:
        since = datetime.fromisoformat(text)
    except ValueError:
        since = None
    if since is None or since.tzinfo is None:
        raise MalformedError(f"since {text[:100]!r} is no time with its zone, for example 2026-11-21T09:30:00Z")
    return max(0, (since - _EPOCH) // _MICROSECOND * 1000)


def _limit(query: QueryParams) -> int:
    text = query.get("limit", str(_PAGE))
    if not re.fullmatch(r"[0-9]{1,9}", text) or not 1 <= int(text) <= _MAX_PAGE:
        raise MalformedError(f"limit {text[:100]!r} is not a whole number from 1 to {_MAX_PAGE}")
    return int(text)


def _cursor(trace: StoredTrace) -> str:
    return f"{trace.start_ns}-{trace.trace_id}"


def _before(cursor: str) -> tuple[int, str]:
    if not cursor:
        return 0, ""
    found = _CURSOR.fullmatch(cursor)
    if found is None or int(found[1]) >= 2**63:
        raise MalformedError(f"before {cursor[:100]!r} is not the `next` of a page")
    return int(found[1]), found[2]
