"""The operations as routes: who asks is looked up first, then what."""

import functools
import json
import logging
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from arc_core.access import Access, Caller
from arc_core.api._openapi import document
from arc_core.api._operation import Call, Operation
from arc_core.api._parameters import read_all
from arc_core.api._problems import STATUSES, problem, refusal
from arc_core.errors import MalformedError, NotFoundError

_METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")


_log = logging.getLogger("arc_core.api")


class Turnstile(Protocol):
    """What limits requests to the API."""

    def take_request(self, caller: Caller) -> None:
        """Count one request; raise OverQuotaError when it is too many."""


Answered = Callable[[str, str, int, float], None]
"""Hears of each answer: the tenant, empty where it is not known, the operation, the status, the seconds it took."""


def routes_of(operations: Sequence[Operation], access: Access, turnstile: Turnstile, answered: Answered) -> list[Route]:
    """Return the routes below `/api`, the last of which answers what there is not."""
    by_path: dict[str, list[Operation]] = {}
    for operation in operations:
        by_path.setdefault(operation.path, []).append(operation)
    return [
        *(
            Route(path, _endpoint(some, access, turnstile, answered), methods=list(_METHODS))
            for path, some in by_path.items()
        ),
        Route("/api/v1/openapi.json", refusing(_schema(operations, access)), methods=list(_METHODS)),
        *(Route(path, _nothing, methods=list(_METHODS)) for path in ("/api", "/api/{path:path}")),
    ]


def _endpoint(
    operations: Sequence[Operation], access: Access, turnstile: Turnstile, answered: Answered
) -> Callable[[Request], Awaitable[Response]]:
    by_method = {operation.method: operation for operation in operations}
    allowed = ", ".join(sorted(by_method))

    async def answer(request: Request) -> Response:
        operation = by_method.get("GET" if request.method == "HEAD" else request.method)
        if operation is None:
            return _another_method(request, allowed)
        began, caller = time.monotonic(), None
        try:
            caller = access.authenticate(request.headers, operation.scope)
            turnstile.take_request(caller)
            response = await _handled(operation, request, caller)
        except tuple(STATUSES) as error:
            response = refusal(request, error)
        except ClientDisconnect:
            response = Response(status_code=400)  # nobody reads it
        took = time.monotonic() - began
        tenant = "" if caller is None else caller.tenant
        answered(tenant, operation.name, response.status_code, took)
        _log.info(
            operation.name,
            extra={
                "method": request.method,
                "path": request.url.path,
                "status": response.status_code,
                "duration_ms": round(took * 1000, 1),
                "tenant": tenant,
                "key": "" if caller is None else caller.key_id,
            },
        )
        return response

    return answer


async def _handled(operation: Operation, request: Request, caller: Caller) -> Response:
    _check_path(operation, request)
    values = read_all(operation.parameters, request.query_params)
    told = await operation.handler(Call(request, caller, values))
    return told if isinstance(told, Response) else as_json(told, operation.status)


def _check_path(operation: Operation, request: Request) -> None:
    for name, pattern in operation.path_parameters.items():
        value = request.path_params[name]
        if not re.fullmatch(pattern, value, re.ASCII):
            raise MalformedError(f"{name.replace('_', ' ')} {value[:100]!r} is not {_WORDS.get(pattern, pattern)}")


_WORDS: Final = {
    "[0-9a-fA-F]{32}": "32 hex digits",
    "[0-9a-fA-F]{16}": "16 hex digits",
    "[a-z0-9]{12}": "the twelve characters after arc_live_",
}


def as_json(answer: msgspec.Struct, status: int = 200) -> Response:
    """`answer` as the body of a response."""
    return Response(msgspec.json.encode(answer), status, {"Cache-Control": "no-store"}, media_type="application/json")


def refusing(endpoint: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """`endpoint`, whose errors become answers."""

    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except tuple(STATUSES) as error:
            return refusal(request, error)

    return answer


def _schema(operations: Sequence[Operation], access: Access) -> Callable[[Request], Awaitable[Response]]:
    @functools.cache
    def made() -> bytes:
        return json.dumps(document(operations)).encode()

    async def answer(request: Request) -> Response:
        if request.method not in ("GET", "HEAD"):
            return _another_method(request, "GET")
        access.authenticate(request.headers, "read")
        return Response(made(), media_type="application/json")

    return answer


def _another_method(request: Request, allowed: str) -> Response:
    message = f"{request.method} is not taken at {request.url.path}; {allowed} is"
    return problem(request, 405, message, {"Allow": allowed})


async def _nothing(request: Request) -> Response:
    return refusal(request, NotFoundError(f"there is nothing at {request.method} {request.url.path}"))
