"""The operations as routes: who asks is looked up first, then what."""

import functools
import json
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from arc_core.access import Access, Caller, Scope
from arc_core.api._openapi import document
from arc_core.api._operation import Call, Operation
from arc_core.api._parameters import read_all
from arc_core.api._problems import STATUSES, problem, refusal
from arc_core.errors import MalformedError, NotFoundError

_METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")


class Turnstile(Protocol):
    """What counts requests to the API."""

    def take_request(self, caller: Caller) -> None:
        """Count one request; raise RateLimitedError when it is too many."""


def routes_of(operations: Sequence[Operation], access: Access, turnstile: Turnstile) -> list[Route]:
    """Return the routes below `/api`, the last of which answers what there is not."""
    by_path: dict[str, list[Operation]] = {}
    for operation in operations:
        by_path.setdefault(operation.path, []).append(operation)
    return [
        *(Route(path, _endpoint(some, access, turnstile), methods=list(_METHODS)) for path, some in by_path.items()),
        Route("/api/v1/openapi.json", _guarded(_schema(operations), access), methods=["GET"]),
        *(Route(path, _nothing, methods=list(_METHODS)) for path in ("/api", "/api/{path:path}")),
    ]


def _endpoint(
    operations: Sequence[Operation], access: Access, turnstile: Turnstile
) -> Callable[[Request], Awaitable[Response]]:
    by_method = {operation.method: operation for operation in operations}
    allowed = ", ".join(sorted(by_method))

    async def answer(request: Request) -> Response:
        operation = by_method.get("GET" if request.method == "HEAD" else request.method)
        if operation is None:
            message = f"{request.method} is not taken at {request.url.path}; {allowed} is"
            return problem(request, 405, message, {"Allow": allowed})
        try:
            caller = access.authenticate(request.headers, operation.scope)
            turnstile.take_request(caller)
            _check_path(operation, request)
            values = read_all(operation.parameters, request.query_params)
            told = await operation.handler(Call(request, caller, values))
        except tuple(STATUSES) as error:
            return refusal(request, error)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody reads it
        return told if isinstance(told, Response) else as_json(told, operation.status)

    return answer


def _check_path(operation: Operation, request: Request) -> None:
    for name, pattern in operation.path_parameters.items():
        value = request.path_params[name]
        if not re.fullmatch(pattern, value, re.ASCII):
            raise MalformedError(f"{name.replace('_', ' ')} {value[:100]!r} is not {_WORDS.get(pattern, pattern)}")


_WORDS: Final = {
    "[0-9a-fA-F]{32}": "32 hex digits",
    "[0-9a-fA-F]{16}": "16 hex digits",
}


def as_json(answer: msgspec.Struct, status: int = 200) -> Response:
    """`answer` as the body of a response."""
    return Response(msgspec.json.encode(answer), status, {"Cache-Control": "no-store"}, media_type="application/json")


def _guarded(
    endpoint: Callable[[Request], Awaitable[Response]], access: Access, scope: Scope = "read"
) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        try:
            access.authenticate(request.headers, scope)
            return await endpoint(request)
        except tuple(STATUSES) as error:
            return refusal(request, error)

    return answer


def _schema(operations: Sequence[Operation]) -> Callable[[Request], Awaitable[Response]]:
    @functools.cache
    def made() -> bytes:
        return json.dumps(document(operations)).encode()

    async def answer(_: Request) -> Response:
        return Response(made(), media_type="application/json")

    return answer


async def _nothing(request: Request) -> Response:
    return refusal(request, NotFoundError(f"there is nothing at {request.method} {request.url.path}"))
